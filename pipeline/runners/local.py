"""Runs the pipeline on this machine, over ML Metadata in SQLite."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from absl import logging as absl_logging

from pipeline.canonical import PreparedData
from pipeline.config.run import RunConfig
from pipeline.errors import RecstackError
from pipeline.schema_files import schema_files

if TYPE_CHECKING:
    from pipeline.runners.observed_dag_runner import StepListener


def log_file(config: RunConfig) -> Path:
    """The file that everything a run logs is appended to."""
    return config.run_dir / "run.log"


def run_locally(config: RunConfig, data: PreparedData, listener: StepListener) -> None:
    """Runs every step that ML Metadata does not have already.

    Args:
      config: The configuration.
      data: The input files.
      listener: Is told of the steps.

    Raises:
      RecstackError: A step ended with a message for the user.
    """
    run_dir = config.run_dir.resolve()
    schemas = schema_files(config, data)
    with _logged(log_file(config)), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that TFX imports
        from pipeline.graph import PUSHER, create_pipeline
        from pipeline.runners.observed_dag_runner import ObservedDagRunner

        absolute = config.model_copy(update={"output": run_dir.parent})
        pipeline = create_pipeline(absolute, data, schemas, run_dir / "metadata.sqlite")
        try:
            ObservedDagRunner(listener, never_reused=[PUSHER]).run(pipeline)
        except Exception as error:
            message = _for_the_user(error)
            if message is None:
                raise
            raise message from None


def _for_the_user(error: BaseException) -> RecstackError | None:
    """The message for the user inside the errors that TFX and Beam wrapped around it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, RecstackError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


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
