"""Which schema judges a stream's examples."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

import schemas
from pipeline.canonical import PreparedData
from pipeline.config.run import RunConfig
from pipeline.datasets.feedback_spans import feedback_folder
from pipeline.errors import InputError
from schemas.derive import derive_schema
from schemas.features import Stream

CURATED = Path(schemas.__file__).parent


def schema_files(config: RunConfig, data: PreparedData) -> dict[Stream, Path]:
    """The schema file of each stream.

    In this order: the configured `schema_dir`; the one curated for the source, unless events are learnt
    from beside it, which its curator never saw; the one that follows from the declared features, written
    beside the data.

    Raises:
      InputError: See :func:`curated_files`.
    """
    return curated_files(config) or {stream: _derived(stream, data) for stream in Stream}


def curated_files(config: RunConfig) -> dict[Stream, Path] | None:
    """The curated schema file of each stream; `None` if there are none. Needs no data.

    Raises:
      InputError: A configured folder lacks a file, or a file holds no schema.
    """
    curated = CURATED / config.data.source
    is_curated = curated.is_dir() and feedback_folder(config) is None
    folder = config.schema_dir or (curated if is_curated else None)
    if folder is None:
        return None
    files = {stream: folder / schema_file_name(stream) for stream in Stream}
    for file in files.values():
        if not file.is_file():
            raise InputError(f"schema_dir: {file} is missing")
        read_schema(file)
    return files


def schema_file_name(stream: Stream) -> str:
    """Name of a stream's schema in its folder."""
    return f"{stream.value}.pbtxt"


def read_schema(path: Path) -> schema_pb2.Schema:
    """Reads a schema, a text proto.

    Raises:
      InputError: The file cannot be read, or holds none.
    """
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), schema_pb2.Schema())
    except OSError as error:
        raise InputError(f"cannot read the schema {path}: {error.strerror}") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise InputError(f"{path} holds no schema: {error}") from error


def _derived(stream: Stream, data: PreparedData) -> Path:
    """Writes the derived schema."""
    path = data.root / schema_file_name(stream)
    text = text_format.MessageToString(derive_schema(data.features, stream))
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return path
