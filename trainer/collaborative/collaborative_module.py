"""The sources of collaborative filtering as a SavedModel."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from trainer.collaborative.source import Source
from trainer.graphs import graph_function


class CollaborativeModule(tf.Module):
    """All sources; no operation that is not TensorFlow's own.

    Functions:
      scores: [B, H] int32 corpus rows of histories (-1 is padding, N an unknown item, an item counts
        once) to a dictionary from source name to [B, N] float32.

    Variables: `names` [S] strings, the sources in the order of the configuration.
    """

    def __init__(self, sources: Sequence[Source]):
        """Takes fitted sources.

        Args:
          sources: At least one, all of one corpus, each with a name of its own.
        """
        super().__init__(name="collaborative")
        self.names = tf.Variable([source.name for source in sources], dtype=tf.string, trainable=False)
        self._sources = list(sources)

        @graph_function(input_signature=[tf.TensorSpec([None, None], tf.int32, name="history_rows")])
        def scores(history_rows: tf.Tensor) -> dict[str, tf.Tensor]:
            return {source.name: source.scores(history_rows) for source in sources}

        self.scores = scores
