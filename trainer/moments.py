"""The moments of a history at which the next event is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from schemas.features import HISTORY_ITEM_IDS, ITEM_ID


class Moments(NamedTuple):
    """The moments of a batch's histories at which the next event is known, the requests among them.

    Attributes:
      example: [M] int32 example of each.
      place: [M] int32 events before it.
      target: [M] int32 corpus row of the next event.
    """

    example: tf.Tensor
    place: tf.Tensor
    target: tf.Tensor


def find_moments(features: Mapping[str, tf.Tensor], num_items: int) -> Moments:
    """The moments of a batch, the requests themselves and those inside their histories.

    A history that is full may have been cut, and is not taken for one that began with its first event.

    Args:
      features: `item_id` [B] and `history_item_ids` [B, length] as corpus rows, -1 is padding.
      num_items: Size of the corpus; an item outside of it is no target.
    """
    rows = features[HISTORY_ITEM_IDS]
    batch, length = tf.shape(rows)[0], rows.shape[1]
    count = tf.math.count_nonzero(rows >= 0, axis=1, dtype=tf.int32)
    place = tf.broadcast_to(tf.range(length + 1), [batch, length + 1])
    targets = tf.concat([rows, tf.fill([batch, 1], -1)], axis=1)
    targets = tf.where(tf.equal(place, count[:, tf.newaxis]), features[ITEM_ID][:, tf.newaxis], targets)
    valid = (place <= count[:, tf.newaxis]) & (targets >= 0) & (targets < num_items)
    valid &= (place > 0) | (count < length)[:, tf.newaxis]
    found = tf.cast(tf.where(valid), tf.int32)
    return Moments(found[:, 0], found[:, 1], tf.gather_nd(targets, found))
