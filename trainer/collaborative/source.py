"""What all sources of collaborative filtering have in common."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from trainer.collaborative.history import HistorySets, history_sets, padded_rows


class Source(tf.Module):
    """Fitted on an :class:`InteractionMatrix`; scores the corpus for anybody whose history is known.

    Nothing depends on who asks, so that a user who is new since the fit is served like any other.
    """

    def __init__(self, num_items: int, name: str):
        """Initializes the module.

        Args:
          num_items: Size of the corpus.
          name: The source's.
        """
        super().__init__(name=name)
        self.num_items = num_items

    def scores(self, history_rows: tf.Tensor) -> tf.Tensor:
        """Scores every item, those of the history included; stock TensorFlow operations.

        Args:
          history_rows: [B, H] int32 corpus rows in any order; -1 is padding, N an unknown item; an item
            counts once.

        Returns:
          [B, N] float32.
        """
        return self.scores_of_sets(history_sets(history_rows, self.num_items))

    @abstractmethod
    def scores_of_sets(self, histories: HistorySets) -> tf.Tensor:
        """[B, N] float32 scores; zeros for a query without a history, unless a source says otherwise."""

    def scores_of_matrix(self, histories: sp.csr_matrix) -> np.ndarray:
        """Scores outside of a graph.

        Args:
          histories: [B, N]; what it holds was engaged with.

        Returns:
          [B, N] float32.
        """
        return self.scores(tf.constant(padded_rows(histories))).numpy()
