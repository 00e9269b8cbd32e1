"""`recstack promote`."""

from __future__ import annotations

from pathlib import Path

from pipeline.console import out
from pipeline.errors import InputError
from pipeline.object_store import is_remote
from serving.promote import promote, promote_objects
from serving.tf_serving.labels import CANARY, STABLE


def promote_version(bundle: Path | str, stable: int | None, canary: int | None) -> None:
    """Moves labels of a bundle, and shows where they are.

    Args:
      bundle: The folder that versions are pushed to, or its address in an object store.
      stable: See :func:`serving.promote.promote`.
      canary: Likewise.

    Raises:
      InputError: There is no such version, or the folder cannot be written.
      BundleError: A version is damaged.
    """
    try:
        if isinstance(bundle, str) and is_remote(bundle):
            before, after = promote_objects(bundle, stable, canary)
        else:
            before, after = promote(Path(bundle), stable, canary)
    except OSError as error:
        raise InputError(f"cannot move the labels of {bundle}: {error.strerror or error}") from error
    for label in (STABLE, CANARY):
        was, now = getattr(before, label), getattr(after, label)
        out.print(f"{label}: version {now}" + (f", was {was}" if was != now else ""))
    if after.stable not in before.versions:
        version = f"version {after.stable} had no label"
        out.print(f"{version}: TensorFlow Serving answers for {STABLE} when it has loaded it")
