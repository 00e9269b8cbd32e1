"""Files that are replaced whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PARTIAL_SUFFIX = ".partial"


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """Writes a file that takes another's place by one rename, when it is whole and on the disk.

    A kill leaves the old file, and at most one beside it that ends in `PARTIAL_SUFFIX`.

    Args:
      path: The file; it need not be there. Its permissions stay.

    Yields:
      What to write to. Nothing changes if the block raises.

    Raises:
      OSError: The file cannot be written.
    """
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
