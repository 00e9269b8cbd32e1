"""Weights of the tasks' losses that follow from how noisy the tasks are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras


@tf_keras.utils.register_keras_serializable("recstack")
class UncertaintyWeights(tf_keras.layers.Layer):
    """Weighs losses by how noisy their tasks are, which it learns (Kendall et al. 2018).

    With a task's log-variance s, a square error counts as exp(-s) / 2 of it and a cross-entropy as exp(-s),
    and s / 2 is added, or no variance would be large enough. The best s of a square error is the logarithm
    of its mean, that of a cross-entropy the logarithm of twice its mean.
    """

    def __init__(self, regressions: Mapping[str, bool], **kwargs: Any):
        """Initializes the weights; all log-variances start at 0.

        Args:
          regressions: Task to whether its loss is a square error.
          **kwargs: Keras' own arguments.
        """
        super().__init__(**kwargs)
        self.regressions = dict(regressions)

    def build(self, input_shape: Any) -> None:
        """Creates the log-variances."""
        self.log_variances = {
            task: self.add_weight(f"log_variance_{task}", (), initializer="zeros")
            for task in self.regressions
        }
        super().build(input_shape)

    def call(self, losses: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Weighs scalar losses, a task."""
        weighed = {}
        for task, is_regression in self.regressions.items():
            log_variance = self.log_variances[task]
            share = 0.5 if is_regression else 1.0
            weighed[task] = share * tf.exp(-log_variance) * losses[task] + 0.5 * log_variance
        return weighed

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        return {**super().get_config(), "regressions": self.regressions}
