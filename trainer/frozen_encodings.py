"""Texts as far through a text tower as it is frozen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from trainer.encoding_cache import EncodingCache
from trainer.graphs import graph_function
from trainer.text_tower import TextTower

_BATCH_TOKENS = 8192


def frozen_hidden(tower: TextTower, texts: np.ndarray, tokens: tf.Tensor) -> np.ndarray:
    """What the frozen layers make of texts.

    Args:
      tower: The tower.
      texts: [D] distinct strings.
      tokens: [D, max_tokens] int32, theirs.

    Returns:
      [D, max_tokens, hidden_dim] float32; zeros for padding.
    """
    out = np.zeros([*tokens.shape, tower.hidden_dim], np.float32)
    lengths = np.count_nonzero(tokens, axis=1)

    def encode(batch: tf.Tensor) -> tf.Tensor:
        present = tf.cast(batch > 0, tf.float32)[..., tf.newaxis]
        return tf.cast(tower.frozen_outputs(batch), tf.float32) * present

    _encode(encode, tower.encodings, texts, tokens, lengths, out)
    return out


def frozen_embeddings(tower: TextTower, texts: np.ndarray, tokens: tf.Tensor) -> np.ndarray:
    """The embeddings of texts by a tower that is frozen whole.

    Args:
      tower: The tower.
      texts: [D] distinct strings.
      tokens: [D, max_tokens] int32, theirs.

    Returns:
      [D, hidden_dim] float32, of length one.
    """
    out = np.zeros([len(texts), 1, tower.hidden_dim], np.float32)

    def encode(batch: tf.Tensor) -> tf.Tensor:
        return tower.encode_tokens(batch)[:, tf.newaxis]

    _encode(encode, tower.encodings, texts, tokens, np.ones(len(texts), np.int64), out)
    return out[:, 0]


def _encode(
    encode: Callable[[tf.Tensor], tf.Tensor],
    cache: EncodingCache | None,
    texts: np.ndarray,
    tokens: tf.Tensor,
    lengths: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fills `out` from the cache, and the rest by `encode`; the cache gets the rest."""
    missing = np.arange(len(texts)) if cache is None else np.flatnonzero(~cache.fill(texts, out))
    if not len(missing):
        return
    run = graph_function(encode, input_signature=[tf.TensorSpec([None, None], tf.int32)])
    num_tokens = np.count_nonzero(tokens, axis=1)
    # Texts of like length together, so that little padding is computed.
    missing = missing[np.argsort(num_tokens[missing], kind="stable")]
    batch = max(_BATCH_TOKENS // tokens.shape[1], 1)
    for start in range(0, len(missing), batch):
        rows = missing[start : start + batch]
        encoded = run(tf.gather(tokens, rows)[:, : num_tokens[rows].max()])
        out[rows, : encoded.shape[1]] = encoded
    if cache is not None:
        cache.add(texts[missing], lengths[missing], out[missing])
