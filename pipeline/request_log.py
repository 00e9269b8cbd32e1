"""Requests that a server has logged: TFRecords of `tf.Example`s."""

from __future__ import annotations

import gzip
import hashlib
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import InputError

# No TFRecord file of `tf.Example`s begins so: its first record would have 559,903 bytes, or many more.
_GZIP_MAGIC = b"\x1f\x8b\x08"
# Of a record: its length, and the length's checksum; the record; its checksum.
_HEADER = struct.Struct("<QI")
_CHECKSUM_BYTES = 4
_LONGEST_RECORD = 1 << 28


def is_gzipped(path: Path) -> bool:
    """Whether a file of requests is gzipped, whatever its name says."""
    with path.open("rb") as file:
        return file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC


@dataclass(frozen=True)
class RequestLog:
    """A file, or a folder with files at any depth.

    Attributes:
      path: The file or folder. Files whose names begin with a dot or an underscore, and empty ones,
        do not count.
    """

    path: Path

    def files(self) -> list[Path]:
        """The files, in the order of their paths.

        Raises:
          InputError: There is none, or it cannot be looked for.
        """
        try:
            if self.path.is_file():
                found = [self.path]
            else:
                found = sorted(f for f in self.path.rglob("*") if f.is_file() and f.name[0] not in "._")
            found = [file for file in found if file.stat().st_size]
        except OSError as error:
            raise InputError(
                f"validation.served_requests: cannot read {self.path}: {error.strerror}"
            ) from error
        if not found:
            exists = "holds no requests" if self.path.exists() else "does not exist"
            raise InputError(f"validation.served_requests: {self.path} {exists}")
        return found

    def check(self) -> None:
        """Reads the first record of each file.

        Raises:
          InputError: A file cannot be read, or is no TFRecord file.
        """
        for file in self.files():
            try:
                with gzip.open(file) if is_gzipped(file) else file.open("rb") as stream:
                    good = _begins_with_example(stream)  # type: ignore[arg-type]
            except (EOFError, zlib.error, gzip.BadGzipFile):
                good = False
            except OSError as error:
                raise InputError(
                    f"validation.served_requests: cannot read {file}: {error.strerror or error}"
                ) from error
            if not good:
                raise InputError(
                    f"validation.served_requests: {file} is no TFRecord file of tf.Examples, "
                    "neither plain nor gzipped"
                )

    def fingerprint(self) -> str:
        """A digest of the files' names, sizes and times.

        Raises:
          InputError: There is no file.
        """
        hasher = hashlib.sha256()
        for file in self.files():
            status = file.stat()
            hasher.update(f"{file}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
        return hasher.hexdigest()


def _begins_with_example(stream: BinaryIO) -> bool:
    """Whether the first record is whole, and begins as a `tf.Example` does: empty, or with its one field."""
    header = stream.read(_HEADER.size)
    if not header:
        return True  # gzipped nothing
    if len(header) < _HEADER.size:
        return False
    length, _ = _HEADER.unpack(header)
    if length > _LONGEST_RECORD:
        return False
    record = stream.read(length + _CHECKSUM_BYTES)
    return len(record) == length + _CHECKSUM_BYTES and (length == 0 or record[0] == 0x0A)
