"""A query side of a few lines, which reads histories as the real one does: the newest events."""

from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from trainer.graphs import graph_function

LENGTH = 4  # events that are read


def query_side(embeddings, lookup, base=None):
    """A loaded `QueryEncoder`: the sum of the newest items' embeddings, each times its value, if it has one.

    Args:
      embeddings: [N + 1, dim].
      lookup: From item ids to rows.
      base: [dim] that is added.
    """
    start = np.zeros(embeddings.shape[1], np.float32) if base is None else base

    def transform_queries(raw):
        items = tf.RaggedTensor.from_sparse(raw["history_item_ids"])[:, -LENGTH:]
        rows = items.with_values(lookup(items.values)).to_tensor(-1, shape=[None, LENGTH])
        weights = tf.ones_like(rows, tf.float32)
        if "history_values" in raw:
            values = tf.RaggedTensor.from_sparse(raw["history_values"])[:, -LENGTH:]
            weights = values.to_tensor(0.0, shape=[None, LENGTH])
        return {"history_item_ids": rows, "weights": weights}

    @graph_function(
        input_signature=[
            {
                "history_item_ids": tf.TensorSpec([None, LENGTH], tf.int32),
                "weights": tf.TensorSpec([None, LENGTH]),
            }
        ]
    )
    def encode(features):
        rows, weights = features["history_item_ids"], features["weights"]
        weights = tf.where(rows >= 0, weights, 0.0)
        return start + tf.einsum("bl,bld->bd", weights, tf.gather(embeddings, tf.maximum(rows, 0)))

    def encode_queries(features):
        return encode(features)

    encode_queries.concrete_functions = [encode.get_concrete_function()]
    return SimpleNamespace(encode_queries=encode_queries, transform_queries=transform_queries)
