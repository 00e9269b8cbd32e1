"""Which serialized examples of a split are read, decided before they are parsed whole."""

from __future__ import annotations

import tensorflow as tf

from schemas.features import ENGAGED

_CHUNK = 1024


def engaged_only(examples: tf.data.Dataset) -> tf.data.Dataset:
    """Leaves out what was only shown; the order stays.

    Args:
      examples: Serialized transformed interactions.
    """
    spec = {ENGAGED: tf.io.FixedLenFeature([], tf.float32)}

    def engaged(chunk: tf.Tensor) -> tf.Tensor:
        return tf.boolean_mask(chunk, tf.io.parse_example(chunk, spec)[ENGAGED] > 0)

    return examples.batch(_CHUNK).map(engaged).unbatch()


def evenly_spaced(examples: tf.data.Dataset, count: int) -> tf.data.Dataset:
    """Some of the examples, from all places alike; the order stays.

    Reads them once to count them.

    Args:
      examples: Serialized examples.
      count: How many; all of them if there are no more.
    """
    chunks = examples.batch(_CHUNK)
    total = int(chunks.reduce(tf.constant(0, tf.int64), lambda n, chunk: n + tf.size(chunk, tf.int64)))
    if total <= count:
        return examples

    def spaced(number: tf.Tensor, chunk: tf.Tensor) -> tf.Tensor:
        place = number * _CHUNK + tf.range(tf.size(chunk, tf.int64))
        # Of the steps from 0 to `count` that `total` places make, those that reach a new number.
        return tf.boolean_mask(chunk, (place + 1) * count // total > place * count // total)

    return chunks.enumerate().map(spaced).unbatch()
