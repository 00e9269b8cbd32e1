"""What a request may say of the list it wants, beside who asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

DEFAULT_K = 10
MAX_EXPLORATION = 100.0  # by then the order is all noise

K, FILTER_SEEN, EXCLUDE = "k", "filter_seen", "exclude_item_ids"
ALLOW, DENY = "allow_categories", "deny_categories"
DIVERSITY, EXPLORATION, SEED = "diversity", "exploration", "seed"
EXPLAIN = "explain"


class Controls(NamedTuple):
    """The controls of a batch of requests.

    Attributes:
      k: [B] int32, items that are wanted.
      exclude_item_ids: [B, E] strings, items that are not; "" is padding.
      filter_seen: [B] bool, whether the history's items are left out.
      allow_categories: [B, A] strings "feature=value": of each feature that is named an item must have one
        of its values. "" is padding; without any all items are allowed.
      deny_categories: [B, D] strings: an item must have none of them.
      diversity: [B] float32 between 0, relevance alone, and 1.
      exploration: [B] float32 from 0: how strong the noise in the order is, see
        :func:`serving.exploration.explored`.
      seed: [B] int64, of the noise.
      explain: [B] bool, whether reasons are wanted, where there are some; they cost more than the list.
    """

    k: tf.Tensor
    exclude_item_ids: tf.Tensor
    filter_seen: tf.Tensor
    allow_categories: tf.Tensor
    deny_categories: tf.Tensor
    diversity: tf.Tensor
    exploration: tf.Tensor
    seed: tf.Tensor
    explain: tf.Tensor

    @property
    def is_filtered(self) -> tf.Tensor:
        """[B] bool: whether a request names categories."""
        named = tf.concat([self.allow_categories, self.deny_categories], axis=1)
        return tf.reduce_any(tf.not_equal(named, ""), axis=1)

    def within(self, num_items: int) -> Controls:
        """The same, with a k between 0 and the size of the corpus."""
        return self._replace(k=tf.clip_by_value(self.k, 0, num_items))


CONTROL_SPECS = tuple(
    tf.TensorSpec(shape, dtype, name=name)
    for name, shape, dtype in (
        (K, [None], tf.int32),
        (EXCLUDE, [None, None], tf.string),
        (FILTER_SEEN, [None], tf.bool),
        (ALLOW, [None, None], tf.string),
        (DENY, [None, None], tf.string),
        (DIVERSITY, [None], tf.float32),
        (EXPLORATION, [None], tf.float32),
        (SEED, [None], tf.int64),
        (EXPLAIN, [None], tf.bool),
    )
)


def controls_for(batch_size: tf.Tensor, given: Mapping[str, tf.Tensor]) -> Controls:
    """The controls of a batch.

    Args:
      batch_size: Scalar int32 B.
      given: Every control by name, of first dimension B, or 1 for all alike.

    Returns:
      Of first dimension B. What makes no sense counts as the nearest that does, NaN as 0.
    """
    values = {name: to_batch(given[name], batch_size) for name in Controls._fields}
    values[DIVERSITY] = _clipped(values[DIVERSITY], 1.0)
    values[EXPLORATION] = _clipped(values[EXPLORATION], MAX_EXPLORATION)
    return Controls(**values)


def plain_controls(batch_size: tf.Tensor, k: int) -> Controls:
    """The controls of requests that say how many items they want, and nothing else; without reasons."""
    given = {
        spec.name: tf.zeros([1, 0], spec.dtype) if spec.shape.rank == 2 else tf.zeros([1], spec.dtype)
        for spec in CONTROL_SPECS
    }
    return controls_for(batch_size, {**given, K: tf.constant([k]), FILTER_SEEN: tf.constant([True])})


def controls_of_examples(examples: tf.Tensor) -> Controls:
    """The controls that serialized `tf.Example`s carry, [B], by the same names; a bool is an integer."""
    integer, number = tf.io.FixedLenFeature([], tf.int64, 0), tf.io.FixedLenFeature([], tf.float32, 0.0)
    spec = {name: tf.io.VarLenFeature(tf.string) for name in (EXCLUDE, ALLOW, DENY)}
    spec |= {
        K: tf.io.FixedLenFeature([], tf.int64, DEFAULT_K),
        FILTER_SEEN: tf.io.FixedLenFeature([], tf.int64, 1),
        SEED: integer,
        EXPLAIN: tf.io.FixedLenFeature([], tf.int64, 1),
        DIVERSITY: number,
        EXPLORATION: number,
    }
    parsed = tf.io.parse_example(examples, spec)
    given = {
        name: tf.sparse.to_dense(values, "") if isinstance(values, tf.SparseTensor) else values
        for name, values in parsed.items()
    }
    given[K] = tf.cast(tf.clip_by_value(given[K], 0, tf.int32.max), tf.int32)
    for name in (FILTER_SEEN, EXPLAIN):
        given[name] = tf.not_equal(given[name], 0)
    return controls_for(tf.size(examples), given)


def to_batch(values: tf.Tensor, batch_size: tf.Tensor) -> tf.Tensor:
    """Values of a batch, [B, ...]; one for all, [1, ...], is repeated."""
    return tf.broadcast_to(values, tf.concat([[batch_size], tf.shape(values)[1:]], axis=0))


def _clipped(values: tf.Tensor, most: float) -> tf.Tensor:
    return tf.where(tf.math.is_nan(values), 0.0, tf.clip_by_value(values, 0.0, most))
