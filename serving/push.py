"""Pushes a bundle, so that servers see whole versions only."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pipeline.config.serving import ServingConfig
from pipeline.files import replaced
from pipeline.locking import exclusive
from serving.bundle_readme import figures_section
from serving.layout import (
    LOCK_FILE,
    MODELS,
    README_FILE,
    model_dir,
    models_dir,
    serving_dir,
    variants_of,
    version_dir,
    versions,
    versions_dir,
)
from serving.manifest import add_metrics, read_digest, read_judgement
from serving.tf_serving.config_files import write_models_configs, write_settings
from serving.tf_serving.labels import Labels, read_labels, write_labels

_STAGING = "staging"  # no number: a server does not take it for a version
_NONE: Mapping[str, float] = MappingProxyType({})


def push(
    bundle: Path,
    destination: Path,
    metrics: Mapping[str, float] = _NONE,
    settings: ServingConfig | None = None,
) -> int:
    """Makes a bundle the newest version, unless it is that already, and puts the label canary on it.

    The first version is the stable one as well. It is copied under a name that no server reads, then
    renamed; links, labels and configuration follow, each replaced by one rename, in an order in which each
    leads to what is there already. So a kill at any moment leaves whole versions that can be served, and
    the next push ends what was half done. Two pushes at once follow one another.

    Args:
      bundle: Folder with the SavedModels and their manifest.
      destination: The folder that servers look into; it is made if need be.
      metrics: How good it was found, for the version's manifest; the bundle's own stays as it is.
      settings: How it is to be served; the defaults if not given.

    Returns:
      The version.

    Raises:
      BundleError: A manifest, or the labels, are missing or damaged.
      OSError: The destination cannot be written.
    """
    destination.mkdir(parents=True, exist_ok=True)
    with exclusive(destination / LOCK_FILE):
        existing = versions(destination)
        version = existing[-1] if existing else 0
        if not existing or read_digest(version_dir(destination, version)) != read_digest(bundle):
            version += 1
            _copy(bundle, destination, version, metrics)
        _link(destination, version)
        serving_dir(destination).mkdir(exist_ok=True)
        write_settings(destination, settings or ServingConfig())
        label_pushed(destination, version)
        write_models_configs(destination)
        _show_readme(destination, version)
        _flush([serving_dir(destination), destination])
    return version


def _copy(bundle: Path, destination: Path, version: int, metrics: Mapping[str, float]) -> None:
    """Copies under another name, completes the manifest, and renames."""
    staging = versions_dir(destination) / _STAGING
    shutil.rmtree(staging, ignore_errors=True)  # of a push that was killed
    shutil.copytree(bundle, staging)
    if metrics:
        add_metrics(staging, metrics)
    _flush([*staging.rglob("*"), staging])
    staging.rename(version_dir(destination, version))
    _flush([versions_dir(destination)])


def _flush(paths: list[Path]) -> None:
    """Waits until files and entries of folders are on the disk: a rename may otherwise outlive them."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _link(destination: Path, version: int) -> None:
    """Shows each model of a version under the model's own name, as servers want it."""
    folder = version_dir(destination, version)
    for variant in variants_of(folder):
        for model in MODELS:
            link = models_dir(destination, variant) / model / str(version)
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(os.path.relpath(model_dir(folder, variant, model), link.parent))
            _flush([link.parent])


def label_pushed(destination: Path, version: int) -> None:
    """Puts canary on a version; stable stays, if it was on one that is still there."""
    labels = read_labels(destination)
    stable = version if labels is None or labels.stable not in versions(destination) else labels.stable
    write_labels(destination, Labels(stable=stable, canary=version))


def _show_readme(destination: Path, version: int) -> None:
    """Shows the newest version's own description beside all versions, and by what figures it was judged."""
    readme = version_dir(destination, version) / README_FILE
    if readme.is_file():
        with replaced(destination / README_FILE) as file:
            file.write(readme.read_bytes() + figures_section(*read_judgement(readme.parent)).encode())
