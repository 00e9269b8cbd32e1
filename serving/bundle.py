"""One bundle: the SavedModels that are judged, versioned and served together, and their manifest."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf

from pipeline.splits import SPLITS
from schemas.features import TIMESTAMP
from serving.bundle_settings import BundleSettings
from serving.candidate_generator import CandidateGenerator
from serving.index import Index, save_options
from serving.index_builder import INDEX_DIR
from serving.interactions import read_interactions
from serving.layout import MANIFEST_FILE, PSEUDONYM_KEY, RANKING, RECOMMENDER, RETRIEVAL
from serving.profiles import UserProfiles
from serving.recommender import Recommender
from serving.signatures import ranking_signatures, recommender_signatures, retrieval_signatures

_FORMAT = 1


@dataclass(frozen=True)
class _Models:
    """The loaded parts."""

    retrieval: Any
    collaborative: Any
    ranking: Any
    fusion: Any
    index: Index


def export_bundle(
    retrieval_dir: str,
    collaborative_dir: str,
    ranking_dir: str,
    fusion_dir: str,
    index_dir: str,
    examples_dir: str,
    users_file: str,
    histories_file: str,
    settings: BundleSettings,
    output_dir: str,
) -> None:
    """Writes the three SavedModels and their manifest.

    Args:
      retrieval_dir: SavedModel of the retrieval module.
      collaborative_dir: SavedModel of the collaborative module.
      ranking_dir: SavedModel of the ranking module.
      fusion_dir: SavedModel of the fusion module.
      index_dir: Artifact folder of the index.
      examples_dir: Artifact folder of the raw interactions.
      users_file: Parquet file of the canonical users; with `histories_file` the users' profiles.
      histories_file: Parquet file of what each user engaged with, from
        :func:`pipeline.history.user_histories`.
      settings: Names and sizes.
      output_dir: Where the bundle is written.
    """
    models = _load(retrieval_dir, collaborative_dir, ranking_dir, fusion_dir, index_dir)
    options = save_options(models.index.is_exact)
    with tempfile.TemporaryDirectory() as work_dir:
        profiles = UserProfiles(
            pq.read_table(histories_file),
            pq.read_table(users_file),
            settings.feature_set,
            models.retrieval.corpus.item_ids,
            Path(work_dir),
        )
        generator = CandidateGenerator(
            models.retrieval,
            models.index,
            models.collaborative,
            settings.index.retrieved,
            settings.index.from_others,
        )
        recommender = Recommender(models.retrieval.corpus, generator, models.ranking, models.fusion, profiles)
        signatures = {
            RETRIEVAL: retrieval_signatures(models.retrieval, models.index),
            RANKING: ranking_signatures(models.retrieval, models.ranking),
            RECOMMENDER: recommender_signatures(recommender),
        }
        for name, (module, functions) in signatures.items():
            tf.saved_model.save(module, f"{output_dir}/{name}", signatures=functions, options=options)
    times = _times(examples_dir, settings)
    manifest = _manifest(models, times, settings, {n: sorted(f) for n, (_, f) in signatures.items()})
    manifest["digest"] = _digest(Path(output_dir))
    Path(output_dir, MANIFEST_FILE).write_text(json.dumps(manifest, indent=2), encoding="utf-8")


def _load(
    retrieval_dir: str, collaborative_dir: str, ranking_dir: str, fusion_dir: str, index_dir: str
) -> _Models:
    """Loads the parts; ScaNN's ops are registered first, in case the index holds some."""
    import scann  # noqa: F401

    index = tf.saved_model.load(f"{index_dir}/{INDEX_DIR}")
    index.is_exact = bool(index.is_exact.numpy())
    folders = (retrieval_dir, collaborative_dir, ranking_dir, fusion_dir)
    retrieval, collaborative, ranking, fusion = (tf.saved_model.load(folder) for folder in folders)
    return _Models(retrieval, collaborative, ranking, fusion, index)


def _times(examples_dir: str, settings: BundleSettings) -> np.ndarray:
    """The seconds of all examples."""
    parts = [
        read_interactions(examples_dir, settings.feature_set, split, (TIMESTAMP,))[TIMESTAMP].to_numpy()
        for split in SPLITS
    ]
    return np.concatenate(parts)


def _manifest(
    models: _Models, times: np.ndarray, settings: BundleSettings, signatures: dict[str, list[str]]
) -> dict[str, Any]:
    """What a person or a server wants to know of a bundle."""
    return {
        "format": _FORMAT,
        "name": settings.name,
        "num_items": int(models.retrieval.corpus.item_ids.shape[0]),
        "embedding_dim": int(models.retrieval.corpus.embeddings.shape[1]),
        "data_span": {"first": int(times.min()), "last": int(times.max())},
        "interactions": len(times),
        "index": "exact" if models.index.is_exact else "scann",
        "tasks": {task.name: task.kind for task in settings.tasks},
        "signatures": signatures,
        PSEUDONYM_KEY: settings.pseudonym_key,
        "tensorflow": tf.__version__,
    }


def _digest(folder: Path) -> str:
    """SHA-256 over the files of a folder, names included."""
    hasher = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        hasher.update(file.relative_to(folder).as_posix().encode())
        hasher.update(file.read_bytes())
    return hasher.hexdigest()
