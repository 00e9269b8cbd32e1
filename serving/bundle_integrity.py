"""Whether a bundle is whole and its parts belong together: what can be told from its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import BundleError
from serving.file_digests import FileDigest, combined_digest, file_digest, file_names
from serving.layout import MANIFEST_FILE, schema_dir, vocabularies_dir
from serving.manifest import Manifest, TowerPair

SCHEMA_PART, VOCABULARIES_PART = "schema", "vocabularies"

_SHOWN = 3
_SHORT = 12  # digits of a fingerprint that people compare


def bundle_files(folder: Path) -> list[str]:
    """The files of a bundle but its manifest, relative to its folder, in order."""
    return [name for name in file_names(folder) if name != MANIFEST_FILE]


def folder_parts(folder: Path, files: Mapping[str, FileDigest]) -> dict[str, str]:
    """Digests of those parts that are folders of a bundle, by their names.

    Args:
      folder: The bundle's.
      files: Its files, relative to it.
    """
    parts = {SCHEMA_PART: schema_dir(folder), VOCABULARIES_PART: vocabularies_dir(folder)}
    digests = {}
    for part, path in parts.items():
        start = f"{path.relative_to(folder).as_posix()}/"
        inside = {name.removeprefix(start): file for name, file in files.items() if name.startswith(start)}
        digests[part] = combined_digest(inside)
    return digests


def check_towers(towers: TowerPair, where: object) -> None:
    """Checks that an index was built from the embeddings of the retrieval module beside it.

    Args:
      towers: Their fingerprints.
      where: What to call the bundle.

    Raises:
      BundleError: They are not the same.
    """
    if towers.retrieval != towers.index:
        raise BundleError(
            f"{where}: the index was built from the embeddings of another retrieval model "
            f"({towers.index[:_SHORT] or 'it does not say which'}, and this one has "
            f"{towers.retrieval[:_SHORT]}), and would answer wrongly; make both in one `recstack run`"
        )


def check_loaded_towers(towers: TowerPair, manifest: Manifest, where: object) -> None:
    """Checks that what was loaded matches, and is what the manifest says.

    Raises:
      BundleError: It does not, or is not.
    """
    check_towers(towers, where)
    if towers != manifest.towers:
        raise BundleError(
            f"{where} is of another bundle: its embeddings are {towers.retrieval[:_SHORT]}, and the manifest "
            f"says {manifest.towers.retrieval[:_SHORT]}; push the bundle again"
        )


def towers_of(retrieval_corpus: Any, index: Any) -> TowerPair:
    """The fingerprints of what was loaded.

    Args:
      retrieval_corpus: A :class:`trainer.retrieval_module.CorpusModule`, loaded.
      index: A :class:`serving.index_builder.SearchModule`, loaded.
    """
    from serving.tower_fingerprint import tower_fingerprint

    ids, embeddings = retrieval_corpus.item_ids.numpy(), retrieval_corpus.embeddings.numpy()[:-1]
    said = index.fingerprint.numpy().decode() if hasattr(index, "fingerprint") else ""
    return TowerPair(retrieval=tower_fingerprint(ids, embeddings), index=said)


def check_sizes(folder: Path, manifest: Manifest) -> None:
    """Checks, without reading them, that all files are there and as long as they should be.

    Raises:
      BundleError: One is missing, or of another size.
    """
    _raise_faults(folder, [_size_fault(folder, name, file.size) for name, file in manifest.files.items()])


def check_files(folder: Path, manifest: Manifest) -> None:
    """Reads every file and compares it with the manifest.

    Raises:
      BundleError: One is missing, damaged, or not in the manifest.
    """
    faults = [_fault(folder, name, file) for name, file in manifest.files.items()]
    strangers = sorted(set(bundle_files(folder)) - set(manifest.files))
    _raise_faults(folder, [*faults, *(f"{name} is not in the manifest" for name in strangers)])


def _fault(folder: Path, name: str, expected: FileDigest) -> str | None:
    """What is wrong with a file, by its content."""
    fault = _size_fault(folder, name, expected.size)
    if fault is not None:
        return fault
    try:
        found = file_digest(folder / name)
    except OSError as error:
        return f"{name} cannot be read ({error.strerror})"
    return None if found == expected else f"{name} has another content"


def _size_fault(folder: Path, name: str, expected: int) -> str | None:
    """What is wrong with a file, by its size."""
    path = folder / name
    if not path.is_file():
        return f"{name} is missing"
    size = path.stat().st_size
    return None if size == expected else f"{name} has {size:,} bytes and should have {expected:,}"


def _raise_faults(folder: Path, faults: list[str | None]) -> None:
    found = [fault for fault in faults if fault is not None]
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise BundleError(f"{folder} is damaged: {'; '.join(found[:_SHOWN])}{more}")
