"""From scored candidates to a list: the best, as the request's controls want them."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from serving.diversity import diversified
from serving.exploration import draw_propensities, explored
from serving.fusion import standardised
from serving.request_controls import Controls
from trainer.retrieval_module import directions

UNKNOWN_PROPENSITY = 0.0  # nothing that is shown was impossible


class Arranged(NamedTuple):
    """A list among its candidates.

    Attributes:
      places: [B, W] int32, W the largest k of the batch.
      filled: [B, W] bool, which places are filled: no more than a request's own k.
      propensity: [B, W] float32: how likely the item was to come at its rank, given those before it, over all
        seeds. 1 without noise; `UNKNOWN_PROPENSITY` where diversity changed an order that was drawn.
    """

    places: tf.Tensor
    filled: tf.Tensor
    propensity: tf.Tensor


def arranged(
    order: tf.Tensor, rows: tf.Tensor, valid: tf.Tensor, corpus: Any, controls: Controls
) -> Arranged:
    """The places of a list among its candidates.

    Noise comes first, diversity then. Neither costs anything if no request of the batch asks for it.

    Args:
      order: [B, K] float32, the higher the better.
      rows: [B, K] int32 corpus rows.
      valid: [B, K] bool, which candidates there are.
      corpus: That of the loaded retrieval module.
      controls: Of the requests; no `k` above K.
    """
    width = tf.reduce_max(tf.concat([controls.k, [0]], axis=0))
    explores = (controls.exploration > 0.0) & (controls.k > 0)
    diversifies = (controls.diversity > 0.0) & (controls.k > 0)

    def with_noise() -> tuple[tf.Tensor, tf.Tensor]:
        scaled = standardised(order[..., tf.newaxis], valid)[..., 0]
        num_items = int(corpus.item_ids.shape[0])
        noisy = explored(scaled, rows, controls.exploration, controls.seed, num_items)
        drawn = tf.math.top_k(tf.where(valid, noisy, tf.float32.min), tf.shape(noisy)[1]).indices
        strength = tf.where(explores, controls.exploration, 1.0)
        propensity = draw_propensities(scaled, valid, strength, drawn)[:, :width]
        chosen = explores[:, tf.newaxis]
        return tf.where(chosen, noisy, order), tf.where(chosen, propensity, 1.0)

    def without_noise() -> tuple[tf.Tensor, tf.Tensor]:
        return order, tf.ones(tf.stack([tf.shape(order)[0], width]))

    final, propensity = tf.cond(tf.reduce_any(explores), with_noise, without_noise)
    propensity = tf.where((explores & diversifies)[:, tf.newaxis], UNKNOWN_PROPENSITY, propensity)

    def best() -> tf.Tensor:
        return tf.math.top_k(tf.where(valid, final, tf.float32.min), width).indices

    def diverse() -> tf.Tensor:
        embeddings = directions(tf.gather(corpus.embeddings, rows))
        places = diversified(final, embeddings, valid, controls.diversity, width)
        return tf.where(diversifies[:, tf.newaxis], places, best())

    places = tf.cond(tf.reduce_any(diversifies), diverse, best)
    count = tf.minimum(controls.k, tf.math.count_nonzero(valid, axis=1, dtype=tf.int32))
    filled = tf.range(width)[tf.newaxis] < count[:, tf.newaxis]
    return Arranged(places, filled, propensity)
