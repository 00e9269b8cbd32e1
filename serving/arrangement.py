"""From scored candidates to a list: the best, as the request's controls want them."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from serving.diversity import diversified
from serving.exploration import explored
from serving.fusion import standardised
from serving.request_controls import Controls
from trainer.retrieval_module import directions


def arranged(
    order: tf.Tensor, rows: tf.Tensor, valid: tf.Tensor, corpus: Any, controls: Controls
) -> tuple[tf.Tensor, tf.Tensor]:
    """The places of a list among its candidates.

    Noise comes first, diversity then. Neither costs anything if no request of the batch asks for it.

    Args:
      order: [B, K] float32, the higher the better.
      rows: [B, K] int32 corpus rows.
      valid: [B, K] bool, which candidates there are.
      corpus: That of the loaded retrieval module.
      controls: Of the requests; no `k` above K.

    Returns:
      [B, W] int32 places, W the largest k of the batch, and [B, W] bool, which of them are filled: no more
      than a request's own k.
    """
    width = tf.reduce_max(tf.concat([controls.k, [0]], axis=0))
    explores = (controls.exploration > 0.0) & (controls.k > 0)
    diversifies = (controls.diversity > 0.0) & (controls.k > 0)

    def with_noise() -> tf.Tensor:
        scaled = standardised(order[..., tf.newaxis], valid)[..., 0]
        num_items = int(corpus.item_ids.shape[0])
        noisy = explored(scaled, rows, controls.exploration, controls.seed, num_items)
        return tf.where(explores[:, tf.newaxis], noisy, order)

    order = tf.cond(tf.reduce_any(explores), with_noise, lambda: order)

    def best() -> tf.Tensor:
        return tf.math.top_k(tf.where(valid, order, tf.float32.min), width).indices

    def diverse() -> tf.Tensor:
        embeddings = directions(tf.gather(corpus.embeddings, rows))
        places = diversified(order, embeddings, valid, controls.diversity, width)
        return tf.where(diversifies[:, tf.newaxis], places, best())

    places = tf.cond(tf.reduce_any(diversifies), diverse, best)
    filled = tf.minimum(controls.k, tf.math.count_nonzero(valid, axis=1, dtype=tf.int32))
    return places, tf.range(width)[tf.newaxis] < filled[:, tf.newaxis]
