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
from serving.layout import RANKING, RECOMMENDER, RETRIEVAL, schema_dir, vocabularies_dir
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
      kind: Of the index.
      seed: Of the towers.
      index_seed: Of the towers that the index is of; the same by default.
    """
    index = search_module(kind, seed if index_seed is None else index_seed)
    models = {
        RETRIEVAL: SmallModel(seed, index),
        RANKING: SmallModel(seed),
        RECOMMENDER: SmallModel(seed, index),
    }
    for name, model in models.items():
        options = save_options(index.index.is_exact)
        tf.saved_model.save(model, str(folder / name), signatures=model.serving_default, options=options)
    for path, text in {
        schema_dir(folder) / "items.pbtxt": "",
        vocabularies_dir(folder) / "items" / "item_genre": "comedy\ndrama\n",
    }.items():
        path.parent.mkdir(parents=True)
        path.write_text(text)
    write_manifest(folder, models[RETRIEVAL])
    return folder


def write_manifest(folder: Path, retrieval: SmallModel) -> None:
    """Writes the manifest of what is in a folder, as an export does."""
    loaded = SimpleNamespace(
        retrieval=retrieval,
        index=retrieval.index.index,
        towers=towers_of(retrieval.corpus, retrieval.index),
    )
    parts = dict.fromkeys(("retrieval", "index", "ranking", "fusion", "collaborative"), "0" * 64)
    signatures = dict.fromkeys((RETRIEVAL, RANKING, RECOMMENDER), ("serving_default",))
    _manifest(loaded, np.array([10, 20]), SETTINGS, signatures, parts, folder).write(folder)
