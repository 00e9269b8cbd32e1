"""Files in an object store, by their addresses: whatever fsspec knows, `gs://` and `s3://` above all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import InputError, RecstackError

_SCHEME = re.compile(r"^(?P<scheme>[a-z][a-z0-9+.-]+)://")


def is_remote(place: object) -> bool:
    """Whether something is an address in an object store; a path of this machine is not."""
    return isinstance(place, str) and _SCHEME.match(place) is not None


class ObjectStore:
    """What stands under one address.

    An object appears whole when it is written; there are no folders, no links and no renames.
    """

    def __init__(self, uri: str):
        """Finds the file system; asks for nothing yet.

        Args:
          uri: The address. A path of this machine is taken as well.

        Raises:
          InputError: No installed package knows such addresses, or there are no credentials.
        """
        from fsspec.core import url_to_fs

        self.uri = uri.rstrip("/")
        with _explained(uri):
            self._files, self._root = url_to_fs(self.uri)

    def at(self, name: str) -> str:
        """The address of an object."""
        return f"{self.uri}/{name}"

    def names(self, under: str = "") -> list[str]:
        """Names, relative to the store's address, of all objects under a folder, in order."""
        with _explained(self.uri):
            self._files.invalidate_cache()
            found = self._files.find(self._path(under))
        start = f"{self._root.rstrip('/')}/"
        return sorted(path.removeprefix(start) for path in found if path.startswith(start))

    def is_object(self) -> bool:
        """Whether the store's own address is that of an object, not of a folder."""
        with _explained(self.uri):
            self._files.invalidate_cache()
            return bool(self._files.isfile(self._root))

    def read(self, name: str = "") -> bytes | None:
        """The contents of an object, or of the store's own address; `None` if there is none."""
        try:
            with _explained(self.uri):
                return bytes(self._files.cat_file(self._path(name)))
        except FileNotFoundError:
            return None

    def write(self, name: str, contents: bytes) -> None:
        """Writes an object, or takes an older one's place; without a name the one at the own address."""
        with _explained(self.uri):
            self._make_parent(name)
            self._files.pipe_file(self._path(name), contents)

    def create(self, name: str, contents: bytes) -> bool:
        """Writes an object unless there is one, and says whether it did; of two at once, one does."""
        try:
            with _explained(self.uri):
                self._make_parent(name)
                self._files.pipe_file(self._path(name), contents, mode="create")
        except FileExistsError:
            return False
        return True

    def remove(self, names: list[str]) -> None:
        """Removes objects that are there."""
        with _explained(self.uri):
            if names:
                self._files.rm([self._path(name) for name in names])

    def upload(self, files: Mapping[str, Path]) -> None:
        """Writes objects from files, several at a time; what must come last is a call of its own.

        Args:
          files: Name to file.
        """
        with _explained(self.uri):
            for name in files:
                self._make_parent(name)
            sources = [str(path) for path in files.values()]
            if sources:
                self._files.put(sources, [self._path(name) for name in files])

    def download(self, names: list[str], folder: Path) -> None:
        """Writes files from objects, under their names in a folder."""
        targets = [folder / name for name in names]
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
        with _explained(self.uri):
            if names:
                self._files.get([self._path(name) for name in names], [str(target) for target in targets])

    def download_object(self, file: Path) -> None:
        """Writes a file from the object at the store's own address."""
        file.parent.mkdir(parents=True, exist_ok=True)
        with _explained(self.uri):
            self._files.get_file(self._root, str(file))

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}" if name else self._root

    def _make_parent(self, name: str) -> None:
        """Only a file system of this machine has folders that must be made."""
        if not is_remote(self.uri) or self.uri.startswith("file://"):
            Path(self._path(name)).parent.mkdir(parents=True, exist_ok=True)


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    """Turns what fsspec's many clients raise into one message."""
    try:
        yield
    except (FileNotFoundError, FileExistsError, RecstackError):
        raise
    except ImportError as error:
        raise InputError(f"{uri}: no client for such addresses is installed ({error})") from error
    except Exception as error:
        raise InputError(
            f"cannot use {uri}: {type(error).__name__}: {error}\n"
            "see that the address is right, the network up, and credentials there that may read and write it"
        ) from error


def files_in(folder: Path) -> dict[str, Path]:
    """The files of a folder at any depth, by their names relative to it, in order."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}
