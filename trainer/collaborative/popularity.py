"""How many engaged with an item."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from trainer.collaborative.history import HistorySets
from trainer.collaborative.interaction_matrix import InteractionMatrix
from trainer.collaborative.source import Source


class Popularity(Source):
    """log(1 + number of users) of each item, the same for everybody, also without a history.

    Variables: `log_counts` [N] float32.
    """

    def __init__(self, interactions: InteractionMatrix, name: str = "popularity"):
        """Counts.

        Args:
          interactions: Who engaged with what.
          name: The source's.
        """
        super().__init__(interactions.num_items, name)
        counts = np.bincount(interactions.binary.indices, minlength=interactions.num_items)
        self.log_counts = tf.Variable(np.log1p(counts).astype(np.float32), trainable=False)

    def scores_of_sets(self, histories: HistorySets) -> tf.Tensor:
        """[B, N] float32."""
        return tf.tile(self.log_counts[tf.newaxis], [histories.num_queries, 1])
