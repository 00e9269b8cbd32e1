"""Takes versions away from servers, and off the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from pipeline.locking import exclusive
from serving.layout import LOCK_FILE, VARIANTS, models_dir, version_dir, versions, versions_dir
from serving.tf_serving.labels import read_labels

_RETIRED = "retired-"


def retire(bundle: Path, numbers: Iterable[int]) -> list[int]:
    """Removes versions, but never the newest, nor one with a label.

    The links go first, so that none dangles and servers let go of a version before its files vanish; then
    the folder is renamed to what no server reads, and removed. After a kill, doing it again finishes.

    Args:
      bundle: The folder that servers look into.
      numbers: Versions; those that are not there are passed over.

    Returns:
      The versions that were removed, oldest first.

    Raises:
      BundleError: The labels are damaged.
      OSError: A file cannot be removed.
    """
    if not versions_dir(bundle).is_dir():
        return []
    with exclusive(bundle / LOCK_FILE):
        labels = read_labels(bundle)
        kept = {*versions(bundle)[-1:], *(labels.versions if labels is not None else ())}
        removed = [number for number in versions(bundle) if number in set(numbers) - kept]
        for number in removed:
            for link in _links(bundle, number):
                link.unlink()
            version_dir(bundle, number).rename(versions_dir(bundle) / f"{_RETIRED}{number}")
        # What a push or we were killed at goes as well.
        for leftover in versions_dir(bundle).iterdir():
            if not leftover.name.isdecimal():
                shutil.rmtree(leftover)
    return removed


def _links(bundle: Path, number: int) -> list[Path]:
    """What shows a version to servers."""
    folders = [models_dir(bundle, variant) for variant in VARIANTS]
    # Before format 3 of the manifest there were no variants.
    models = [model for folder in (*folders, folders[0].parent) for model in folder.glob("*")]
    return [model / str(number) for model in models if (model / str(number)).is_symlink()]
