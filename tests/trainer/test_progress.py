"""What training says after each epoch."""

import logging

from pipeline.progress import PROGRESS_LOGGER
from trainer.progress import LogEpochs


def test_figures_of_an_epoch(caplog):
    logs = {"loss": 1.25, "val_recall_at_20": 0.5, "total_loss": 1.25, "val_regularization_loss": 0.0}
    with caplog.at_level(logging.INFO, logger=PROGRESS_LOGGER):
        LogEpochs().on_epoch_end(2, logs)
        LogEpochs().on_epoch_end(0)
    # Keras counts from 0; what TFRS repeats is left out.
    assert caplog.messages == ["epoch 3: loss 1.2500, val_recall_at_20 0.5000", "epoch 1: "]
