"""Trains a small model as `train_retrieval` does, and may kill itself in the middle of an epoch.

Arguments: folder of the checkpoint, file for the outcome, what of the text tower is trained, and the epoch to
be killed in, or -1.
"""

from __future__ import annotations

import os
import signal
import sys

import pipeline  # noqa: F401  (sets the Keras switch before TensorFlow)

# isort: split
import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.config.training import RetrievalConfig
from tests.trainer.small_world import HISTORY_LENGTH, NUM_USERS, SIZES, TEXT_DIM, make_corpus, make_queries
from trainer.bert_weights import random_bert
from trainer.checkpoints import Checkpoint
from trainer.fitting import Fitting, Monitor, Phase, fit
from trainer.lora import Lora
from trainer.randomness import seed_everything
from trainer.retrieval import RefreshCorpusEmbeddings, RetrievalModel
from trainer.text_tower import TextTower

NUM_ITEMS, NUM_EXAMPLES, BATCH, TEXT_EPOCHS, EPOCHS = 12, 160, 32, 2, 5


class KillIn(tf_keras.callbacks.Callback):
    """Kills the process after the second batch of an epoch."""

    def __init__(self, epoch: int):
        super().__init__()
        self._kills_in, self._epoch = epoch, -1

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if batch == 1 and self._epoch == self._kills_in:
            os.kill(os.getpid(), signal.SIGKILL)


def examples() -> dict[str, np.ndarray]:
    """Events of users who like items of their own remainder."""
    rng = np.random.default_rng(0)
    items = rng.integers(0, NUM_ITEMS, NUM_EXAMPLES).astype(np.int32)
    queries = make_queries(NUM_EXAMPLES)
    histories = rng.integers(0, NUM_ITEMS, [NUM_EXAMPLES, HISTORY_LENGTH])
    present = np.arange(HISTORY_LENGTH) < rng.integers(0, HISTORY_LENGTH + 1, [NUM_EXAMPLES, 1])
    return {
        **queries,
        "user_id": (items % NUM_USERS).astype(np.int64),
        "item_id": items,
        "history_item_ids": np.where(present, histories, -1).astype(np.int32),
    }


def make_model(training: str) -> RetrievalModel:
    """A model with dropout everywhere, and a text tower that is trained."""
    lora = Lora(2, 4.0, seed=0) if training == "lora" else None
    tower = TextTower(random_bert(2, TEXT_DIM, 6), 6, 1, lora, name="text_tower")
    config = RetrievalConfig(
        embedding_dim=8,
        attribute_dim=2,
        hidden_dims=(8,),
        dropout=0.3,
        id_dropout=0.3,
        time_dropout=0.3,
        attribute_dropout=0.3,
        text_learning_rate=1e-2,
    )
    counts = np.bincount(examples()["item_id"], minlength=NUM_ITEMS)
    return RetrievalModel(config, SIZES, make_corpus(NUM_ITEMS), counts, tower, text_cache_mb=1)


def train(checkpoint: str, training: str, kill_in: int, log_dir: str) -> RetrievalModel:
    """The model after the training."""
    seed_everything(7)
    model = make_model(training)
    optimizer = tf_keras.optimizers.Adam(0.02)
    model.compile(optimizer=optimizer)
    batches = tf.data.Dataset.from_tensor_slices(examples())
    fitting = Fitting(
        train=lambda seed: batches.shuffle(NUM_EXAMPLES, seed=seed).batch(BATCH, drop_remainder=True),
        validation=batches.batch(BATCH),
        phases=[
            Phase(TEXT_EPOCHS, (optimizer, model.text_optimizer)),
            Phase(
                EPOCHS, (optimizer,), restructure=model.text_tower.merge, begin=model.freeze_texts, patience=2
            ),
        ],
        monitor=Monitor("val_recall_at_20", highest=True),
        seed=7,
        log_dir=log_dir,
        callbacks=[RefreshCorpusEmbeddings(), KillIn(kill_in)],
    )
    history = fit(model, fitting, Checkpoint(checkpoint))
    model.history_of_all = history
    return model


def main() -> None:
    folder, outcome, training, kill_in = sys.argv[1:]
    model = train(folder, training, int(kill_in), f"{folder}/logs")
    texts = model.corpus_text_embeddings()
    values = {f"v{i:03d}": v.numpy() for i, v in enumerate(model.variables)}
    losses = {name: np.array(figures) for name, figures in model.history_of_all.items()}
    np.savez(outcome, texts=texts, **values, **losses)


if __name__ == "__main__":
    main()
