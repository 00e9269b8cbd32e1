"""The manifest of a bundle: the one form of `manifest.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from pipeline.config.base import Frozen
from pipeline.errors import BundleError
from serving.file_digests import FileDigest, combined_digest
from serving.layout import MANIFEST_FILE, Variant, model_dir

FORMAT: Literal[3] = 3

_METRICS, _REFRESH = "metrics", "refresh"
_DISTRIBUTIONS = (
    "recstack",
    "tensorflow",
    "tensorflow-text",
    "tensorflow-recommenders",
    "tf-keras",
    "keras-nlp",
    "scann",
    "tfx",
)


class DataSpan(Frozen):
    """When the interactions happened that a bundle was made from.

    Attributes:
      first: Seconds since 1970 UTC.
      last: Likewise.
    """

    first: int
    last: int


class TowerPair(Frozen):
    """Whose embeddings two parts hold, as :func:`serving.tower_fingerprint.tower_fingerprint` has it.

    Attributes:
      retrieval: Those of the retrieval module's own candidates.
      index: Those that the index was built from.
    """

    retrieval: str
    index: str


class Refresh(Frozen):
    """What came into a bundle after training.

    Attributes:
      judged_version: The version of the training, which the manifest's metrics are of.
      added_items: Items that training has not seen; the corpus' last ones.
      index_recall_at_10: Measured of the index over all items.
    """

    judged_version: int
    added_items: int
    index_recall_at_10: float


class Manifest(Frozen):
    """What a bundle is made of, and what it says of itself.

    Attributes:
      format: Of this record.
      name: The pipeline's.
      digest: SHA-256 over `files`: two bundles with the same one are the same.
      versions: Distribution to the version that made the bundle.
      data_span: First and last moment of the interactions.
      interactions: How many there are.
      num_items: Size of the corpus.
      embedding_dim: Width of the embeddings.
      variants: The kinds of index that its models stand in the folder with.
      index: The one of them that the size of the corpus calls for: it is judged, and `recstack recommend`
        uses it.
      towers: Whose embeddings retrieval module and index hold; a whole bundle has the same twice.
      tasks: Ranking task to its kind.
      signatures: Model to the names of its signatures, the same in all variants.
      pseudonym_key: Fingerprint of the key of the users' pseudonyms; `None` if they are known by their ids.
      parts: What the bundle was put together from, each with the SHA-256 over its files: `retrieval`,
        `index`, `ranking`, `fusion`, `collaborative`, which are in the SavedModels, and `vocabularies` and
        `schema`, which are folders.
      ops: Variant to model to library to the ops of it that the model runs, see :mod:`serving.ops`.
      files: Each file but the manifest, relative to the version's folder.
      metrics: Figures by which it was judged; empty until it is pushed.
      refresh: What `recstack index refresh` added; `None` without. The metrics are then those that another
        version was judged by.
    """

    format: Literal[3] = FORMAT
    name: str
    digest: str
    versions: dict[str, str]
    data_span: DataSpan
    interactions: int
    num_items: int
    embedding_dim: int
    variants: tuple[Variant, ...]
    index: Variant
    towers: TowerPair
    tasks: dict[str, str]
    signatures: dict[str, tuple[str, ...]]
    pseudonym_key: str | None = None
    parts: dict[str, str]
    ops: dict[Variant, dict[str, dict[str, tuple[str, ...]]]]
    files: dict[str, FileDigest]
    metrics: dict[str, float] = Field(default_factory=dict)
    refresh: Refresh | None = None

    @model_validator(mode="after")
    def _digest_follows(self) -> Manifest:
        if self.digest != combined_digest(self.files):
            raise ValueError("the digest does not follow from the files")
        return self

    @model_validator(mode="after")
    def _index_is_there(self) -> Manifest:
        if self.index not in self.variants:
            raise ValueError(f"index {self.index} is none of the variants")
        return self

    def write(self, folder: Path) -> None:
        """Writes `manifest.json` into a bundle's folder."""
        content = self.model_dump_json(indent=2)
        (folder / MANIFEST_FILE).write_text(content, encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Reads the manifest of a bundle, or of a version of it.

    Raises:
      BundleError: There is none, it is of another format, or it is damaged.
    """
    path = folder / MANIFEST_FILE
    content = _read(path)
    if content.get("format") != FORMAT:
        raise BundleError(
            f"{path} has format {content.get('format')}, and this program reads format {FORMAT}: "
            "make a new version with `recstack run`"
        )
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        reason = f"{where}: {first['msg']}" if where else first["msg"]
        raise BundleError(f"{path} is damaged ({reason}): push the bundle again") from error


def used_model_dir(folder: Path, model: str) -> Path:
    """Folder of a model of a bundle, or of a version of it, with the index that its corpus' size calls for.

    Raises:
      BundleError: There is no manifest, it is of another format, or it is damaged.
    """
    return model_dir(folder, read_manifest(folder).index, model)


def read_digest(folder: Path) -> str:
    """A bundle's digest; the one entry that manifests of all formats have.

    Raises:
      BundleError: The manifest is missing, damaged, or has none.
    """
    path = folder / MANIFEST_FILE
    digest = _read(path).get("digest")
    if not isinstance(digest, str):
        raise BundleError(f"{path} has no digest: remove {folder}, a run makes it again")
    return digest


def add_metrics(folder: Path, metrics: Mapping[str, float]) -> None:
    """Notes in a manifest how good its bundle was found; the digest stays.

    Not safe against a kill: only for a folder that nobody reads yet.

    Raises:
      BundleError: The manifest is missing or damaged.
    """
    path = folder / MANIFEST_FILE
    content = {**_read(path), _METRICS: dict(metrics)}
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def read_judgement(folder: Path) -> tuple[dict[str, float], int | None]:
    """The figures in a manifest of any format, and the version that they are of if it is another one.

    Raises:
      BundleError: The manifest is missing or damaged.
    """
    content = _read(folder / MANIFEST_FILE)
    refresh = content.get(_REFRESH)
    return dict(content.get(_METRICS, {})), None if refresh is None else int(refresh["judged_version"])


def stack_versions() -> dict[str, str]:
    """Versions of what a bundle depends on, by distribution."""
    return {name: installed_version(name) for name in _DISTRIBUTIONS}


def _read(path: Path) -> dict[str, Any]:
    """The entries of a manifest, whatever its format."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}; is its folder a bundle's?") from error
    except ValueError as error:
        raise BundleError(f"{path} is damaged, it holds no JSON: push the bundle again") from error
    if not isinstance(content, dict):
        raise BundleError(f"{path} is damaged, it holds no JSON object: push the bundle again")
    return content
