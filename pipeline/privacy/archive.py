"""A file or a folder as one tar stream, and back, without anything landing outside of the folder."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from pipeline.errors import InputError

_PERMISSIONS = 0o755  # no set-user-id, no writing by others
_OWNER = 0o600  # without it, its owner could not remove it


def check_packable(path: Path) -> None:
    """Checks that a file or folder can be packed and unpacked whole.

    Raises:
      InputError: It is not there, or holds something other than files, folders and links that lead to
        somewhere inside.
    """
    if path.is_symlink() or not path.exists():
        raise InputError(f"{path} is {'a link' if path.is_symlink() else 'not there'}; name a file or folder")
    for member in _members(path):
        if member.is_symlink():
            _check_link(member, path)
        elif not (member.is_file() or member.is_dir()):
            raise InputError(f"{member} is neither a file, nor a folder, nor a link: it cannot be sealed")


def pack(path: Path, stream: BinaryIO) -> None:
    """Writes a tar archive; the same files give the same bytes.

    Args:
      path: A folder, whose content is packed under relative names, or a file. See
        :func:`check_packable`.
      stream: Is written from start to end, never sought.

    Raises:
      OSError: A file cannot be read, or `stream` not written.
    """
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        root = path if path.is_dir() else path.parent
        for member in _members(path):
            _add(tar, member, member.relative_to(root).as_posix())


def unpack(stream: BinaryIO, folder: Path) -> None:
    """Unpacks a tar archive into a new folder.

    Args:
      stream: Is read to the end.
      folder: Is made; it must not be there.

    Raises:
      InputError: The archive holds something that would land outside of the folder (an absolute name,
        `..`, a link that leads out), a link that leads nowhere, a name twice, or a device.
      tarfile.TarError: It is not a tar archive, or one that was cut.
      OSError: A file cannot be written.
    """
    folder.mkdir(mode=0o700)
    links: list[tuple[Path, str]] = []
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            target = _target(folder, member.name)
            if member.issym():
                links.append((target, member.linkname))
            elif member.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif member.isreg():
                _extract(tar, member, target)
            else:
                raise InputError(f"the archive's '{member.name}' is neither a file, nor a folder, nor a link")
    while stream.read(2**16):
        pass  # what a tar archive is padded with
    # After everything else, so that nothing can be written by way of a link.
    for target, text in links:
        target.parent.mkdir(parents=True, exist_ok=True)
        _refuse_twice(target)
        target.symlink_to(text)
    for target, _ in links:
        _check_link(target, folder)


def _members(path: Path) -> Iterator[Path]:
    """A file itself, or everything in a folder, in an order that does not depend on the file system."""
    if not path.is_dir():
        yield path
        return
    for child in sorted(path.iterdir()):
        yield child
        if child.is_dir() and not child.is_symlink():
            yield from _members(child)


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    """Adds one member, without its owner's name."""
    status = path.lstat()
    info = tarfile.TarInfo(name)
    info.mtime = int(status.st_mtime)
    info.mode = stat.S_IMODE(status.st_mode)
    if path.is_symlink():
        info.type, info.linkname = tarfile.SYMTYPE, os.readlink(path)
        tar.addfile(info)
    elif path.is_dir():
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    else:
        info.size = status.st_size
        with path.open("rb") as file:
            tar.addfile(info, file)


def _target(folder: Path, name: str) -> Path:
    """Where a member lands; it must be inside of the folder."""
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts:
        raise InputError(f"the archive's '{name}' would land outside of the output folder")
    return folder / pure


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    """Writes one file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _refuse_twice(target)
    content = tar.extractfile(member)
    if content is None:
        raise InputError(f"the archive's '{member.name}' has no content")
    with target.open("xb") as file:
        shutil.copyfileobj(content, file, 2**20)
    target.chmod(member.mode & _PERMISSIONS | _OWNER)
    os.utime(target, (member.mtime, member.mtime))


def _refuse_twice(target: Path) -> None:
    if os.path.lexists(target):
        raise InputError(f"the archive has '{target.name}' twice in one folder")


def _check_link(link: Path, root: Path) -> None:
    """A link must lead to something inside of the root, by whatever other links it goes."""
    text = os.readlink(link)
    name = link.relative_to(root)
    try:
        end = link.resolve(strict=True)
    except (OSError, RuntimeError):  # a loop is a RuntimeError
        raise InputError(f"the link '{name}' leads nowhere (to '{text}')") from None
    if os.path.isabs(text) or not end.is_relative_to(root.resolve()):
        raise InputError(f"the link '{name}' leads out of its folder, to '{text}'")
