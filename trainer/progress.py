"""Figures of a training in progress, for whoever listens to the progress log."""

from __future__ import annotations

import logging

import tf_keras

from pipeline.progress import PROGRESS_LOGGER


class LogEpochs(tf_keras.callbacks.Callback):
    """Logs each epoch's figures."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keras' hook."""
        figures = ", ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        logging.getLogger(PROGRESS_LOGGER).info("epoch %d: %s", epoch + 1, figures)
