"""The order of recommendations, learnt from what all sources and tasks say of a candidate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras

from trainer.graphs import graph_function

_WEIGHT_ALONE = 2.0  # of a source that decides: about the steepness of a trained order
_EVIDENCE_SCALE = 5.0  # about the logarithm of a long history


class FusionModel(tf.Module):
    """Weights that depend on how much is known of the user, and a small network for the rest.

    A source's scores are standardised over the candidates of each request, so that their scale does not
    matter. The order score is their weighted sum plus what a two-layer perceptron makes of them
    together, trained by a softmax over the candidates (ListNet; Cao et al. 2007) on interactions that
    none of the sources has learnt from.
    """

    def __init__(self, sources: Sequence[str], hidden_dim: int, seed: int = 0):
        """Initializes the model.

        Args:
          sources: Names of the scores, in a fixed order.
          hidden_dim: Width of the perceptron.
          seed: Of the initial weights.
        """
        super().__init__(name="fusion")
        self.sources = tuple(sources)
        size = len(self.sources)
        layers, initializers = tf_keras.layers, tf_keras.initializers
        self._weights = layers.Dense(
            size, kernel_initializer="zeros", bias_initializer=initializers.Constant(0.5)
        )
        self._hidden = layers.Dense(
            hidden_dim, activation="tanh", kernel_initializer=initializers.GlorotUniform(seed)
        )
        self._output = layers.Dense(1, kernel_initializer="zeros", use_bias=False)
        self(tf.zeros([1, 1, size]), tf.zeros([1]))

    def start_from(self, source: str) -> None:
        """Gives all weight to one source."""
        bias = np.where(np.array(self.sources) == source, _WEIGHT_ALONE, 0.0)
        self._weights.bias.assign(bias.astype(np.float32))

    @graph_function(
        input_signature=[tf.TensorSpec([None, None, None]), tf.TensorSpec([None])], reduce_retracing=True
    )
    def __call__(self, features: tf.Tensor, evidence: tf.Tensor) -> tf.Tensor:
        """Order scores.

        Args:
          features: [B, K, S] from :func:`standardised`.
          evidence: [B] float32 log(1 + items seen).

        Returns:
          [B, K].
        """
        features = tf.ensure_shape(features, [None, None, len(self.sources)])
        known = (evidence / _EVIDENCE_SCALE)[:, tf.newaxis]
        linear = tf.einsum("bks,bs->bk", features, self.weights(evidence))
        context = tf.repeat(known[:, tf.newaxis], tf.shape(features)[1], axis=1)
        hidden = self._hidden(tf.concat([features, context], axis=-1))
        return linear + tf.squeeze(self._output(hidden), axis=-1)

    @graph_function(input_signature=[tf.TensorSpec([None])])
    def weights(self, evidence: tf.Tensor) -> tf.Tensor:
        """What a standard deviation of each source counts, [B, S], by the evidence, [B]."""
        return self._weights((evidence / _EVIDENCE_SCALE)[:, tf.newaxis])


def standardised(scores: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Scores with mean 0 and variance 1 over the valid candidates of each request.

    Args:
      scores: [B, K, S].
      valid: [B, K] bool.

    Returns:
      [B, K, S]; zeros where not valid.
    """
    weights = tf.cast(valid, scores.dtype)[..., tf.newaxis]
    count = tf.reduce_sum(weights, axis=1, keepdims=True)
    mean = tf.math.divide_no_nan(tf.reduce_sum(scores * weights, axis=1, keepdims=True), count)
    centred = (scores - mean) * weights
    variance = tf.math.divide_no_nan(tf.reduce_sum(centred**2, axis=1, keepdims=True), count)
    return tf.math.divide_no_nan(centred, tf.sqrt(variance))
