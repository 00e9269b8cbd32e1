"""The corpus' texts, tokenised once, and as far through the text tower as it is frozen."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from trainer.frozen_encodings import frozen_embeddings, frozen_hidden
from trainer.graphs import graph_function
from trainer.text_tower import TextTower

_BATCH = 256


class CorpusTexts:
    """Embeds the texts of corpus rows while the text tower is being trained.

    What the frozen layers make of a text never changes, so it is computed once and kept, unless
    it would take more memory than allowed; then it is computed anew in each batch. Of a tower that is
    frozen whole, the embeddings are kept and nothing else. Where low-rank updates are trained in every layer,
    nothing can be kept.
    """

    def __init__(self, text_tower: TextTower, texts: np.ndarray, cache_mb: int):
        """Tokenises the texts and runs the frozen layers over them.

        Args:
          text_tower: The tower.
          texts: [N] strings, one a corpus row.
          cache_mb: Memory that the frozen layers' outputs may take, in MiB.
        """
        self._text_tower = text_tower
        # Many items may share a text: everything is done once for each that is different.
        distinct, places = np.unique(texts, return_inverse=True)
        self.tokens = self._tokenise(distinct)
        self._places = tf.constant(np.append(places, len(distinct)), tf.int32)  # the last one's is empty
        self._frozen: tf.Tensor | None = None
        self._embeddings: tf.Tensor | None = None
        if text_tower.caches_frozen and not text_tower.trainable_variables:
            self._embeddings = self._kept(frozen_embeddings, distinct)
        elif text_tower.caches_frozen and self._fits(cache_mb):
            self._frozen = self._kept(frozen_hidden, distinct)

    def _fits(self, cache_mb: int) -> bool:
        """Whether the frozen layers' outputs may be kept; warns if not."""
        num_bytes = self.tokens.shape[0] * self.tokens.shape[1] * self._text_tower.hidden_dim * 4
        if num_bytes > cache_mb * 2**20:
            logging.getLogger(__name__).warning(
                "the frozen layers' outputs for %d texts would take %d MiB, more than text.cache_mb allows; "
                "they are computed anew in each batch",
                len(self.tokens) - 1,
                num_bytes >> 20,
            )
        return num_bytes <= cache_mb * 2**20

    def _kept(self, encode: Callable[..., np.ndarray], distinct: np.ndarray) -> tf.Tensor:
        """[D + 1, ...] what frozen layers make of D texts and of an empty one, the last."""
        if b"" in distinct:
            encoded = encode(self._text_tower, distinct, self.tokens[:-1])
            empty = np.searchsorted(distinct, b"")
            return tf.constant(np.append(encoded, encoded[empty : empty + 1], axis=0))
        return tf.constant(encode(self._text_tower, np.append(distinct, b""), self.tokens))

    def _tokenise(self, texts: np.ndarray) -> tf.Tensor:
        """[D + 1, max_tokens] int32 of D texts; the unknown item's text is empty."""
        texts = np.append(texts, b"")
        parts = [self._text_tower.tokenize(texts[i : i + _BATCH]) for i in range(0, len(texts), _BATCH)]
        return tf.concat(parts, axis=0)

    def embed(self, rows: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embeds the texts of corpus rows.

        Args:
          rows: [B] int32.
          training: Whether dropout is on in the trained layers.

        Returns:
          [B, hidden_dim] of length one.
        """
        places = tf.gather(self._places, rows)
        if self._embeddings is not None:
            return tf.gather(self._embeddings, places)
        distinct, positions = tf.unique(places)
        return tf.gather(self._embed_distinct(distinct, training), positions)

    def _embed_distinct(self, places: tf.Tensor, training: bool) -> tf.Tensor:
        """[B, hidden_dim] embeddings of the distinct texts at some places."""
        tokens = tf.gather(self.tokens, places)
        if self._frozen is None:
            return self._text_tower.encode_tokens(tokens, training=training)
        return self._text_tower.encode_frozen(tf.gather(self._frozen, places), tokens, training=training)

    def embed_all(self) -> np.ndarray:
        """[N + 1, hidden_dim] embeddings of all texts, that of an empty text last."""
        return tf.gather(self._embed_all_distinct(), self._places).numpy()

    def _embed_all_distinct(self) -> tf.Tensor:
        """[D + 1, hidden_dim] embeddings of all distinct texts, that of an empty text last."""
        if self._embeddings is not None:
            return self._embeddings
        embed = graph_function(lambda places: self._embed_distinct(places, False), reduce_retracing=True)
        places = tf.range(len(self.tokens))
        return tf.concat([embed(places[i : i + _BATCH]) for i in range(0, len(places), _BATCH)], axis=0)

    def freeze(self) -> None:
        """Keeps the embeddings as they are now; the tower is merged, what frozen layers made is let go."""
        self._text_tower.merge()
        self._embeddings = self._embed_all_distinct()
        self._frozen = None
