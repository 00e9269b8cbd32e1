"""Moves the labels of a bundle: forward, or back to an older version."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import InputError
from pipeline.locking import exclusive
from serving.bundle_integrity import check_sizes
from serving.layout import LOCK_FILE, version_dir, versions
from serving.manifest import read_manifest
from serving.tf_serving.config_files import write_models_configs
from serving.tf_serving.labels import Labels, read_labels, write_labels


def promote(bundle: Path, stable: int | None = None, canary: int | None = None) -> tuple[Labels, Labels]:
    """Moves labels to versions; stable to where canary is, if neither is given.

    Args:
      bundle: The folder that versions are pushed to.
      stable: Version that gets the label stable; by default it stays, unless canary stays as well.
      canary: Version that gets the label canary; by default it stays.

    Returns:
      The labels before and after.

    Raises:
      InputError: There is no labelled version, or none of such a number.
      BundleError: A version that a label would move to is damaged or of another format.
      OSError: The labels cannot be written.
    """
    there = versions(bundle)
    if not there:
        raise InputError(f"no version of a bundle stands in {bundle}; make one with `recstack run`")
    with exclusive(bundle / LOCK_FILE):
        before = read_labels(bundle)
        if before is None:
            raise InputError(f"no version in {bundle} has a label; push one with `recstack run`")
        if stable is None and canary is None:
            stable = before.canary
        for number in (stable, canary):
            if number is not None:
                _check(bundle, number)
        after = Labels(
            stable=before.stable if stable is None else stable,
            canary=before.canary if canary is None else canary,
        )
        write_labels(bundle, after)
        write_models_configs(bundle)
    return before, after


def _check(bundle: Path, number: int) -> None:
    """Checks that a version can be served, as far as that is quickly told."""
    there = versions(bundle)
    if number not in there:
        raise InputError(f"{bundle} has no version {number}; it has {', '.join(map(str, there))}")
    folder = version_dir(bundle, number)
    check_sizes(folder, read_manifest(folder))
