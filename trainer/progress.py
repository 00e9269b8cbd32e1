"""Figures of a training in progress, for whoever listens to the progress log."""

from __future__ import annotations

import logging

import tf_keras

from pipeline.progress import PROGRESS_LOGGER

# TFRS logs them beside `loss`, which they repeat where nothing is regularised.
_REPEATED = ("regularization_loss", "total_loss")


class LogEpochs(tf_keras.callbacks.Callback):
    """Logs each epoch's figures."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keras' hook."""
        figures = ", ".join(
            f"{name} {value:.4f}" for name, value in (logs or {}).items() if not name.endswith(_REPEATED)
        )
        logging.getLogger(PROGRESS_LOGGER).info("epoch %d: %s", epoch + 1, figures)
