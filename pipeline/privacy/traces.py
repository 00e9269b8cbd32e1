"""Whether a file holds a person."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO

from pipeline.privacy.database_rows import SUFFIX, database_holds
from pipeline.privacy.person import Person
from pipeline.privacy.person_rows import table_holds
from schemas.features import USER_ID

_CHUNK_BYTES = 2**22
_GZIP = b"\x1f\x8b"
_MARGIN = 64  # more than anything a trace has around the id
_LOOKED_AHEAD = 2  # characters after an id that decide whether it ends there


def holds_person(path: Path, person: Person) -> bool:
    """Looks for a person in one file.

    A Parquet table is judged by its rows, a vocabulary of users by its lines, anything else, unpacked if
    it is gzipped, by its bytes, a database by its rows as well: in bytes, an id that is short or a short
    number is only found as `user_id` of a `tf.Example`, since it may be an item's as well.

    Returns:
      Whether it holds them. A damaged file counts as one that does.

    Raises:
      OSError: The file cannot be read.
    """
    if path.suffix == ".parquet":
        return table_holds(path, person)
    if path.suffix == SUFFIX and database_holds(path, person):
        return True
    with path.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        try:
            stream: BinaryIO = gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[assignment]
            if path.name.startswith(USER_ID):
                return _has_line(stream, person)
            return _has_trace(stream, person)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            return True


def _has_line(stream: BinaryIO, person: Person) -> bool:
    lines = {form.encode() for form in person.forms}
    return any(line.rstrip(b"\r\n") in lines for line in stream)


def _has_trace(stream: BinaryIO, person: Person) -> bool:
    """Reads in chunks that overlap, so that nothing is lost between two."""
    pattern = person.trace()
    forms = [form.encode() for form in person.forms]
    overlap = max(map(len, forms)) + _MARGIN
    tail, known = b"", 0  # of the first `known` bytes nothing begins that was not judged before
    while chunk := stream.read(_CHUNK_BYTES):
        buffer = tail + chunk
        # Far quicker than the pattern, and mostly the answer.
        if any(form in buffer for form in forms):
            for match in pattern.finditer(buffer, known):
                if match.end() + _LOOKED_AHEAD <= len(buffer):
                    return True
        tail, known = buffer[-overlap:], int(len(buffer) > overlap or known)
    return pattern.search(tail, known) is not None
