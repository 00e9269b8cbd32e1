"""Pushes a bundle, so that servers see whole versions only."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from pipeline.locking import exclusive
from serving.layout import LOCK_FILE, MANIFEST_FILE, MODELS, models_dir, versions, versions_dir

_STAGING = "staging"  # no number: a server does not take it for a version


def push(bundle: Path, destination: Path) -> int:
    """Makes a bundle the newest version, unless it is that already.

    It is copied under a name that no server reads, then renamed, so that a kill at any moment leaves
    whole versions only; the next push clears away what was half done. Two pushes at once follow one
    another.

    Args:
      bundle: Folder with the SavedModels and their manifest.
      destination: The folder that servers look into; it is made if need be.

    Returns:
      The version.

    Raises:
      OSError: The destination cannot be written.
    """
    destination.mkdir(parents=True, exist_ok=True)
    with exclusive(destination / LOCK_FILE):
        existing = versions(destination)
        version = existing[-1] if existing else 0
        if not existing or _digest(versions_dir(destination) / str(version)) != _digest(bundle):
            version += 1
            _copy(bundle, versions_dir(destination), version)
        _link(destination, version)
    return version


def _digest(folder: Path) -> str:
    """The bundle's digest, as its manifest has it."""
    return json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))["digest"]


def _copy(bundle: Path, folder: Path, version: int) -> None:
    """Copies under another name, and renames."""
    staging = folder / _STAGING
    shutil.rmtree(staging, ignore_errors=True)  # of a push that was killed
    shutil.copytree(bundle, staging)
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
