"""Checks a bundle as far as that goes without serving it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.doctor import Diagnosis
from pipeline.errors import BundleError, InputError
from serving.bundle_integrity import check_files, check_loaded_towers, check_towers, folder_parts
from serving.layout import (
    EXACT,
    MANIFEST_FILE,
    MODELS,
    SCANN,
    VARIANTS,
    Variant,
    model_dir,
    models_dir,
    version_dir,
    versions,
)
from serving.manifest import Manifest, read_manifest
from serving.model_probe import ModelFindings, read_findings
from serving.ops import SCANN as SCANN_OPS
from serving.ops import STOCK, WITH_SCANN, lacking_ops

_ROOT = Path(__file__).resolve().parent.parent
_PUSH_AGAIN = "push the bundle again with `recstack run`, or go back to another version"
_TOO_SMALL = "serve the exact variant: a corpus of so few items has no other"
_SHOWN_DIGITS = 12
_MEGABYTE = 1e6
_SERVERS = {EXACT: STOCK, SCANN: WITH_SCANN}  # what must be able to load a variant
_SERVER_NAMES = {STOCK: "stock TensorFlow Serving", WITH_SCANN: "a TensorFlow Serving with ScaNN's ops"}


def check_bundle(folder: Path, server: str | None = None) -> Iterator[Diagnosis]:
    """Runs every check on a version, the quick ones first; what fails does not stop the others.

    Args:
      folder: That of a version, of an exported bundle, or where versions are pushed to: then the newest.
      server: `stock` or `scann`: what there is to load it; only the variant made for that is checked. By
        default all variants are, each by its own server.

    Raises:
      InputError: There is no bundle.
    """
    version = find_version(folder)
    try:
        manifest = read_manifest(version)
    except BundleError as error:
        yield Diagnosis("manifest", str(error), _PUSH_AGAIN)
        return
    of = f"{manifest.name}, {manifest.interactions:,} interactions, {manifest.num_items:,} items"
    yield Diagnosis("manifest", f"format {manifest.format}, in {version}: {of}")
    yield _guarded("files", lambda: _files(version, manifest))
    yield _guarded("parts", lambda: _parts(version, manifest))
    yield _guarded("tower and index", lambda: _towers(version, manifest))
    if version != folder:
        yield _guarded("links for servers", lambda: _links(folder, version, manifest))
    for variant in VARIANTS:
        if server not in (None, _SERVERS[variant]):
            continue
        if variant in manifest.variants:
            yield from _models(version, manifest, variant)
        elif server is not None:
            yield Diagnosis(variant, f"{version} has no such variant", _TOO_SMALL)


def find_version(folder: Path) -> Path:
    """The folder of a version: the given one, or the newest that was pushed there.

    Raises:
      InputError: There is none.
    """
    if (folder / MANIFEST_FILE).is_file():
        return folder
    pushed = versions(folder)
    if not pushed:
        raise InputError(
            f"no bundle stands in {folder}: name a version's folder, or the one that versions are pushed to; "
            "`recstack run` makes one"
        )
    return version_dir(folder, pushed[-1])


def _guarded(name: str, check: Callable[[], str]) -> Diagnosis:
    """Runs a check that says what it found, or raises."""
    try:
        return Diagnosis(name, check())
    except BundleError as error:
        return Diagnosis(name, str(error), _PUSH_AGAIN)


def _files(version: Path, manifest: Manifest) -> str:
    check_files(version, manifest)
    size = sum(file.size for file in manifest.files.values()) / _MEGABYTE
    return f"{len(manifest.files)} files, {size:,.1f} MB, digest {manifest.digest[:_SHOWN_DIGITS]}"


def _parts(version: Path, manifest: Manifest) -> str:
    wrong = [
        part
        for part, digest in folder_parts(version, manifest.files).items()
        if digest != manifest.parts.get(part)
    ]
    if wrong:
        raise BundleError(f"{', '.join(wrong)}: the manifest has other fingerprints than the files")
    return ", ".join(f"{part} {digest[:_SHOWN_DIGITS]}" for part, digest in sorted(manifest.parts.items()))


def _towers(version: Path, manifest: Manifest) -> str:
    check_towers(manifest.towers, version)
    return f"belong together: {manifest.towers.retrieval[:_SHOWN_DIGITS]}"


def _links(bundle: Path, version: Path, manifest: Manifest) -> str:
    for variant in manifest.variants:
        for model in MODELS:
            link = models_dir(bundle, variant) / model / version.name
            folder = model_dir(version, variant, model)
            if not link.is_dir() or link.resolve() != folder.resolve():
                raise BundleError(f"{link} does not lead to {folder}, so that servers do not find it")
    return f"version {version.name} of {len(MODELS)} models, {' and '.join(manifest.variants)}"


def _models(version: Path, manifest: Manifest, variant: Variant) -> Iterator[Diagnosis]:
    """What a process finds that has only what the variant's server has."""
    server = _SERVERS[variant]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "findings.jsonl")
        probed = (str(version.resolve()), variant, server, str(output))
        command = [sys.executable, "-m", "serving.model_probe", *probed]
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
        found = read_findings(output)
    for model in MODELS:
        if model in found:
            yield from _model(found[model], manifest, version, variant)
            continue
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        ended = f"the process that should load it ended: {said[-1]}"
        yield Diagnosis(f"{variant} {model} loads", ended, _PUSH_AGAIN)


def _model(found: ModelFindings, manifest: Manifest, version: Path, variant: Variant) -> Iterator[Diagnosis]:
    """The checks of one model."""
    name = f"{variant} {found.model}"
    lacking = lacking_ops(found.ops, _SERVERS[variant])
    if found.ops:
        yield _ops(f"{name} ops", found, lacking, _SERVER_NAMES[_SERVERS[variant]])
        yield _guarded(f"{name} signatures", lambda: _signatures(found, manifest))
    if lacking:
        return
    if found.error is not None:
        yield Diagnosis(f"{name} loads", f"no: {found.error}", _PUSH_AGAIN)
        return
    folder = model_dir(version, variant, found.model)
    yield _guarded(f"{name} loads", lambda: _loaded(found, manifest, folder))


def _ops(name: str, found: ModelFindings, lacking: list[str], server: str) -> Diagnosis:
    """Which servers have a model's ops."""
    num_ops = sum(map(len, found.ops.values()))
    if lacking:
        return Diagnosis(name, f"{server} lacks {', '.join(lacking)}", _PUSH_AGAIN)
    if not lacking_ops(found.ops, STOCK):
        return Diagnosis(name, f"{num_ops}, runs on {_SERVER_NAMES[STOCK]}")
    return Diagnosis(name, f"{num_ops}, needs ScaNN's ops: {', '.join(found.ops[SCANN_OPS])}")


def _signatures(found: ModelFindings, manifest: Manifest) -> str:
    expected = tuple(sorted(manifest.signatures.get(found.model, ())))
    if found.signatures != expected:
        raise BundleError(f"has {', '.join(found.signatures)}; the manifest says {', '.join(expected)}")
    return ", ".join(found.signatures)


def _loaded(found: ModelFindings, manifest: Manifest, folder: Path) -> str:
    if found.towers is None:
        return "and answers"
    check_loaded_towers(found.towers, manifest, folder)
    return f"and answers; tower and index are {found.towers.index[:_SHOWN_DIGITS]}"
