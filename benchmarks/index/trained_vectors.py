"""Embeddings of the newest retrieval model of a run, and of its requests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import pipeline  # noqa: F401  (chooses Keras 2 before TensorFlow is imported)
from benchmarks.index.vectors import Trained

_QUERIES = 10_000


def read_trained(run_dir: Path, seed: int) -> Trained | None:
    """Asks a run's retrieval model.

    Args:
      run_dir: Such as `runs/movielens_100k`, as `recstack run` leaves it.
      seed: Of the draw of its queries.

    Returns:
      The embeddings; `None` if the run has no retrieval model, or its files were removed.
    """
    model = newest_output(run_dir, "RetrievalTrainer/model", "saved_model.pb")
    examples = newest_output(run_dir, "interactions.Materializer/transformed_examples", "Split-eval")
    graph = newest_output(run_dir, "interactions.Transform/transform_graph", "transform_fn")
    if model is None or examples is None or graph is None:
        return None
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  (registers its ops)

    from serving.index_builder import sample_queries
    from trainer.streams import TransformedStream

    retrieval = tf.saved_model.load(str(model))
    stream = TransformedStream(str(examples), str(graph))
    queries = sample_queries(retrieval, stream, _QUERIES, seed)
    return Trained(np.ascontiguousarray(retrieval.corpus.embeddings.numpy()[:-1]), queries)


def newest_output(run_dir: Path, output: str, holds: str) -> Path | None:
    """The newest folder of a step's output that still holds what it should."""
    found = [path for path in (run_dir / "artifacts" / output).glob("*") if (path / holds).exists()]
    return max(found, key=lambda path: int(path.name), default=None)
