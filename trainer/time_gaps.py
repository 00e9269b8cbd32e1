"""What the time between two events says."""

from __future__ import annotations

import math

import tensorflow as tf

NUM_GAP_FEATURES = 4

_MINUTE, _HOUR = math.log1p(60.0), math.log1p(3600.0)
_SCALE = 10.0  # about the logarithm of a day's seconds


def gap_features(gaps: tf.Tensor) -> tf.Tensor:
    """Gaps as numbers near 1, and which of the usual kinds they are.

    Args:
      gaps: [...] float32, log(1 + seconds); less than 0 if not known.

    Returns:
      [..., 4]: the logarithm itself; whether it is the same second, within a minute, over an hour. Zeros
      if not known.
    """
    kinds = [tf.equal(gaps, 0.0), (gaps >= 0.0) & (gaps < _MINUTE), gaps > _HOUR]
    scaled = tf.maximum(gaps, 0.0) / _SCALE
    return tf.stack([scaled, *(tf.cast(kind, gaps.dtype) for kind in kinds)], axis=-1)
