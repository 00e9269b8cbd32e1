"""`recstack tune`: what it refuses before anything is computed."""

import pytest
import yaml

from tests.checkerboard import write_checkerboard, write_config
from tests.e2e.conftest import recstack


@pytest.fixture
def folder(tmp_path):
    write_checkerboard(tmp_path)
    return tmp_path


def _expect_refusal(folder, message, *arguments, changes=None):
    done = recstack("tune", "--config", write_config(folder, changes), *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "runs").exists()


def test_a_bad_key_of_the_configuration(folder):
    changes = {"tuning": {"retrieval": {"lerning_rate": {"min": 0.1, "max": 0.2}}}}
    _expect_refusal(
        folder, "error: tuning.retrieval: lerning_rate: unknown key; there are attribute_dim", changes=changes
    )
    # It says nothing of the other model's space.
    ranking = {"tuning": {"ranking": {"dropout": {"min": 0.5, "max": 2}}}}
    _expect_refusal(folder, "error: tuning.ranking: ", "--of", "ranking", changes=ranking)


def test_a_bad_space_file(folder):
    path = folder / "space.yaml"
    path.write_text(yaml.safe_dump({"retrieval": {"dropout": {"min": 0.5}}}))
    _expect_refusal(folder, "retrieval.dropout: a range needs both 'min' and 'max'", "--space", path)
    path.write_text(yaml.safe_dump({"retrieval": {"id_dropout": {"min": 0.5, "max": 1.5}}}))
    _expect_refusal(folder, "id_dropout: 1.5 cannot be", "--space", path)
    _expect_refusal(folder, "cannot read the configuration", "--space", folder / "none.yaml")


@pytest.mark.parametrize("arguments", [("--trials", "0"), ("--epochs", "0"), ("--of", "popularity")])
def test_usage(folder, arguments):
    _expect_refusal(folder, "Invalid value", *arguments)
