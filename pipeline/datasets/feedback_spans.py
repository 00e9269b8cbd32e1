"""The files of the gateway's events, a span a day."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.config.run import RunConfig
from pipeline.config.spans import SpansConfig
from pipeline.datasets.raw_file import RawFile, raw_files
from pipeline.datasets.spans import find_spans
from pipeline.errors import InputError
from pipeline.privacy.pseudonyms import names_by
from schemas.feedback import FEEDBACK_SCHEMA, KEY_METADATA


def feedback_folder(config: RunConfig) -> Path | None:
    """The folder of the spans that a run learns from; `None` if it is to learn from none, or has none yet."""
    if config.feedback is None:
        return None
    if config.feedback.path is not None:
        return config.feedback.path
    own = config.event_spans_dir
    return own if own.is_dir() and any(own.iterdir()) else None


def feedback_files(spans: Path, key: str | None) -> list[RawFile]:
    """The files of a folder of spans, the oldest first.

    Args:
      spans: The folder.
      key: Fingerprint of the key that users must be named by; `None` for raw ids.

    Raises:
      InputError: The folder cannot be read, or a file is none that `recstack events export` wrote, or of
        another key.
    """
    files = [
        file
        for span in find_spans(spans, SpansConfig())
        for file in raw_files(span.folder, prefix=f"{spans.name}/{span.folder.name}/")
    ]
    for file in files:
        _check(file, key)
    return files


def _check(file: RawFile, key: str | None) -> None:
    try:
        schema = pq.read_schema(file.path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"feedback: cannot read {file.path}: {error}") from error
    metadata = schema.metadata or {}
    if KEY_METADATA not in metadata or schema.names != FEEDBACK_SCHEMA.names:
        raise InputError(f"feedback: {file.path} was not written by `recstack events export`; move it away")
    written = metadata[KEY_METADATA].decode() or None
    if written != key:
        raise InputError(
            f"feedback: {file.path} names users by {names_by(written)}, and the run by {names_by(key)}; "
            "give the key that they were written with, or move the span away"
        )
