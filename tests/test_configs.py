"""The configurations that come with the project."""

from pathlib import Path

import pytest

from pipeline.config.run import load_config
from pipeline.datasets.feedback_meaning import meaning_of
from pipeline.datasets.registry import open_adapter
from pipeline.schema_files import CURATED
from schemas.features import declare_features

CONFIGS = sorted((Path(__file__).resolve().parent.parent / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_it_fits_its_source(path):
    config = load_config(path)
    assert config.name == path.stem == config.data.source
    assert (CURATED / config.data.source).is_dir()
    layout = open_adapter(config.data).layout()
    config.evaluation.check_slices(declare_features(layout, config.features.crosses))
    for task in config.ranking.tasks:
        assert layout.has_event_type if task.kind == "event" else layout.has_value, task.name


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_what_people_do_on_the_page_counts(path):
    config = load_config(path)
    assert config.feedback is not None
    meaning = meaning_of(config.feedback.kinds, open_adapter(config.data).layout())
    assert {"like", "purchase"} & {kind for kind, entry in meaning.items() if not entry.exposure}
