"""Encryption at rest: a file or a folder as one age file (https://age-encryption.org/v1).

The plain content is a tar archive, so that `age -d -i IDENTITY FILE | tar x` opens it without us.
Everything streams: memory does not depend on the size.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import InputError
from pipeline.privacy.archive import check_packable, pack, unpack
from pipeline.privacy.identities import parse_recipients, read_identities


def seal(path: Path, recipients: list[str], output: Path) -> None:
    """Encrypts a file or a folder.

    Args:
      path: The file or folder; it stays.
      recipients: Who may open it: `age1...`.
      output: A new file. It appears whole or not at all.

    Raises:
      InputError: A recipient is none, `output` is there already or inside of `path`, or something cannot
        be read, packed or written.
    """
    from pyrage import EncryptError, encrypt_io

    keys = parse_recipients(recipients)
    check_packable(path)
    _check_new(output)
    if output.parent.resolve().is_relative_to(path.resolve()):
        raise InputError(f"{output} is inside of {path}, which is to be sealed; name a file elsewhere")
    temporary = _temporary(output)
    try:
        with temporary.open("xb") as file:
            writer = _Writer(file)
            with _Feeder(lambda stream: pack(path, stream)) as source:
                encrypt_io(source, writer, keys)
            writer.check()
            file.flush()
            os.fsync(file.fileno())
        _check_new(output)
        temporary.rename(output)
    except (OSError, EncryptError) as error:
        raise InputError(f"cannot seal {path} to {output}: {_reason(error)}") from error
    finally:
        temporary.unlink(missing_ok=True)


def unseal(path: Path, identity_file: Path, output: Path) -> None:
    """Decrypts what :func:`seal` made.

    Args:
      path: The sealed file.
      identity_file: Of one of its recipients.
      output: A new folder: the sealed folder's content, or the sealed file. It appears whole or not at all.

    Raises:
      InputError: The identity is none of the recipients', the file is not an age file, is damaged, or
        holds something that would land outside of `output`; `output` is there already, or cannot be
        written.
    """
    identities = read_identities(identity_file)
    _check_new(output)
    temporary = _temporary(output)
    try:
        with path.open("rb") as file:
            _unseal(file, identities, temporary, path)
        _check_new(output)
        temporary.rename(output)
    except OSError as error:
        raise InputError(f"cannot unseal {path} to {output}: {_reason(error)}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _unseal(file: BinaryIO, identities: list, folder: Path, path: Path) -> None:
    """Decrypts in a thread, unpacks in this one; says what was wrong with which."""
    from pyrage import DecryptError, decrypt_io

    def decrypt(stream: BinaryIO) -> None:
        writer = _Writer(stream)
        try:
            decrypt_io(file, writer, identities)
        except OSError as error:
            writer.check()
            raise _DamageError(str(error)) from error
        writer.check()

    try:
        with _Feeder(decrypt) as stream:
            unpack(stream, folder)
    except DecryptError as error:
        if "No matching keys" in str(error):
            raise InputError(f"{path} is not sealed to the identity that was given") from error
        raise InputError(f"{path} is not an age file: {error}") from error
    except _DamageError as error:
        raise InputError(f"{path} is damaged: it was cut or changed after it was sealed") from error
    except tarfile.TarError as error:
        raise InputError(f"{path} is an age file, but does not hold a tar archive: {error}") from error


class _DamageError(Exception):
    """A part of the sealed file is not what was written."""


class _Feeder:
    """Runs what writes a stream in a thread, for somebody who wants to read one.

    Leaving the context raises what went wrong in the thread, rather than what followed from it here.
    """

    def __init__(self, write: Callable[[BinaryIO], None]):
        """Starts nothing yet.

        Args:
          write: Writes the stream.
        """
        self._write = write
        self._error: Exception | None = None

    def __enter__(self) -> BinaryIO:
        receiver, sender = os.pipe()
        self._reader = os.fdopen(receiver, "rb")
        self._thread = threading.Thread(target=self._run, args=(os.fdopen(sender, "wb"),), daemon=True)
        self._thread.start()
        return self._reader

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        self._reader.close()  # a thread that still writes gets a broken pipe
        self._thread.join()
        if self._error is None or isinstance(self._error, BrokenPipeError):
            return
        if kind is None or not isinstance(error, InputError):
            raise self._error

    def _run(self, stream: BinaryIO) -> None:
        try:
            with stream:
                self._write(stream)
        except Exception as error:
            self._error = error


class _Writer:
    """A file for pyrage, which drops what a writer raises."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._error: OSError | None = None

    def write(self, data: bytes) -> int:
        """Writes, or keeps the error."""
        try:
            self._file.write(data)
        except OSError as error:
            self._error = self._error or error
            raise
        return len(data)

    def flush(self) -> None:
        """Writes what is buffered, or keeps the error."""
        try:
            self._file.flush()
        except OSError as error:
            self._error = self._error or error
            raise

    def check(self) -> None:
        """Raises the first error."""
        if self._error is not None:
            raise self._error


def _check_new(output: Path) -> None:
    if os.path.lexists(output):
        raise InputError(f"{output} is there already; nothing is overwritten: name another one")
    if not output.absolute().parent.is_dir():
        raise InputError(f"there is no folder {output.parent} to write {output.name} to")


def _temporary(output: Path) -> Path:
    """A name beside the output, so that a rename is atomic."""
    return output.with_name(f".{output.name}.{os.getpid()}.part")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
