"""Moves the labels of a bundle: forward, or back to an older version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.errors import InputError
from pipeline.locking import exclusive
from pipeline.object_store import ObjectStore
from serving.bundle_integrity import check_sizes
from serving.layout import LOCK_FILE, version_dir, versions
from serving.manifest import read_manifest
from serving.pushed_objects import configuring
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
    _need_version(bundle)
    with exclusive(bundle / LOCK_FILE):
        return _move(bundle, stable, canary, _check)


def promote_objects(
    destination: str, stable: int | None = None, canary: int | None = None
) -> tuple[Labels, Labels]:
    """Moves labels of a bundle in an object store; see :func:`promote`.

    Args:
      destination: The address that versions are pushed to.
      stable: As for a folder.
      canary: As for a folder.

    Returns:
      The labels before and after.

    Raises:
      InputError: There is no labelled version, none of such a number, or the store cannot be used.
      BundleError: The labels are damaged.
    """
    with configuring(ObjectStore(destination)) as folder:
        try:
            _need_version(folder)
            return _move(folder, stable, canary, _check_number)
        except InputError as error:
            raise InputError(str(error).replace(str(folder), destination)) from None


def _need_version(bundle: Path) -> None:
    if not versions(bundle):
        raise InputError(f"no version of a bundle stands in {bundle}; make one with `recstack run`")


def _move(
    bundle: Path, stable: int | None, canary: int | None, check: Callable[[Path, int], None]
) -> tuple[Labels, Labels]:
    """Writes other labels, and what follows from them."""
    before = read_labels(bundle)
    if before is None:
        raise InputError(f"no version in {bundle} has a label; push one with `recstack run`")
    if stable is None and canary is None:
        stable = before.canary
    for number in (stable, canary):
        if number is not None:
            check(bundle, number)
    after = Labels(
        stable=before.stable if stable is None else stable,
        canary=before.canary if canary is None else canary,
    )
    write_labels(bundle, after)
    write_models_configs(bundle)
    return before, after


def _check(bundle: Path, number: int) -> None:
    """Checks that a version can be served, as far as that is quickly told."""
    _check_number(bundle, number)
    folder = version_dir(bundle, number)
    check_sizes(folder, read_manifest(folder))


def _check_number(bundle: Path, number: int) -> None:
    there = versions(bundle)
    if number not in there:
        raise InputError(f"{bundle} has no version {number}; it has {', '.join(map(str, there))}")
