"""Logs a run to MLflow."""

from __future__ import annotations

from serving.tracking.tracked_run import TrackedRun

# MLflow refuses longer values and larger batches.
_MAX_CHARACTERS, _MAX_BATCH = 500, 100


def log_to_mlflow(run: TrackedRun, uri: str) -> str:
    """Logs parameters, figures, tags and files as one run.

    Args:
      run: What is logged.
      uri: Of a server, or of a folder.

    Returns:
      MLflow's id of the run.
    """
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.environment_variables import MLFLOW_ALLOW_FILE_STORE
    from mlflow.tracking import MlflowClient

    # A database would bring its drivers into the environment; MLflow wants to be told that files will do.
    MLFLOW_ALLOW_FILE_STORE.set(True)
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(run.experiment)
    number = client.create_experiment(run.experiment) if experiment is None else experiment.experiment_id
    started = client.create_run(number, run_name=run.name)
    run_id, moment = started.info.run_id, started.info.start_time
    parameters = [Param(key, value[:_MAX_CHARACTERS]) for key, value in run.parameters.items()]
    for start in range(0, len(parameters), _MAX_BATCH):
        client.log_batch(run_id, params=parameters[start : start + _MAX_BATCH])
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, moment, 0) for name, value in run.figures.items()],
        tags=[RunTag(name, value) for name, value in run.tags.items()],
    )
    for file in run.files:
        client.log_artifact(run_id, str(file))
    client.set_terminated(run_id)
    return run_id
