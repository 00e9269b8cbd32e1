"""The corpus' texts, tokenised once, and as far through the text tower as it is frozen."""

from __future__ import annotations

import logging

import numpy as np
import tensorflow as tf

from trainer.graphs import graph_function
from trainer.text_tower import TextTower

_BATCH = 256


class CorpusTexts:
    """Embeds the texts of corpus rows while the text tower's upper layers are being trained.

    What the frozen layers make of a text never changes, so it is computed once and kept, unless
    it would take more memory than allowed; then it is computed anew in each batch.
    """

    def __init__(self, text_tower: TextTower, texts: np.ndarray, cache_mb: int):
        """Tokenises the texts and runs the frozen layers over them.

        Args:
          text_tower: The tower.
          texts: [N] strings, one a corpus row.
          cache_mb: Memory that the frozen layers' outputs may take, in MiB.
        """
        self._text_tower = text_tower
        self.tokens = self._tokenise(texts)
        self._frozen: tf.Tensor | None = None
        self._embeddings: tf.Tensor | None = None
        num_bytes = self.tokens.shape[0] * self.tokens.shape[1] * text_tower.hidden_dim * 4
        if not text_tower.caches_frozen:
            return
        if num_bytes > cache_mb * 2**20:
            logging.getLogger(__name__).warning(
                "the frozen layers' outputs for %d texts would take %d MiB, more than text.cache_mb allows; "
                "they are computed anew in each batch",
                len(texts),
                num_bytes >> 20,
            )
            return
        self._frozen = self._run_frozen_layers()

    def _tokenise(self, texts: np.ndarray) -> tf.Tensor:
        """[N + 1, max_tokens] int32; the unknown item's text is empty."""
        texts = np.append(texts, b"")
        parts = [self._text_tower.tokenize(texts[i : i + _BATCH]) for i in range(0, len(texts), _BATCH)]
        return tf.concat(parts, axis=0)

    def _run_frozen_layers(self) -> tf.Tensor:
        """[N + 1, max_tokens, hidden_dim] float32."""
        run = graph_function(self._text_tower.frozen_outputs, reduce_retracing=True)
        parts = [run(self.tokens[i : i + _BATCH]) for i in range(0, len(self.tokens), _BATCH)]
        return tf.concat(parts, axis=0)

    def embed(self, rows: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embeds the texts of corpus rows.

        Args:
          rows: [B] int32.
          training: Whether dropout is on in the trained layers.

        Returns:
          [B, hidden_dim] of length one.
        """
        if self._embeddings is not None:
            return tf.gather(self._embeddings, rows)
        tokens = tf.gather(self.tokens, rows)
        if self._frozen is None:
            return self._text_tower.encode_tokens(tokens, training=training)
        return self._text_tower.encode_frozen(tf.gather(self._frozen, rows), tokens, training=training)

    def embed_all(self) -> np.ndarray:
        """[N + 1, hidden_dim] embeddings of all texts, that of an empty text last."""
        embed = graph_function(self.embed, reduce_retracing=True)
        rows = tf.range(len(self.tokens))
        return np.concatenate([embed(rows[i : i + _BATCH]).numpy() for i in range(0, len(rows), _BATCH)])

    def freeze(self) -> None:
        """Keeps the embeddings as they are now; what the frozen layers made is let go."""
        self._embeddings = tf.constant(self.embed_all())
        self._frozen = None
