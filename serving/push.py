"""Pushes a bundle, so that servers see whole versions only."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pipeline.locking import exclusive
from serving.layout import LOCK_FILE, MODELS, models_dir, versions, versions_dir
from serving.manifest import add_metrics, read_digest

_STAGING = "staging"  # no number: a server does not take it for a version
_NONE: Mapping[str, float] = MappingProxyType({})


def push(bundle: Path, destination: Path, metrics: Mapping[str, float] = _NONE) -> int:
    """Makes a bundle the newest version, unless it is that already.

    It is copied under a name that no server reads, then renamed, so that a kill at any moment leaves
    whole versions only; the next push clears away what was half done. Two pushes at once follow one
    another.

    Args:
      bundle: Folder with the SavedModels and their manifest.
      destination: The folder that servers look into; it is made if need be.
      metrics: How good it was found, for the version's manifest; the bundle's own stays as it is.

    Returns:
      The version.

    Raises:
      BundleError: A manifest is missing or damaged.
      OSError: The destination cannot be written.
    """
    destination.mkdir(parents=True, exist_ok=True)
    with exclusive(destination / LOCK_FILE):
        existing = versions(destination)
        version = existing[-1] if existing else 0
        if not existing or read_digest(versions_dir(destination) / str(version)) != read_digest(bundle):
            version += 1
            _copy(bundle, versions_dir(destination), version, metrics)
        _link(destination, version)
    return version


def _copy(bundle: Path, folder: Path, version: int, metrics: Mapping[str, float]) -> None:
    """Copies under another name, completes the manifest, and renames."""
    staging = folder / _STAGING
    shutil.rmtree(staging, ignore_errors=True)  # of a push that was killed
    shutil.copytree(bundle, staging)
    if metrics:
        add_metrics(staging, metrics)
    _flush(staging)
    staging.rename(folder / str(version))


def _flush(folder: Path) -> None:
    """Waits until a folder's files are on the disk: a rename may otherwise outlive them."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _link(destination: Path, version: int) -> None:
    """Shows each model of a version under the model's own name, as servers want it."""
    for model in MODELS:
        link = models_dir(destination) / model / str(version)
        if link.is_symlink():
            continue
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path("..", "..", versions_dir(destination).name, str(version), model))
