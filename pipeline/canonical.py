"""From a data source to the files that the pipeline's ExampleGens read.

The interactions are read, cleaned, split by time and joined with histories by Beam workers
(:mod:`pipeline.preparation`); items and users are read here. Everything is written as Parquet, in a
folder named after a digest of what it was made from, so that unchanged data are not made twice.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.config.data import UNSPLIT, SplitConfig
from pipeline.config.ranking import TaskConfig
from pipeline.config.run import DATA_DIR, RunConfig
from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.open_source import open_source
from pipeline.datasets.reading import digest
from pipeline.datasets.validation import check_layout
from pipeline.errors import AnomalyError, InputError
from pipeline.locking import exclusive
from pipeline.preparation.prepare_tables import prepare_tables
from pipeline.preparation.settings import QUARANTINE, PreparationSettings, time_limits
from pipeline.privacy.erasure_list import ErasureList
from pipeline.privacy.policy import stored_key
from pipeline.privacy.spans import KEY_ENTRY, SUMMARY_FILE
from pipeline.splits import EVAL, TRAIN
from schemas.features import FeatureSet, Stream, TableLayout, declare_features, item_feature_name

# Goes up when what is written, or how raw values are understood, changes.
FORMAT_VERSION = 2
CORPUS = "corpus"
_USERS_FILE = "users.parquet"
HISTORIES_FILE = "histories.parquet"
_ITEMS_PER_FILE = 100_000
_SHOWN_EVENT_TYPES = 10


@dataclass(frozen=True)
class PreparedData:
    """The pipeline's input.

    Attributes:
      root: Folder with `interactions/SPLIT/*.parquet`, `items/corpus/*.parquet`, `users.parquet`,
        `histories.parquet`, and what was rejected, `quarantine/*.parquet`.
      layout: The source's optional columns.
      features: The declared features.
      summary: Counts, boundaries of the splits, and what was rejected.
      reused: Whether an earlier run had made it already.
      refit_splits: What a model that has nothing left to be judged by learns from; see `training.refit`.
    """

    root: Path
    layout: TableLayout
    features: FeatureSet
    summary: dict[str, Any]
    reused: bool
    refit_splits: tuple[str, ...] = (TRAIN, EVAL)

    def stream_dir(self, stream: Stream) -> Path:
        """Folder of a stream, with one folder a split."""
        return self.root / stream.value

    @property
    def users_path(self) -> Path:
        """The canonical users."""
        return self.root / _USERS_FILE

    @property
    def histories_path(self) -> Path:
        """What each user did, the oldest first; see :func:`pipeline.history.user_histories`."""
        return self.root / HISTORIES_FILE

    @property
    def pseudonym_key(self) -> str | None:
        """Fingerprint of the key of the pseudonyms; `None` if user ids are kept as they are."""
        return self.summary[KEY_ENTRY]

    @property
    def quarantine_dir(self) -> Path:
        """What was rejected; it may not exist."""
        return self.root / QUARANTINE


def prepare(config: RunConfig, split: SplitConfig | None = None, folder: Path | None = None) -> PreparedData:
    """Makes the pipeline's input, unless it is there already.

    Everything that can be checked without reading the data whole is checked first. Two
    processes may prepare at once: one writes, the other waits for it.

    Args:
      config: The configuration.
      split: By default the configured one; `UNSPLIT` for data that nothing is to be learnt from.
      folder: Where the input's folder is made; by default `data` in the run's folder.

    Raises:
      InputError: The source cannot be read, does not fit the configuration, or leaves a split
        empty; or the output folder cannot be written. No part of the input is left behind.
      AnomalyError: Too many rows were rejected; they stay where the message says.
    """
    key = stored_key(config)
    adapter = open_source(config, key.fingerprint if key else None)
    layout = layout_of(adapter, config)
    check_layout(layout)
    features = _declare(layout, config)
    for task in config.ranking.tasks:
        _check_task(task, layout)
    erased = ErasureList.load(config.run_dir)
    erased.check(key)
    settings = PreparationSettings(
        adapter=adapter,
        layout=layout,
        parts=tuple(adapter.parts()),
        cleaning=config.cleaning,
        limits=time_limits(
            config.cleaning,
            config.privacy.retention_days,
            config.privacy.as_of,
            datetime.now(timezone.utc).date(),
        ),
        key=key,
        erased=erased,
        min_users=config.privacy.min_users,
        history_length=config.features.history_length,
        num_shards=-(-adapter.num_rows() // config.beam.rows_per_shard),
        folder=Path(),
        spans=adapter.span_plan(),
    )
    split = split or config.split
    name = _digest(settings, config, split)
    root = (folder or config.run_dir / DATA_DIR) / name[:16]
    try:
        reused = _write_once(root, settings, features, config, split, name)
        summary = json.loads((root / SUMMARY_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot write to {root.parent}: {error.strerror or error}") from error
    for task in config.ranking.tasks if split != UNSPLIT else ():
        _check_event_type(task, summary)
    return PreparedData(root, layout, features, summary, reused)


def layout_of(adapter: DatasetAdapter, config: RunConfig) -> TableLayout:
    """The source's optional columns, and the vectors that the configuration adds."""
    vectors = {item_feature_name(name): file.dim for name, file in config.item_vectors.items()}
    return replace(adapter.layout(), item_vectors=tuple(vectors.items()))


def _declare(layout: TableLayout, config: RunConfig) -> FeatureSet:
    try:
        return declare_features(layout, config.features.crosses)
    except ValueError as error:
        raise InputError(f"features.crosses: {error}") from error


def _check_task(task: TaskConfig, layout: TableLayout) -> None:
    """A task must have something to learn from."""
    if task.kind == "event" and not layout.has_event_type:
        raise InputError(
            f"ranking.tasks: '{task.name}' needs event types, and the source has none; "
            "map 'event_type' of the interactions or take another kind of task"
        )
    if task.kind == "dwell" and not layout.has_dwell:
        raise InputError(
            f"ranking.tasks: '{task.name}' needs seconds of dwelling, and the source has none; "
            "map 'dwell_seconds' of the interactions or take another kind of task"
        )
    if task.kind not in ("event", "dwell") and not layout.has_value:
        raise InputError(
            f"ranking.tasks: '{task.name}' needs values, and the source has none; "
            "map 'value' of the interactions or set tasks of kind 'event'"
        )


def _check_event_type(task: TaskConfig, summary: dict[str, Any]) -> None:
    """A task on event types must have examples of its type."""
    found = summary["event_types"]
    if task.kind == "event" and task.event_type not in found:
        shown = ", ".join(list(found)[:_SHOWN_EVENT_TYPES])
        raise InputError(
            f"ranking.tasks: '{task.name}' learns from events of type '{task.event_type}', and the "
            f"training split has none; its types are {shown}"
        )


def _digest(settings: PreparationSettings, config: RunConfig, split: SplitConfig) -> str:
    """Names what the files are made from."""
    vectors = {name: digest([file.path], file.dim) for name, file in config.item_vectors.items()}
    parts = [
        FORMAT_VERSION,
        settings.adapter.fingerprint(),
        asdict(settings.layout),
        vectors,
        split.model_dump(),
        config.cleaning.model_dump(mode="json"),
        settings.limits.kept_from,
        settings.key.fingerprint if settings.key else None,
        settings.erased.digest(),
        settings.min_users,
        settings.history_length,
        config.beam.rows_per_shard,
    ]
    if settings.spans is not None:
        parts.append(settings.spans.to_json())
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _write_once(
    root: Path,
    settings: PreparationSettings,
    features: FeatureSet,
    config: RunConfig,
    split: SplitConfig,
    name: str,
) -> bool:
    """Writes the files if they are not there, and says whether they were."""
    if (root / SUMMARY_FILE).is_file():
        return True
    settings.adapter.check()
    root.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(root.with_name(f"{root.name}.lock")):
        if (root / SUMMARY_FILE).is_file():  # another process was quicker
            return True
        staging = root.with_name(f"{root.name}.staging")
        shutil.rmtree(staging, ignore_errors=True)  # of a process that was killed
        staging.mkdir()
        try:
            _write(staging, settings, features, config, split, name)
            shutil.rmtree(root, ignore_errors=True)  # somebody took its summary away
            staging.rename(root)
        except AnomalyError as error:
            raise AnomalyError(f"{error}\n  {_keep_quarantine(staging, root)}") from None
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return False


def _write(
    folder: Path,
    settings: PreparationSettings,
    features: FeatureSet,
    config: RunConfig,
    split: SplitConfig,
    name: str,
) -> None:
    """Writes all files; the folder's new name makes them valid."""
    items, summary = prepare_tables(
        replace(settings, folder=folder.resolve()),
        split,
        {item_feature_name(name): file for name, file in config.item_vectors.items()},
        config.beam.pipeline_args,
        folder / _USERS_FILE,
        folder / HISTORIES_FILE,
    )
    _write_items(items.select([feature.name for feature in features.of(Stream.ITEMS)]), folder)
    summary = {
        "digest": name,
        KEY_ENTRY: settings.key.fingerprint if settings.key else None,
        "layout": asdict(settings.layout),
        "items": items.num_rows,
        **summary,
    }
    text = json.dumps(summary, indent=2, ensure_ascii=False)
    (folder / SUMMARY_FILE).write_text(text, encoding="utf-8")


def _write_items(items: pa.Table, folder: Path) -> None:
    """Writes the corpus, in files that one worker can hold."""
    corpus = folder / Stream.ITEMS.value / CORPUS
    corpus.mkdir(parents=True)
    for number, start in enumerate(range(0, max(items.num_rows, 1), _ITEMS_PER_FILE)):
        pq.write_table(items.slice(start, _ITEMS_PER_FILE), corpus / f"part-{number:05d}.parquet")


def _keep_quarantine(staging: Path, root: Path) -> str:
    """Keeps what a stopped preparation rejected, and says where it is."""
    kept = root.with_name(f"{root.name}.rejected")
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    (staging / QUARANTINE).rename(kept / QUARANTINE)
    return f"the rejected rows, with the rules that they break, are in {kept / QUARANTINE}"
