"""Runs, steps and artifacts, from ML Metadata's tables."""

import sqlite3

import pytest

from pipeline.metadata_records import read_pipeline_runs
from tests.pipeline.small_metadata import CACHED, FAILED, SmallMetadata


def test_steps_stand_in_their_runs_with_what_they_read_and_made(tmp_path):
    metadata = SmallMetadata(tmp_path / "metadata.sqlite")
    metadata.add("first", "items.Gen", ["examples"], parameters={"code": "abc", "__own__": "x"})
    metadata.add("first", "Trainer", ["model", "model_run"], inputs=[1])
    metadata.add("second", "items.Gen", state=CACHED)
    metadata.add("second", "Trainer", state=FAILED)
    first, second = read_pipeline_runs(metadata.path)
    assert [run.name for run in (first, second)] == ["first", "second"]
    gen, trainer = first.executions
    assert (gen.node_id, gen.state, gen.parameters) == ("items.Gen", "complete", {"code": "abc"})
    assert (gen.ended - gen.started).total_seconds() == 10
    assert trainer.inputs["input"] == gen.outputs["examples"]
    assert first.output("Trainer", "model_run") == "artifacts/Trainer/model_run/2"
    assert first.output("Trainer", "nothing") is None
    assert [e.state for e in second.executions] == ["reused", "failed"]
    assert second.execution("Other") is None


def test_a_file_that_is_no_database_is_an_error(tmp_path):
    (tmp_path / "x").write_text("text")
    with pytest.raises(sqlite3.Error):
        read_pipeline_runs(tmp_path / "x")
    with pytest.raises(sqlite3.Error):
        read_pipeline_runs(tmp_path / "not there")
