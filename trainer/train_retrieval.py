"""Trains and saves the retrieval model."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.splits import EVAL, TRAIN
from schemas.features import ITEM_ID
from trainer.checkpoints import Checkpoint
from trainer.corpus import CORPUS_SPLIT, load_corpus
from trainer.fitting import Fitting, Monitor, Phase, fit
from trainer.input_fn import interactions_dataset
from trainer.item_lookup import ItemLookup
from trainer.randomness import seed_everything
from trainer.request import ItemTransform, QueryTransform
from trainer.retrieval import (
    VALIDATION_K,
    RefreshCorpusEmbeddings,
    RetrievalModel,
    validation_batch_size,
)
from trainer.retrieval_module import RetrievalModule
from trainer.selection import engaged_only, evenly_spaced
from trainer.settings import RetrievalSettings
from trainer.sizes import model_sizes
from trainer.streams import TransformedStream
from trainer.text_tower import build_text_tower

_EVAL_BATCH = 2048
_MONITOR = f"val_recall_at_{VALIDATION_K}"


def train_retrieval(
    interactions: TransformedStream,
    items: TransformedStream,
    settings: RetrievalSettings,
    model_dir: str,
    log_dir: str,
    checkpoint: Checkpoint | None = None,
) -> dict[str, list[float]]:
    """Trains the two towers and saves them with their corpus.

    Only what users engaged with counts; what they were merely shown is no positive.

    Args:
      interactions: The interaction stream, splits `train` and `eval`.
      items: The item stream, split `corpus`.
      settings: Features and hyperparameters.
      model_dir: Where the SavedModel of a :class:`RetrievalModule` is written.
      log_dir: Where TensorBoard's logs are written.
      checkpoint: Where a training that is killed goes on from; removed at the end.

    Returns:
      Keras' history: metric to its value after each epoch.
    """
    seed_everything(settings.seed)
    features = settings.feature_set
    corpus = load_corpus(
        items.files(CORPUS_SPLIT), items.transform_output, features, settings.features.number_buckets
    )
    lookup = ItemLookup(items.vocabulary_file(ITEM_ID), corpus.num_items)
    text_tower = build_text_tower(settings.text, settings.seed)
    item_counts = count_items(interactions, lookup, settings)
    model = RetrievalModel(
        settings.retrieval,
        model_sizes(features, settings.features, interactions.transform_output, items.transform_output),
        corpus,
        item_counts,
        text_tower,
        settings.text.cache_mb,
    )
    batch_size = min(settings.retrieval.batch_size, int(item_counts.sum()))  # no batch is a smaller one
    history = _fit(model, interactions, lookup, settings, batch_size, log_dir, checkpoint)
    model.refresh_corpus_embeddings()
    module = RetrievalModule(
        model,
        corpus,
        lookup,
        QueryTransform(interactions.transform_output, features, lookup),
        ItemTransform(items.transform_output, features),
    )
    tf.saved_model.save(module, model_dir)
    if checkpoint is not None:
        checkpoint.remove()
    return history


def count_items(
    interactions: TransformedStream, lookup: ItemLookup, settings: RetrievalSettings
) -> np.ndarray:
    """[num_items] int64: engaged interactions of each corpus row in the training split."""
    counts = np.zeros(lookup.num_items + 1, np.int64)
    for batch in _positives(interactions, lookup, settings, TRAIN, _EVAL_BATCH):
        counts += np.bincount(batch[ITEM_ID], minlength=len(counts))
    return counts[:-1]


def _positives(
    interactions: TransformedStream,
    lookup: ItemLookup,
    settings: RetrievalSettings,
    split: str,
    batch_size: int,
    shuffle_seed: int | None = None,
    at_most: int | None = None,
) -> tf.data.Dataset:
    """Batches of what users engaged with."""

    def select(examples: tf.data.Dataset) -> tf.data.Dataset:
        if settings.layout.exposure_types:
            examples = engaged_only(examples)
        return examples if at_most is None else evenly_spaced(examples, at_most)

    return interactions_dataset(
        interactions.files(split),
        interactions.transform_output,
        lookup,
        batch_size,
        shuffle_seed,
        select,
    )


def _fit(
    model: RetrievalModel,
    interactions: TransformedStream,
    lookup: ItemLookup,
    settings: RetrievalSettings,
    batch_size: int,
    log_dir: str,
    checkpoint: Checkpoint | None,
) -> dict[str, list[float]]:
    """Fits with the text tower, then without, until the validation recall stops rising."""
    config = settings.retrieval
    validation = _positives(
        interactions,
        lookup,
        settings,
        EVAL,
        validation_batch_size(lookup.num_items),
        at_most=config.validation_examples,
    )
    optimizer = tf_keras.optimizers.Adam(config.learning_rate)
    model.compile(optimizer=optimizer)
    text_epochs = min(config.text_epochs if model.text_tower.trainable_variables else 0, config.epochs)
    fine_tuning = Phase(text_epochs, (optimizer, model.text_optimizer))
    rest = Phase(
        config.epochs,
        (optimizer,),
        restructure=model.text_tower.merge,
        begin=model.freeze_texts,
        patience=config.patience,
    )
    fitting = Fitting(
        train=lambda seed: _positives(interactions, lookup, settings, TRAIN, batch_size, seed),
        validation=validation,
        phases=[phase for phase in (fine_tuning, rest) if phase.epochs],
        monitor=Monitor(_MONITOR, highest=True),
        seed=settings.seed,
        log_dir=log_dir,
        callbacks=[RefreshCorpusEmbeddings()],
    )
    history = fit(model, fitting, checkpoint)
    model.freeze_texts()  # if fine-tuning went on to the last epoch
    return history
