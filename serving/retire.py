"""Takes versions away from servers, and off the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from pipeline.locking import exclusive
from serving.layout import LOCK_FILE, MODELS, models_dir, versions, versions_dir

_RETIRED = "retired-"


def retire(bundle: Path, numbers: Iterable[int]) -> list[int]:
    """Removes versions, but never the newest.

    The links go first, so that none dangles and servers let go of a version before its files vanish; then
    the folder is renamed to what no server reads, and removed. After a kill, doing it again finishes.

    Args:
      bundle: The folder that servers look into.
      numbers: Versions; those that are not there are passed over.

    Returns:
      The versions that were removed, oldest first.

    Raises:
      OSError: A file cannot be removed.
    """
    if not versions_dir(bundle).is_dir():
        return []
    with exclusive(bundle / LOCK_FILE):
        older = versions(bundle)[:-1]
        removed = [number for number in older if number in set(numbers)]
        for number in removed:
            for model in MODELS:
                (models_dir(bundle) / model / str(number)).unlink(missing_ok=True)
            (versions_dir(bundle) / str(number)).rename(versions_dir(bundle) / f"{_RETIRED}{number}")
        # What a push or we were killed at goes as well.
        for leftover in versions_dir(bundle).iterdir():
            if not leftover.name.isdecimal():
                shutil.rmtree(leftover)
    return removed
