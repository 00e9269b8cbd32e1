"""What the gateway's page says of a run."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.run_facts import RunFacts
from pipeline.anomaly_lines import anomaly_lines
from pipeline.canonical import HISTORIES_FILE
from pipeline.config.run import RunConfig
from pipeline.errors import InputError
from schemas.event_kinds import EventKind
from schemas.features import USER_ID, Stream
from serving.report.blocks import MissingError
from serving.report.run_files import RunFiles

_USERS = 20
_ANOMALIES = "Split-*/SchemaDiff.pb"


def run_facts(config: RunConfig, counting: Sequence[EventKind], shows_users: bool) -> RunFacts:
    """Collects what there is; where the run's folder is elsewhere, that is little.

    Args:
      config: Of the run.
      counting: Kinds of events that count in the next list.
      shows_users: Whether some users' ids may be shown: not where the run keeps pseudonyms, which nobody
        could type.
    """
    tasks = {task.name: task.kind for task in config.ranking.tasks}
    try:
        run = RunFiles.newest(
            config.name, config.seed, config.run_dir, config.metadata_file, config.steps_dir
        )
    except InputError:
        return RunFacts(config.name, (), tasks, tuple(counting), None)
    users = _users(run) if shows_users else ()
    return RunFacts(config.name, users, tasks, tuple(counting), _drift(run))


def _users(run: RunFiles) -> tuple[str, ...]:
    """Some users with a history, drawn by the run's seed."""
    import numpy as np
    import pyarrow.parquet as pq

    try:
        users = pq.read_table(run.data_dir / HISTORIES_FILE, columns=[USER_ID])[USER_ID]
    except (MissingError, OSError):
        return ()
    drawn = np.random.default_rng(run.seed).permutation(len(users))[:_USERS]
    return tuple(users[int(row)].as_py() for row in drawn)


def _drift(run: RunFiles) -> tuple[str, ...] | None:
    """What moved, by the newest run's validators."""
    looked, lines = False, []
    for stream in Stream:
        try:
            folder = run.folder(f"{stream.value}.DriftValidator", "anomalies")
        except MissingError:
            continue
        looked = True
        for file in sorted(folder.glob(_ANOMALIES)):
            lines += [f"{stream.value}: {line}" for line in anomaly_lines(file.read_bytes())]
    return tuple(lines) if looked else None
