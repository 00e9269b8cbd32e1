"""Digests of files, and of folders by their files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pipeline.config.base import Frozen

_CHUNK_BYTES = 2**22


class FileDigest(Frozen):
    """What tells a file from any other.

    Attributes:
      size: Bytes.
      sha256: 64 hexadecimal digits.
    """

    size: int
    sha256: str


def file_digest(path: Path) -> FileDigest:
    """Reads a file.

    Raises:
      OSError: It cannot be read.
    """
    hasher, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            hasher.update(chunk)
            size += len(chunk)
    return FileDigest(size=size, sha256=hasher.hexdigest())


def file_names(folder: Path) -> list[str]:
    """All files of a folder and its sub-folders, relative to it, in order."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def folder_digests(folder: Path) -> dict[str, FileDigest]:
    """Digests of all files of a folder, by their names relative to it.

    Raises:
      OSError: A file cannot be read.
    """
    return {name: file_digest(folder / name) for name in file_names(folder)}


def combined_digest(files: Mapping[str, FileDigest]) -> str:
    """SHA-256 of a folder, from its files' names and digests."""
    hasher = hashlib.sha256()
    for name in sorted(files):
        hasher.update(f"{files[name].sha256}  {name}\n".encode())
    return hasher.hexdigest()
