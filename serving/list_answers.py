"""The answers that every list has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

RETRIEVAL_SCORE_OUTPUT = "retrieval_score"
SIMILARITY = "similarity"
PROPENSITY = "propensity"


def named(
    corpus: Any, rows: tf.Tensor, filled: tf.Tensor, scores: Mapping[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """A list by the names of its items.

    Args:
      corpus: That of the loaded retrieval module.
      rows: [B, k] int32 corpus rows.
      filled: [B, k] bool.
      scores: Name to [B, k] float32.

    Returns:
      `item_ids`, `titles`, `rank` from 1, int32, and the scores; where a place is not filled "" and 0.
    """
    return {
        "item_ids": tf.where(filled, tf.gather(corpus.item_ids, rows), ""),
        "titles": tf.where(filled, tf.gather(corpus.titles, rows), ""),
        "rank": tf.where(filled, tf.range(1, tf.shape(rows)[1] + 1)[tf.newaxis], 0),
        **{name: tf.where(filled, values, 0.0) for name, values in scores.items()},
    }
