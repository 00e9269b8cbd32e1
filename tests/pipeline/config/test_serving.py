"""Configuration of servers, right and wrong."""

import re
from pathlib import Path

import pytest
import yaml

from pipeline.config.serving import BatchingConfig, ServingConfig


def test_the_defaults_agree_with_one_another():
    batching = ServingConfig().batching
    assert batching.allowed_batch_sizes[-1] == batching.max_batch_size == 32


def test_the_guide_names_every_setting_with_its_default():
    page = Path(__file__).resolve().parents[3] / "docs" / "serving.md"
    (block,) = re.findall(r"^```yaml\n(serving:.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    shown = yaml.safe_load(block)["serving"]
    assert ServingConfig.model_validate({**shown, "mount": None}) == ServingConfig()
    assert set(shown) == set(ServingConfig.model_fields)
    assert set(shown["batching"]) == set(BatchingConfig.model_fields)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_batch_size": 64}, "must end in max_batch_size, 64, not in 32"),
        ({"allowed_batch_sizes": (1, 8, 8, 32)}, "must grow"),
        ({"allowed_batch_sizes": (0, 32)}, "must grow, from 1"),
        ({"num_batch_threads": 0}, "greater than or equal to 1"),
    ],
)
def test_batches_that_cannot_be(change, message):
    with pytest.raises(ValueError, match=message):
        BatchingConfig(**change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mount": "bundle"}, "must be an absolute path, not bundle"),
        ({"metrics_path": "metrics"}, "should match pattern"),
        ({"metrics_path": '/a" }'}, "should match pattern"),
    ],
)
def test_paths_that_cannot_be(change, message):
    with pytest.raises(ValueError, match=message):
        ServingConfig(**change)
