"""One process at a time."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Holds a lock on a file; the system frees it when the process ends, however it ends.

    Args:
      path: The lock file; it is made if need be, and stays.

    Raises:
      OSError: The file cannot be written.
    """
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logging.getLogger(__name__).warning("waiting for the process that holds %s", path)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
