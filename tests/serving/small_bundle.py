"""A bundle with the form of a real one, and models of a few lines."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from pipeline.config.ranking import TaskConfig
from pipeline.config.training import IndexConfig
from schemas.features import TableLayout
from serving.bundle import _manifest
from serving.bundle_integrity import towers_of
from serving.bundle_settings import BundleSettings
from serving.index import Index, build_index, save_options
from serving.index_builder import SearchModule
from serving.layout import (
    EXACT,
    RANKING,
    RECOMMENDER,
    RETRIEVAL,
    SCANN,
    model_dir,
    schema_dir,
    variants_of,
    vocabularies_dir,
)
from serving.tower_fingerprint import tower_fingerprint
from trainer.graphs import graph_function

NUM_ITEMS, DIM = 32, 4
ITEM_IDS = np.array([f"i{i}".encode() for i in range(NUM_ITEMS)])
SETTINGS = BundleSettings(
    name="small",
    layout=TableLayout(),
    crosses=(),
    tasks=(TaskConfig(name="rating", kind="value"),),
    index=IndexConfig(),
)


def embeddings_of(seed: int) -> np.ndarray:
    """[32, 4]: the embeddings of a tower."""
    return np.random.default_rng(seed).normal(size=(NUM_ITEMS, DIM)).astype(np.float32)


def search_module(kind: str, seed: int) -> SearchModule:
    """The index over a tower's embeddings."""
    embeddings = embeddings_of(seed)
    index = build_index(kind, embeddings, IndexConfig())
    return SearchModule(index, tower_fingerprint(ITEM_IDS, embeddings))


class Corpus(tf.Module):
    """The candidates of a tower."""

    def __init__(self, seed: int):
        super().__init__()
        self.item_ids = tf.Variable(ITEM_IDS, trainable=False)
        unknown = np.zeros((1, DIM), np.float32)
        self.embeddings = tf.Variable(np.concatenate([embeddings_of(seed), unknown]), trainable=False)


class SmallModel(tf.Module):
    """A model that answers every example alike."""

    def __init__(self, seed: int, index: Index | None = None, answer: float = 1.0):
        super().__init__()
        self.corpus = Corpus(seed)
        if index is not None:
            self.index = index

        @graph_function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serving_default(examples):
            scores = tf.fill([tf.shape(examples)[0], DIM], answer)
            return {"scores": scores if index is None else index.search(scores, tf.constant(2))[0]}

        self.serving_default = serving_default


def write_small_bundle(
    folder: Path, kind: str = "exact", seed: int = 0, index_seed: int | None = None
) -> Path:
    """Writes a bundle.

    Args:
      folder: Where to.
      kind: Of the index: `exact`, as of a corpus too small for another; or `scann`, then with both variants.
      seed: Of the towers.
      index_seed: Of the towers that the index is of; the same by default.
    """
    for variant in (EXACT,) if kind == EXACT else (EXACT, SCANN):
        index = search_module(variant, seed if index_seed is None else index_seed)
        for name in (RETRIEVAL, RECOMMENDER):
            save_model(SmallModel(seed, index), model_dir(folder, variant, name), variant)
    save_model(SmallModel(seed), model_dir(folder, EXACT, RANKING), EXACT)
    for path, text in {
        schema_dir(folder) / "items.pbtxt": "",
        vocabularies_dir(folder) / "items" / "item_genre": "comedy\ndrama\n",
    }.items():
        path.parent.mkdir(parents=True)
        path.write_text(text)
    write_manifest(folder, SmallModel(seed, index), kind)
    return folder


def save_model(model: SmallModel, folder: Path, variant: str) -> None:
    """Saves a model of a variant."""
    options = save_options(variant == EXACT)
    tf.saved_model.save(model, str(folder), signatures=model.serving_default, options=options)


def write_manifest(folder: Path, retrieval: SmallModel, index: str = EXACT) -> None:
    """Writes the manifest of what is in a folder, as an export does."""
    loaded = SimpleNamespace(
        retrieval=retrieval,
        indexes=dict.fromkeys(variants_of(folder)),
        index=index,
        towers=towers_of(retrieval.corpus, retrieval.index),
    )
    parts = dict.fromkeys(("retrieval", "index", "ranking", "fusion", "collaborative"), "0" * 64)
    signatures = dict.fromkeys((RETRIEVAL, RANKING, RECOMMENDER), ("serving_default",))
    _manifest(loaded, np.array([10, 20]), SETTINGS, signatures, parts, folder).write(folder)
