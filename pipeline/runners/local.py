"""Runs the pipeline on this machine, over ML Metadata in SQLite."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from absl import logging as absl_logging

from pipeline.canonical import PreparedData
from pipeline.config.run import RunConfig
from pipeline.errors import for_the_user
from pipeline.runners.step_recorder import StepRecorder
from pipeline.schema_files import schema_files

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

    from pipeline.config.tuning import Model, Search
    from pipeline.runners.steps import StepListener


VALIDATION_LOG = "validation.log"


def log_file(config: RunConfig) -> Path:
    """The file that everything a run logs is appended to."""
    return config.run_dir / "run.log"


def run_locally(
    config: RunConfig, data: PreparedData, listener: StepListener, until_bundle: bool = False
) -> None:
    """Runs every step that ML Metadata does not have already.

    Args:
      config: The configuration.
      data: The input files.
      listener: Is told of the steps.
      until_bundle: Whether to end with the bundle, neither judged nor pushed.

    Raises:
      RecstackError: A step ended with a message for the user.
    """
    schemas = schema_files(config, data)

    def create(absolute: RunConfig) -> Pipeline:
        from pipeline.graph import create_pipeline

        metadata_file = absolute.metadata_file
        return create_pipeline(absolute, data, schemas, metadata_file, until_bundle)

    _run(config, create, StepRecorder(listener, config.steps_dir), log_file(config))


def validate_locally(
    config: RunConfig, data: PreparedData, folder: Path, listener: StepListener, transform: bool = False
) -> None:
    """Runs the steps that judge the data, and no others.

    Args:
      config: The configuration.
      data: The input files.
      folder: Gets what the steps write, and `validation.log`.
      listener: Is told of the steps.
      transform: Whether the data are made ready for training as well.

    Raises:
      RecstackError: The data are not valid, or a step ended with another message for the user.
    """
    schemas = schema_files(config, data)

    def create(absolute: RunConfig) -> Pipeline:
        from pipeline.graph import create_data_pipeline

        return create_data_pipeline(absolute, data, schemas, folder.resolve(), transform)

    _run(config, create, listener, folder / VALIDATION_LOG)


def tune_locally(
    config: RunConfig, data: PreparedData, of: Model, search: Search, listener: StepListener
) -> None:
    """Runs a search, and before it those steps of a run that it needs and ML Metadata does not have.

    Args:
      config: The configuration.
      data: The input files.
      of: Whose settings are searched.
      search: What is tried.
      listener: Is told of the steps.

    Raises:
      RecstackError: A step ended with a message for the user.
    """
    schemas = schema_files(config, data)

    def create(absolute: RunConfig) -> Pipeline:
        from pipeline.graph import create_tuning_pipeline

        metadata_file = absolute.metadata_file
        return create_tuning_pipeline(absolute, data, schemas, metadata_file, of, search)

    _run(config, create, listener, log_file(config))


def _run(
    config: RunConfig,
    create: Callable[[RunConfig], Pipeline],
    listener: StepListener,
    log: Path,
) -> None:
    """Creates a pipeline from the configuration with absolute paths, and runs it."""
    with _logged(log), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that TFX imports
        from pipeline.nodes.serving import PUSHER
        from pipeline.runners.observed_dag_runner import ObservedDagRunner

        pipeline = create(config.model_copy(update={"output": config.run_dir.resolve().parent}))
        try:
            ObservedDagRunner(listener, never_reused=[PUSHER]).run(pipeline)
        except Exception as error:
            message = for_the_user(error)
            if message is None:
                raise
            raise message from None


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Sends everything that is logged to a file instead of the console."""
    root, absl_logger = logging.getLogger(), absl_logging.get_absl_logger()
    handlers, level, absl_handlers = root.handlers, root.level, absl_logger.handlers
    file = logging.FileHandler(path, encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.handlers, absl_logger.handlers = [file], []
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.handlers, absl_logger.handlers = handlers, absl_handlers
        root.setLevel(level)
        file.close()
