"""Pushes a bundle to an object store, so that servers see whole versions only."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.config.serving import ServingConfig
from pipeline.object_store import ObjectStore, files_in
from serving.bundle_readme import figures_section
from serving.layout import MANIFEST_FILE, MODELS, README_FILE, model_dir, variants_of, versions
from serving.manifest import add_metrics, read_digest
from serving.push import label_pushed
from serving.pushed_objects import (
    SAVED_MODEL_FILE,
    configuring,
    served_name,
    version_name,
    versions_in,
)
from serving.tf_serving.config_files import write_models_configs, write_settings

_CLAIMS = "claims"


def push_objects(
    bundle: Path,
    destination: str,
    metrics: Mapping[str, float],
    settings: ServingConfig | None = None,
) -> int:
    """Makes a bundle the newest version, unless it is that already, and puts the label canary on it.

    As :func:`serving.push.push`, without renames and links: `models/` holds copies. A version is whole when
    its manifest is there, which is written after everything else of it; labels and configuration follow.
    Servers load only what the configuration names, so what a kill leaves half copied is nobody's, and
    within it no folder of a model is one to a server before its last object. A push that is tried again
    goes on with the number that it had. Two at once take two numbers.

    Args:
      bundle: Folder with the SavedModels and their manifest.
      destination: Address that servers read from.
      metrics: How good it was found, for the version's manifest.
      settings: How it is to be served; the defaults if not given.

    Returns:
      The version.

    Raises:
      BundleError: A manifest, or the labels, are missing or damaged.
      InputError: The destination cannot be read or written.
    """
    store, digest = ObjectStore(destination), read_digest(bundle)
    whole = versions_in(store)
    version = max(whole, default=0)
    if not whole or whole[version] != digest:
        version = _claim(store, digest, list(whole))
        _copy(bundle, store, version, metrics)
    with configuring(store) as folder:
        write_settings(folder, settings or ServingConfig())
        newest = versions(folder)[-1]  # another push may have ended in the meantime
        label_pushed(folder, newest)
        write_models_configs(folder)
        readme = bundle / README_FILE
        if newest == version and readme.is_file():
            text = readme.read_bytes() + figures_section(metrics).encode()
            (folder / README_FILE).write_bytes(text)
    return version


def _claim(store: ObjectStore, digest: str, whole: list[int]) -> int:
    """A number that no other bundle takes; that of an earlier try of the same bundle, if it was not ended."""
    claims = {int(name.rpartition("/")[2]): store.read(name) for name in store.names(_CLAIMS)}
    mine = [n for n, owner in claims.items() if owner == digest.encode() and n > max(whole, default=0)]
    if mine:
        return max(mine)
    version = max([*claims, *whole, 0]) + 1
    while not store.create(f"{_CLAIMS}/{version}", digest.encode()):
        version += 1
    return version


def _copy(bundle: Path, store: ObjectStore, version: int, metrics: Mapping[str, float]) -> None:
    """Writes a version and its models; the manifest, which makes it one, comes last."""
    files = files_in(bundle)
    manifest = files.pop(MANIFEST_FILE)
    store.upload({f"{version_name(version)}/{name}": path for name, path in files.items()})
    for variant in variants_of(bundle):
        for model in MODELS:
            saved = files_in(model_dir(bundle, variant, model))
            last = saved.pop(SAVED_MODEL_FILE)
            target = served_name(variant, model, version)
            store.upload({f"{target}/{name}": path for name, path in saved.items()})
            store.upload({f"{target}/{SAVED_MODEL_FILE}": last})
    with TemporaryDirectory(prefix="recstack-") as temporary:
        shutil.copy(manifest, temporary)
        if metrics:
            add_metrics(Path(temporary), metrics)
        name = f"{version_name(version)}/{MANIFEST_FILE}"
        store.upload({name: Path(temporary, MANIFEST_FILE)})
