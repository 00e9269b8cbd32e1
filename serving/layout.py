"""Where what stands in a bundle folder.

    BUNDLE/README.md                                         how to serve and ask it
    BUNDLE/versions/N/manifest.json                          what was judged and pushed together
    BUNDLE/versions/N/exact/{retrieval,ranking,recommender}/ SavedModels that any TensorFlow Serving takes
    BUNDLE/versions/N/scann/{retrieval,recommender}/         the same with ScaNN's index, for large corpora
    BUNDLE/versions/N/schema/{interactions,items}.pbtxt      by which what was learnt from was judged
    BUNDLE/versions/N/statistics/{interactions,items}/       of what was learnt from, for drift
    BUNDLE/versions/N/vocabularies/{interactions,items}/     a file each, an entry a line, without users
    BUNDLE/models/{exact,scann}/{retrieval,ranking,recommender}/N    links to them
    BUNDLE/serving/labels.json                               which versions are stable and canary
    BUNDLE/serving/settings.json                             how they are to be served
    BUNDLE/serving/{exact,scann}.models.config               made of both, for TensorFlow Serving
    BUNDLE/serving/{batching_parameters.txt,monitoring.config}    likewise

A variant is a kind of index: both have the same models with the same signatures. The ranking model has no
index, so there is one of it, and both variants lead to it.

A server watches `models/VARIANT/`: each folder there is a model in TensorFlow Serving's sense. The links
are relative, so that the bundle folder may be moved or mounted as a whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pipeline.statistics_files import STATISTICS_FILE
from schemas.features import Stream

MANIFEST_FILE = "manifest.json"
LOCK_FILE = "push.lock"  # held by whoever adds or removes versions
README_FILE = "README.md"
RETRIEVAL, RANKING, RECOMMENDER = "retrieval", "ranking", "recommender"
MODELS = (RETRIEVAL, RANKING, RECOMMENDER)
Variant = Literal["exact", "scann"]
EXACT: Variant = "exact"
SCANN: Variant = "scann"
VARIANTS: tuple[Variant, ...] = (EXACT, SCANN)


def versions_dir(bundle: Path) -> Path:
    """Folder of the versions."""
    return bundle / "versions"


def version_dir(bundle: Path, version: int) -> Path:
    """Folder of a version."""
    return versions_dir(bundle) / str(version)


def model_dir(version: Path, variant: str, model: str) -> Path:
    """Folder, in that of a version, of a SavedModel.

    Args:
      version: Folder of the version.
      variant: One of `VARIANTS`.
      model: One of `MODELS`.
    """
    return version / (EXACT if model == RANKING else variant) / model


def variants_of(version: Path) -> list[Variant]:
    """The variants that stand in the folder of a version."""
    return [variant for variant in VARIANTS if (version / variant).is_dir()]


def models_dir(bundle: Path, variant: str) -> Path:
    """Folder of a variant's models, each with its versions, for servers."""
    return bundle / "models" / variant


def serving_dir(bundle: Path) -> Path:
    """Folder of what configures servers."""
    return bundle / "serving"


def versions(bundle: Path) -> list[int]:
    """Whole versions, oldest first."""
    folders = versions_dir(bundle).glob(f"*/{MANIFEST_FILE}")
    return sorted(int(path.parent.name) for path in folders if path.parent.name.isdecimal())


def statistics_dir(version: Path, stream: Stream) -> Path:
    """Folder, in that of a version, of the statistics of what it learnt from."""
    return version / "statistics" / stream.value


def schema_dir(version: Path) -> Path:
    """Folder, in that of a version, of the curated schemas."""
    return version / "schema"


def vocabularies_dir(version: Path) -> Path:
    """Folder, in that of a version, of the vocabularies of both streams."""
    return version / "vocabularies"


def newest_statistics(bundle: Path, stream: Stream) -> Path | None:
    """Folder of the newest version's statistics; `None` if there is no version, or none in it."""
    pushed = versions(bundle)
    if not pushed:
        return None
    folder = statistics_dir(version_dir(bundle, pushed[-1]), stream)
    return folder if (folder / STATISTICS_FILE).is_file() else None
