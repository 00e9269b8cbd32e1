"""Collaborative filtering over items of which some came after training."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from trainer.graphs import graph_function


class ExtendedCollaborative(tf.Module):
    """Collaborative filtering over N + M items: nobody has touched those that were added.

    All sources score an item without interactions 0, but for what they know of its content; of an added
    item they know none.
    """

    def __init__(self, collaborative: Any, num_trained: int, num_added: int):
        """Takes a loaded :class:`trainer.collaborative.collaborative_module.CollaborativeModule`."""
        super().__init__(name="collaborative")
        self.names = collaborative.names
        self._collaborative = collaborative

        @graph_function(input_signature=[tf.TensorSpec([None, None], tf.int32, name="history_rows")])
        def scores(history_rows: tf.Tensor) -> dict[str, tf.Tensor]:
            trained = collaborative.scores(tf.minimum(history_rows, num_trained))
            return {name: tf.pad(values, [[0, 0], [0, num_added]]) for name, values in trained.items()}

        self.scores = scores
