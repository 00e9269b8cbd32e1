"""Two runs from the same data and seed give the same figures."""

import json

import pytest

from tests.checkerboard import write_checkerboard, write_config
from tests.e2e.conftest import recstack

pytestmark = pytest.mark.slow


def _first(folder):
    """What the first execution of a step wrote."""
    return min(folder.iterdir(), key=lambda path: int(path.name))


def _figures(artifacts):
    """All figures of the first run but those of time; as text, in which what is no number equals itself."""
    figures = json.loads(
        (_first(artifacts / "BundleEvaluator/bundle_evaluation") / "evaluation.json").read_text()
    )
    for measured in (*figures["index"]["measured"], *figures["index"]["curve"]):
        del measured["milliseconds_per_query"]
    return json.dumps(figures, sort_keys=True)


def _shards(artifacts):
    """The transformed examples of both streams, by file."""
    folders = {
        stream: _first(artifacts / f"{stream}.Materializer" / "transformed_examples")
        for stream in ("interactions", "items")
    }
    return {
        f"{stream}/{file.relative_to(folder).as_posix()}": file.read_bytes()
        for stream, folder in folders.items()
        for file in folder.rglob("*.gz")
    }


def test_a_run_from_scratch_finds_what_the_first_one_found(world, tmp_path, monkeypatch):
    write_checkerboard(tmp_path)
    monkeypatch.setenv("PYTHONHASHSEED", "1")  # another one than the first run's
    again = recstack("run", "--config", write_config(tmp_path))
    assert again.returncode == 0, again.stdout + again.stderr
    artifacts = tmp_path / "runs" / "checkerboard" / "artifacts"
    assert _shards(artifacts) == _shards(world.artifacts)
    assert _figures(artifacts) == _figures(world.artifacts)
