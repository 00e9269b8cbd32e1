"""Events of one second, in another order in each pass."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from schemas.features import HISTORY_EVENT_TYPES, HISTORY_GAPS, HISTORY_ITEM_IDS, ITEM_ID

_BESIDE_ITEMS = (HISTORY_ITEM_IDS, HISTORY_EVENT_TYPES)


def shuffle_ties(
    features: Mapping[str, tf.Tensor], with_target: bool, generator: tf.random.Generator
) -> dict[str, tf.Tensor]:
    """Puts the events of a history that no time parts into a random order.

    Args:
      features: Transformed interaction features, `history_item_ids` as corpus rows, padding last.
      with_target: Whether the example's own item is one of those events, if no time parts it from the
        newest. Only where nothing but the item is known of an event.
      generator: Of the order.

    Returns:
      The features with new history lists and, perhaps, another `item_id`. Times stay: what changes
      places has the same.
    """
    rows, gaps = features[HISTORY_ITEM_IDS], features[HISTORY_GAPS]
    batch, length = tf.shape(rows)[0], rows.shape[1]
    count = tf.math.count_nonzero(rows >= 0, axis=1, dtype=tf.int32)[:, tf.newaxis]
    place = tf.range(length + 1)[tf.newaxis]
    is_parted = tf.concat([tf.zeros([batch, 1]), tf.cast(tf.not_equal(gaps, 0.0), tf.float32)], axis=1)
    if not with_target:
        is_parted = tf.where(tf.equal(place, count), 1.0, is_parted)
    is_parted = tf.where(place > count, 1.0, is_parted)  # padding stays behind
    keys = tf.cumsum(is_parted, axis=1) + generator.uniform(tf.shape(is_parted))
    order = tf.argsort(keys, axis=1)
    changed = dict(features)
    for name in _BESIDE_ITEMS:
        if name in features:
            values = tf.concat(
                [features[name], tf.fill([batch, 1], tf.constant(-1, features[name].dtype))], 1
            )
            if name == HISTORY_ITEM_IDS:
                values = tf.where(tf.equal(place, count), features[ITEM_ID][:, tf.newaxis], values)
            values = tf.gather(values, order, batch_dims=1)
            if name == HISTORY_ITEM_IDS:
                changed[ITEM_ID] = tf.gather(values, count[:, 0], batch_dims=1)
                values = tf.where(place < count, values, -1)
            changed[name] = values[:, :length]
    return changed
