"""A small world with a known answer, which a trained retrieval model must find.

Item i is of group i modulo 3, and user u likes the items of group u modulo 3 and no others. Texts, attributes
and numbers say nothing of the groups: ids and histories tell all.
"""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from pipeline.config.training import RetrievalConfig
from tests.trainer.small_world import HISTORY_LENGTH, SIZES, make_corpus, make_queries, make_text_tower
from trainer.randomness import seed_everything
from trainer.retrieval import RetrievalModel

NUM_GROUPS, GROUP, NUM_USERS, EVENTS, BEST = 3, 8, 24, 12, 2
NUM_ITEMS = NUM_GROUPS * GROUP


def _model(counts, sizes=SIZES, corpus=None, kind="mean", **changes):
    """A small model whose texts, which say nothing here, are frozen."""
    seed_everything(0)
    small = {"embedding_dim": 8, "attribute_dim": 2, "content_dim": 4, "hidden_dims": (8,), "dropout": 0.1}
    config = RetrievalConfig(
        **{**small, "history_encoder": {"kind": kind, "blocks": 1, "dropout": 0.1}, **changes}
    )
    corpus = corpus or make_corpus(len(counts), [b"a"] * len(counts))
    model = RetrievalModel(config, sizes, corpus, counts, make_text_tower(), text_cache_mb=1)
    model.compile(optimizer=tf_keras.optimizers.Adam(0.02))
    model.freeze_texts()
    model.refresh_corpus_embeddings()
    return model


def _fit(model, examples, epochs):
    """Trains; rivals of a `hard` sampler are those of the epoch before."""
    batches = (
        tf.data.Dataset.from_tensor_slices(examples).shuffle(1000, seed=0).batch(48, drop_remainder=True)
    )
    # A step that need not create variables is traced once instead of twice.
    model.compute_loss(next(iter(batches)))
    model.optimizer.build(model.trainable_variables)
    refresh = tf_keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: model.refresh_corpus_embeddings())
    losses = model.fit(batches, epochs=epochs, verbose=0, callbacks=[refresh]).history["loss"]
    assert losses[-1] < losses[0]


def _with_histories(users, items, histories):
    """Examples, each event in a second of its own."""
    others = make_queries(len(users))
    others["history_gaps"] *= histories >= 0
    return {**others, "user_id": users, "item_id": np.int32(items), "history_item_ids": np.int32(histories)}


def _scores(model, examples):
    queries = model.query_embeddings({name: tf.constant(v) for name, v in examples.items()}).numpy()
    return queries @ model.corpus_embeddings.numpy()[:-1].T


class TestGroups:
    def _examples(self, rng, events):
        """Events of each user: an item of the liked group, and up to four others of it before."""
        users = np.repeat(np.arange(NUM_USERS), events)
        orders = rng.permuted(np.tile(np.arange(GROUP), (len(users), 1)), axis=1)
        items = np.int32(orders * NUM_GROUPS + users[:, np.newaxis] % NUM_GROUPS)
        lengths = rng.integers(1, HISTORY_LENGTH + 1, len(users))
        present = np.arange(HISTORY_LENGTH) < lengths[:, np.newaxis]
        histories = np.where(present, items[:, 1 : HISTORY_LENGTH + 1], np.int32(-1))
        return _with_histories(users, items[:, 0], histories)

    def _share_in_group(self, model, examples):
        """Share of the best unseen items that are of the user's group."""
        scores, histories = _scores(model, examples), examples["history_item_ids"]
        for row, history in enumerate(histories):
            scores[row, history[history >= 0]] = -np.inf
        best = np.argsort(-scores, axis=1)[:, :BEST]
        return np.mean(best % NUM_GROUPS == examples["item_id"][:, np.newaxis] % NUM_GROUPS)

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "changes",
        [
            {"kind": "mean", "user_id": True},
            {"kind": "gru"},
            {"kind": "cnn"},
            {"kind": "self_attention"},
            {"sampler": "in_batch"},
            {"sampler": "mixed", "num_uniform": 8},
            {"sampler": "hard", "num_uniform": 8, "num_hard": 2},
            {"loss": "bpr"},
        ],
        ids=lambda changes: "-".join(str(value) for value in changes.values()),
    )
    def test_items_of_the_own_group_come_first(self, changes):
        rng = np.random.default_rng(0)
        train, test = self._examples(rng, EVENTS), self._examples(rng, 4)
        counts = np.bincount(train["item_id"], minlength=NUM_ITEMS)
        model = _model(counts, replace(SIZES, num_users=NUM_USERS + 1), **changes)
        assert self._share_in_group(model, test) < 0.6  # by chance a third
        _fit(model, train, epochs=80)
        assert self._share_in_group(model, test) > 0.9


SOUND_DIM = 6


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["full", "in_batch"])
def test_the_vector_places_items_that_nobody_has_seen(sampler):
    """Texts, attributes and ids tell nothing of an unseen item's group; its vector alone does."""
    rng, groups = np.random.default_rng(0), TestGroups()
    train, test = groups._examples(rng, EVENTS), groups._examples(rng, 4)
    unseen = NUM_ITEMS // 2  # half of each group's items never occur, neither as targets nor in histories
    for examples in (train, test):
        for name in ("item_id", "history_item_ids"):
            rows = examples[name]
            examples[name] = np.where(rows < 0, rows, rows % unseen)
    corpus = make_corpus(NUM_ITEMS, [b"a"] * NUM_ITEMS)
    centres = rng.normal(size=[NUM_GROUPS, SOUND_DIM])
    sounds = centres[np.arange(NUM_ITEMS) % NUM_GROUPS]
    sounds += rng.normal(size=sounds.shape, scale=0.2)
    sounds *= rng.uniform(0.1, 10, [NUM_ITEMS, 1])  # each of another loudness, which must not matter
    corpus.features["sound"] = np.append(sounds, np.zeros([1, SOUND_DIM]), axis=0).astype(np.float32)
    counts = np.bincount(train["item_id"], minlength=NUM_ITEMS)
    sizes = replace(SIZES, num_users=NUM_USERS + 1, item_vectors={"sound": SOUND_DIM})
    model = _model(counts, sizes, corpus, id_dropout=0.3, hidden_dims=(16,), sampler=sampler)
    _fit(model, train, epochs=80)
    queries = model.query_embeddings({name: tf.constant(v) for name, v in test.items()}).numpy()
    new = np.arange(unseen, NUM_ITEMS)

    def share_in_group():
        scores = queries @ model.corpus_candidates(tf.constant(new, tf.int32)).numpy().T
        best = new[np.argsort(-scores, axis=1)[:, :BEST]]
        return np.mean(best % NUM_GROUPS == test["item_id"][:, np.newaxis] % NUM_GROUPS)

    assert share_in_group() > 0.9
    vectors = model.candidate_tower._vectors
    vectors.set_weights([np.zeros_like(w) for w in vectors.get_weights()])
    assert share_in_group() < 0.75  # by chance a third, of a dozen items
