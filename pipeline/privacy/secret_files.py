"""Files that hold a secret: nobody but their owner may read them.

No message and no exception's context ever has their content.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pipeline.errors import InputError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MODE = 0o600
_MAX_BYTES = 2**16


def read_secret(path: Path) -> str:
    """Reads a secret's text.

    Args:
      path: A file that neither its group nor others may touch.

    Returns:
      Its text; bytes that are no ASCII come as replacement characters.

    Raises:
      InputError: The file cannot be read, is no regular file, is too large for a key, or others may
        read it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a named pipe must not hang us
    except OSError as error:
        raise InputError(f"cannot read the key file {path}: {error.strerror}") from error
    try:
        _check_owner_only(path, os.fstat(descriptor).st_mode)
        content = os.read(descriptor, _MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > _MAX_BYTES:
        raise InputError(f"the key file {path} is too large to be one")
    return content.decode("ascii", errors="replace")


def _check_owner_only(path: Path, mode: int) -> None:
    """Refuses what is no file, and what others may use."""
    if not stat.S_ISREG(mode):
        raise InputError(f"the key file {path} is not a regular file")
    if mode & _OTHERS:
        raise InputError(
            f"the key file {path} has mode {stat.S_IMODE(mode):04o}, which lets others use it; run "
            "`chmod 600` on it, and make a new key if somebody may have read this one"
        )


def write_secret(path: Path, text: str) -> None:
    """Writes a new file with a secret, mode 0600.

    Raises:
      InputError: The file is there already, or cannot be written; nothing is left behind.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    except FileExistsError:
        raise InputError(f"{path} is there already; a key is never overwritten: name another file") from None
    except OSError as error:
        raise InputError(f"cannot write the key file {path}: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise InputError(f"cannot write the key file {path}: {error.strerror}") from error
