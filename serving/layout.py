"""Where what stands in a bundle folder.

    BUNDLE/versions/N/manifest.json                          what was judged and pushed together
    BUNDLE/versions/N/{retrieval,ranking,recommender}/       three SavedModels
    BUNDLE/versions/N/schema/{interactions,items}.pbtxt      by which what was learnt from was judged
    BUNDLE/versions/N/statistics/{interactions,items}/       of what was learnt from, for drift
    BUNDLE/versions/N/vocabularies/{interactions,items}/     a file each, an entry a line, without users
    BUNDLE/models/{retrieval,ranking,recommender}/N          links to them

A server watches `models/`: each folder there is a model in TensorFlow Serving's sense. The links
are relative, so that the bundle folder may be moved or mounted as a whole.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.statistics_files import STATISTICS_FILE
from schemas.features import Stream

MANIFEST_FILE = "manifest.json"
LOCK_FILE = "push.lock"  # held by whoever adds or removes versions
RETRIEVAL, RANKING, RECOMMENDER = "retrieval", "ranking", "recommender"
MODELS = (RETRIEVAL, RANKING, RECOMMENDER)


def versions_dir(bundle: Path) -> Path:
    """Folder of the versions."""
    return bundle / "versions"


def models_dir(bundle: Path) -> Path:
    """Folder of the models, each with its versions, for servers."""
    return bundle / "models"


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
    folder = statistics_dir(versions_dir(bundle) / str(pushed[-1]), stream)
    return folder if (folder / STATISTICS_FILE).is_file() else None
