"""Which schema judges a stream's examples."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format

import schemas
from pipeline.canonical import PreparedData
from pipeline.config.run import RunConfig
from pipeline.errors import InputError
from schemas.derive import derive_schema
from schemas.features import Stream

CURATED = Path(schemas.__file__).parent


def schema_files(config: RunConfig, data: PreparedData) -> dict[Stream, Path]:
    """The schema file of each stream.

    In this order: the configured `schema_dir`; the one curated for the source; the one that
    follows from the declared features, written beside the data.

    Raises:
      InputError: A configured folder lacks a file.
    """
    curated = CURATED / config.data.source
    folder = config.schema_dir or (curated if curated.is_dir() else None)
    if folder is None:
        return {stream: _derived(stream, data) for stream in Stream}
    files = {stream: folder / f"{stream.value}.pbtxt" for stream in Stream}
    for file in files.values():
        if not file.is_file():
            raise InputError(f"schema_dir: {file} is missing")
    return files


def _derived(stream: Stream, data: PreparedData) -> Path:
    """Writes the derived schema."""
    path = data.root / f"{stream.value}.pbtxt"
    text = text_format.MessageToString(derive_schema(data.features, stream))
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return path
