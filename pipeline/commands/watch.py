"""`recstack watch`."""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from pipeline.canonical import prepare
from pipeline.command_ending import errors_as_messages
from pipeline.commands.validate import with_interactions
from pipeline.config.data import UNSPLIT, CsvSource, InteractionsFile
from pipeline.config.run import LAST_RUN_FILE, RunConfig
from pipeline.config.spans import SpansConfig
from pipeline.console import err, native_output_to, out
from pipeline.datasets.spans import Span, plan_spans
from pipeline.errors import DriftError, InputError
from pipeline.locking import exclusive
from pipeline.runners.local import VALIDATION_LOG, validate_locally
from pipeline.runners.steps import StepListener
from pipeline.triggers import LastRun, has_news, is_scheduled, read_last_run, write_last_run
from schemas.features import Stream
from serving.layout import newest_statistics

_FAULT = 1  # what a command ends with that nobody foresaw
_DRIFTED = 100  # what no command ends with


def watch(config: RunConfig, once: bool) -> int:
    """Starts a run whenever one is due.

    Runs and looks at drift are processes of their own: one that is killed leaves the watch alive, and is
    tried again at the next look, which reuses the steps that it finished. One that ends by itself, well or
    refused, is not tried again on the same spans.

    Args:
      config: The configuration; its interactions come in spans.
      once: Whether to look once, run if that is due, and end.

    Returns:
      How the last run ended; 0 if none was due.

    Raises:
      InputError: The interactions do not come in spans, or are too few.
    """
    interactions, spans = _in_spans(config)
    plan_spans(interactions.path, spans)  # a wrong folder is told of at once
    try:
        config.run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {config.run_dir}: {error.strerror}") from error
    with exclusive(config.run_dir / "watch.lock"):
        compared: set[Span] = set()
        while True:
            ended = _look(config, interactions.path, spans, compared)
            if once:
                return ended
            time.sleep(config.continuous.poll_seconds)


def _in_spans(config: RunConfig) -> tuple[InteractionsFile, SpansConfig]:
    """The interactions, and how their spans are read."""
    source = config.data
    if not isinstance(source, CsvSource) or source.interactions.spans is None:
        raise InputError(
            "nothing arrives that could be watched: data.interactions.spans says that interactions come in "
            "dated folders, and the configuration does not have it"
        )
    return source.interactions, source.interactions.spans


def _look(config: RunConfig, root: Path, spans: SpansConfig, compared: set[Span]) -> int:
    """Looks once; how the run ended that was due, 0 if none was. No span is compared twice."""
    path = config.run_dir / LAST_RUN_FILE
    last, newest = read_last_run(path), plan_spans(root, spans).window[-1]
    if not has_news(newest.day, last):
        return 0
    now = datetime.now(timezone.utc)
    if last is None:
        reason = "there was no run before"
    elif is_scheduled(last, now, timedelta(hours=config.continuous.every_hours)):
        reason = f"the last run began {last.began:%Y-%m-%d %H:%M} UTC"
    elif config.continuous.drift and newest not in compared and _has_drifted(config, newest):
        reason = f"the span of {newest.day} has moved from what the served version learnt"
    else:
        compared.add(newest)
        return 0
    out.print(f"a run is due: {reason}")
    # What has moved is why the run is due, and no reason to stop it: its gate says whether it is any good.
    validation = config.validation.model_copy(update={"drift": False})
    ended = _in_process(_run, config.model_copy(update={"validation": validation}))
    if ended < 0:
        err.print(f"the run was killed by signal {-ended}; it goes on at the next look")
        return _FAULT
    write_last_run(path, LastRun(newest.day, now, ended))
    return ended


def _has_drifted(config: RunConfig, newest: Span) -> bool:
    """Whether the newest span has moved from what the served version learnt; not if nothing is served."""
    if newest_statistics(config.bundle_dir, Stream.INTERACTIONS) is None:
        return False
    return _in_process(_compare, config, newest.folder) == _DRIFTED


def _in_process(target: Callable[..., None], *arguments: object) -> int:
    """Calls a function in a process of its own; how that ended, less than 0 if it was killed."""
    process = multiprocessing.get_context("spawn").Process(target=_guarded, args=(target, *arguments))
    process.start()
    process.join()
    return process.exitcode or 0


def _guarded(target: Callable[..., None], *arguments: object) -> None:
    """Ends the process as the command line ends."""
    with errors_as_messages():
        target(*arguments)


def _run(config: RunConfig) -> None:
    from pipeline.commands.run import run_pipeline

    run_pipeline(config)


def _compare(config: RunConfig, span: Path) -> None:
    """Judges a span's data by themselves; ends the process with `_DRIFTED` if they have moved.

    Raises:
      AnomalyError: They break their schema.
    """
    validation = config.validation.model_copy(update={"drift": True, "served_requests": None})
    config = with_interactions(config.model_copy(update={"validation": validation}), span)
    folder = config.run_dir / "drift"
    shutil.rmtree(folder, ignore_errors=True)
    data = prepare(config, UNSPLIT, folder / "data")
    with native_output_to(folder / VALIDATION_LOG):
        try:
            validate_locally(config, data, folder, StepListener())
        except DriftError:
            sys.exit(_DRIFTED)
