"""Sequences in which item i + 1 follows item i: only who minds the order can tell what is next."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from pipeline.config.training import RetrievalConfig
from tests.trainer.small_world import HISTORY_LENGTH, SIZES, make_corpus, make_queries, make_text_tower
from trainer.randomness import seed_everything
from trainer.retrieval import RetrievalModel

NUM_ITEMS, NUM_WALKS, NUM_TESTS, BATCH, EPOCHS = 12, 576, 300, 48, 30


def _examples(items, histories):
    """Events of full histories, each in a second of its own."""
    given = {"item_id": np.int32(items), "history_item_ids": np.int32(histories)}
    return {name: tf.constant(x) for name, x in {**make_queries(len(items)), **given}.items()}


def _walks():
    """The next item follows three times in four; else any comes as often as another."""
    rng = np.random.default_rng(0)
    walks = rng.integers(0, NUM_ITEMS, [NUM_WALKS, HISTORY_LENGTH + 1])
    goes_on = rng.random(walks.shape) < 0.75
    for place in range(1, HISTORY_LENGTH + 1):
        walks[:, place] = np.where(goes_on[:, place], (walks[:, place - 1] + 1) % NUM_ITEMS, walks[:, place])
    return _examples(walks[:, -1], walks[:, :-1])


def _trained(kind):
    seed_everything(0)
    config = RetrievalConfig(
        embedding_dim=8,
        attribute_dim=2,
        content_dim=4,
        hidden_dims=(8,),
        dropout=0.1,
        id_dropout=0.0,
        history_encoder={"kind": kind, "blocks": 1, "dropout": 0.1},
    )
    walks = _walks()
    counts = np.bincount(walks["item_id"], minlength=NUM_ITEMS)
    corpus = make_corpus(NUM_ITEMS, [b"a"] * NUM_ITEMS)
    model = RetrievalModel(config, SIZES, corpus, counts, make_text_tower(), text_cache_mb=1)
    model.compile(optimizer=tf_keras.optimizers.Adam(0.02))
    model.freeze_texts()  # they say nothing here
    batches = tf.data.Dataset.from_tensor_slices(walks).shuffle(NUM_WALKS, seed=0).batch(BATCH)
    # A step that need not create variables is traced once instead of twice.
    model.compute_loss(next(iter(batches)))
    model.optimizer.build(model.trainable_variables)
    model.fit(batches, epochs=EPOCHS, verbose=0)
    model.refresh_corpus_embeddings()
    return model


def _share_found(model):
    """Of histories whose events follow by chance, so that the newest alone says what is next."""
    items = np.tile(np.arange(NUM_ITEMS), [NUM_TESTS, 1])
    histories = np.random.default_rng(1).permuted(items, axis=1)[:, :HISTORY_LENGTH]
    following = (histories[:, -1] + 1) % NUM_ITEMS
    queries = model.query_embeddings(_examples(following, histories)).numpy()
    scores = queries @ model.corpus_embeddings.numpy()[:-1].T
    return np.mean(scores.argmax(axis=1) == following)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["self_attention", "gru", "cnn"])
def test_who_minds_the_order_finds_what_is_next(kind):
    assert _share_found(_trained(kind)) > 0.8


@pytest.mark.slow
def test_the_mean_cannot():
    """It knows four events, each of which might have been the newest."""
    assert _share_found(_trained("mean")) < 0.45
