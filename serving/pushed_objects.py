"""The versions that stand in an object store; see :mod:`serving.layout` for the names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from pipeline.errors import BundleError
from pipeline.object_store import ObjectStore, files_in
from serving.layout import MANIFEST_FILE, MODELS, README_FILE, VARIANTS

SAVED_MODEL_FILE = "saved_model.pb"  # without it a folder is no model to a server
_VERSIONS, _MODELS, _SERVING = "versions", "models", "serving"
# In the order in which a reader may see them change: what servers load comes last.
_ORDER = ("settings.json", "batching_parameters.txt", "monitoring.config", "labels.json")


def version_name(version: int) -> str:
    """Name of a version, which its objects' names begin with."""
    return f"{_VERSIONS}/{version}"


def served_name(variant: str, model: str, version: int) -> str:
    """Name of the copy of a model that servers load."""
    return f"{_MODELS}/{variant}/{model}/{version}"


def versions_in(store: ObjectStore) -> dict[int, str]:
    """The digest of each whole version, oldest first.

    Raises:
      BundleError: A manifest is damaged.
    """
    found = {}
    for number in whole_versions(store.names(_VERSIONS)):
        name = f"{version_name(number)}/{MANIFEST_FILE}"
        try:
            found[number] = str(json.loads(store.read(name) or b"")["digest"])
        except (ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{store.at(name)} is damaged: remove that version") from error
    return found


def whole_versions(names: list[str]) -> list[int]:
    """Numbers of those versions whose manifest is there, oldest first."""
    paths = (PurePosixPath(name).parts for name in names if name.endswith(f"/{MANIFEST_FILE}"))
    return sorted(int(p[1]) for p in paths if len(p) == 3 and p[0] == _VERSIONS and p[1].isdecimal())


@contextmanager
def configuring(store: ObjectStore) -> Iterator[Path]:
    """A folder of this machine to change what configures servers in, as in a bundle's own folder.

    It has the store's labels and settings, an empty manifest for each whole version, and an empty folder
    for each model that servers find whole. What the block leaves in it is written to the store, the labels
    before what follows from them, and what leads to this machine leads to the store instead. Nothing is
    written if the block raises.
    """
    names = store.names()
    with TemporaryDirectory(prefix="recstack-") as temporary:
        folder = Path(temporary).resolve()
        old = [name for name in names if name.startswith(f"{_SERVING}/") or name == README_FILE]
        store.download(old, folder)
        for number in whole_versions(names):
            _touch(folder / version_name(number) / MANIFEST_FILE)
            for variant in VARIANTS:
                for model in MODELS:
                    saved = served_name(variant, model, number)
                    if f"{saved}/{SAVED_MODEL_FILE}" in names:
                        _touch(folder / saved / SAVED_MODEL_FILE)
        (folder / _SERVING).mkdir(exist_ok=True)
        yield folder
        files = {f"{_SERVING}/{name}": path for name, path in files_in(folder / _SERVING).items()}
        ordered = sorted(files, key=lambda name: _place(name.rpartition("/")[2]))
        if (folder / README_FILE).is_file():
            ordered.append(README_FILE)
        for name in ordered:
            contents = (folder / name).read_bytes().replace(str(folder).encode(), store.uri.encode())
            store.write(name, contents)
        store.remove([name for name in old if name not in ordered])


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
