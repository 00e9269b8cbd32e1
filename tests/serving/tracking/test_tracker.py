"""Trackers, asked by the real packages where those are installed; nothing leaves the machine."""

import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from pipeline.config.run import RunConfig
from pipeline.config.tracking import TrackingConfig
from pipeline.errors import InputError
from serving.tracking import tracker
from serving.tracking.tracked_run import tracked_run
from serving.tracking.tracker import check_tracker, track
from tests.serving.report.full_record import full_record

RAW = {"name": "small", "data": {"source": "movielens_100k"}, "retrieval": {"embedding_dim": 16}}


def _config(folder: Path, **tracking) -> RunConfig:
    return RunConfig.model_validate({**RAW, "output": str(folder), "tracking": tracking})


def _run(config: RunConfig):
    page = config.output / "report.html"
    page.write_text("<p>a report</p>")
    return tracked_run(config, "2026-01-02T03:04:05.678+00:00", full_record(), (page,))


def needs(package: str):
    return pytest.mark.skipif(
        find_spec(package) is None, reason=f"the extra recstack[{package}] is not installed"
    )


def test_nothing_is_tracked_by_default(tmp_path):
    assert TrackingConfig().kind == "none"
    config = _config(tmp_path)
    assert track(config, _run(config)) is None
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_run_is_told_by_flat_parameters_and_plain_names(tmp_path):
    run = _run(_config(tmp_path, experiment="try"))
    assert run.experiment == "try"
    assert run.parameters["retrieval.embedding_dim"] == "16"
    assert not any(key.startswith(("tracking", "privacy", "output")) for key in run.parameters)
    assert run.figures["recall_at_20"] == 0.3
    assert run.figures["popularity/recall_at_20"] == 0.1
    assert run.figures["rating/rmse"] == 0.95
    assert run.tags == {"pipeline": "small", "verdict": "blessed"}


@pytest.mark.parametrize("kind", ["mlflow", "wandb"])
def test_a_tracker_that_is_not_installed_is_found_missing_by_its_extra(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(tracker, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=rf"pip install 'recstack\[{kind}\]'"):
        check_tracker(_config(tmp_path, kind=kind))


def test_an_unknown_tracker_is_refused(tmp_path):
    with pytest.raises(ValueError, match="kind"):
        _config(tmp_path, kind="notebook")


@needs("mlflow")
def test_mlflow_has_parameters_figures_and_files(tmp_path):
    from mlflow.tracking import MlflowClient

    config = _config(tmp_path, kind="mlflow")
    uri = track(config, _run(config))
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("small")
    (logged,) = client.search_runs([experiment.experiment_id])
    assert logged.info.status == "FINISHED"
    assert logged.data.params["retrieval.embedding_dim"] == "16"
    assert logged.data.metrics["recall_at_20"] == 0.3
    assert logged.data.tags["verdict"] == "blessed"
    kept = Path(client.download_artifacts(logged.info.run_id, "report.html"))
    assert kept.read_text() == "<p>a report</p>"
    track(config, _run(config))  # another run of the same experiment
    assert len(client.search_runs([experiment.experiment_id])) == 2


@needs("mlflow")
def test_a_store_that_cannot_be_written_is_an_error_for_people(tmp_path):
    (tmp_path / "file").write_text("")
    config = _config(tmp_path, kind="mlflow", uri=(tmp_path / "file").as_uri())
    with pytest.raises(InputError, match="the run is done, and cannot be logged to mlflow"):
        track(config, _run(config))


@needs("wandb")
def test_wandb_writes_an_offline_run(tmp_path):
    config = _config(tmp_path, kind="wandb")
    folder = Path(track(config, _run(config)))
    assert folder == tmp_path / "wandb"
    (run,) = folder.glob("offline-run-*")
    (log,) = run.glob("*.wandb")
    wanted = (b"recall_at_20", b"retrieval.embedding_dim", b"report.html")
    written = log.read_bytes()
    until = time.monotonic() + 60  # the client's own process may still be writing
    while not all(expected in written for expected in wanted) and time.monotonic() < until:
        time.sleep(0.1)
        written = log.read_bytes()
    for expected in wanted:
        assert expected in written, expected
