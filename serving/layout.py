"""Where what stands in a bundle folder.

    BUNDLE/versions/N/manifest.json                          what was judged and pushed together
    BUNDLE/versions/N/{retrieval,ranking,recommender}/       three SavedModels
    BUNDLE/models/{retrieval,ranking,recommender}/N          links to them

A server watches `models/`: each folder there is a model in TensorFlow Serving's sense. The links
are relative, so that the bundle folder may be moved or mounted as a whole.
"""

from __future__ import annotations

from pathlib import Path

MANIFEST_FILE = "manifest.json"
PSEUDONYM_KEY = "pseudonym_key"  # in the manifest: whose pseudonyms stand for users
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
