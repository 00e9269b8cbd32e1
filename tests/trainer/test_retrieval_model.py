"""The two-tower model: its loss and ranks against NumPy, and what it makes of unknown items."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from pipeline.config.training import RetrievalConfig
from tests.trainer.small_bert import unit
from tests.trainer.small_world import SIZES, make_corpus, make_queries, make_text_tower
from trainer.randomness import seed_everything
from trainer.retrieval import (
    VALIDATION_K,
    RefreshCorpusEmbeddings,
    RetrievalModel,
    validation_batch_size,
)

# No item 2 nor 4 in the training split.
COUNTS = np.array([3, 1, 0, 5, 0, 2])
NUM_ITEMS = UNKNOWN = len(COUNTS)
LAST = np.iinfo(np.int32).max  # the rank of an item outside the corpus
# Items 2 and 4 have the same text, and so have the trained items 0 and 1.
TEXTS = [b"a", b"a", b"b c", b"d", b"b c", b"e"]
HISTORIES = np.array([[1, 3, -1, -1], [-1, -1, -1, -1], [UNKNOWN, 2, 5, 0], [3, -1, -1, -1], [4, 5, -1, -1]])
ITEMS = np.array([0, 3, 1, 0, UNKNOWN])


def _config(**changes):
    """Without dropout, and by default with the mean, whose states are simple."""
    small = {"embedding_dim": 4, "attribute_dim": 2, "content_dim": 5, "hidden_dims": (4,)}
    steady = {"dropout": 0.0, "id_dropout": 0.0, "time_dropout": 0.0, "attribute_dropout": 0.0}
    encoder = {"kind": changes.pop("kind", "mean"), "dropout": 0.0}
    return RetrievalConfig(**{**small, **steady, "history_encoder": encoder, **changes})


def _model(corpus=None, sizes=SIZES, **changes):
    seed_everything(0)
    corpus = corpus or make_corpus(NUM_ITEMS, TEXTS)
    model = RetrievalModel(_config(**changes), sizes, corpus, COUNTS, make_text_tower(), text_cache_mb=1)
    model.compile(optimizer=tf_keras.optimizers.Adam(0.01))
    return model


def _batch(items=ITEMS, histories=HISTORIES):
    batch = {**make_queries(len(items)), "item_id": np.int32(items), "history_item_ids": np.int32(histories)}
    batch["history_gaps"] = np.resize(batch["history_gaps"], np.shape(histories))
    return {name: tf.constant(values) for name, values in batch.items()}


def _scattered(model, seed=0):
    """A model whose variables, but for the temperature, are far from their tiny start values."""
    model.compute_loss(_batch())
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        if variable is not model.query_tower._log_temperature:
            variable.assign_add(rng.normal(size=variable.shape, scale=0.5))
    model.refresh_corpus_embeddings()
    return model


def _twins(corpus, left, right):
    """Gives two items the same attributes."""
    for values in corpus.features.values():
        values[right] = values[left]
    return corpus


@pytest.fixture(scope="module")
def model():
    """A model that tests only read, its variables far from their tiny start values."""
    corpus = _twins(_twins(make_corpus(NUM_ITEMS, TEXTS), 2, 4), 0, 1)
    return _scattered(_model(corpus, initial_temperature=0.5))


def _candidates(model, *rows):
    return model.corpus_candidates(tf.constant(rows, tf.int32)).numpy()


class TestEmbeddings:
    def test_are_directions_and_one_more_number(self, model):
        """Candidates have length one, queries one over the temperature."""
        for embeddings, length in (
            (model.query_embeddings(_batch()).numpy(), 2.0),
            (_candidates(model, *range(NUM_ITEMS + 1)), 1.0),
        ):
            assert embeddings.shape[1] == 5
            np.testing.assert_allclose(np.linalg.norm(embeddings[:, :-1], axis=1), length, rtol=1e-5)

    def test_popularity_is_a_standardised_logarithm(self, model):
        """That of items never seen, and of the unknown one, is the mean."""
        logs = np.log1p(COUNTS[COUNTS > 0])
        expected = np.zeros(NUM_ITEMS + 1)
        expected[:-1][COUNTS > 0] = (logs - logs.mean()) / logs.std()
        np.testing.assert_allclose(_candidates(model, *range(NUM_ITEMS + 1))[:, -1], expected, atol=1e-6)

    def test_a_log_without_interactions_has_no_popularity(self):
        model = RetrievalModel(_config(), SIZES, make_corpus(3), np.zeros(3), make_text_tower(), 1)
        np.testing.assert_array_equal(_candidates(model, 0, 1, 2, 3)[:, -1], 0)

    def test_popularity_weighs_what_the_query_gives_it(self):
        """Items alike in all but their counts differ by the weight times the difference of popularity."""
        model = _scattered(_model(_twins(make_corpus(NUM_ITEMS, TEXTS), 0, 1)))
        table = model.item_embedding.weights[0].numpy()
        table[1] = table[0]
        model.item_embedding.set_weights([table])
        model.refresh_corpus_embeddings()
        queries, candidates = model.query_embeddings(_batch()).numpy(), _candidates(model, 0, 1)
        scores = queries @ candidates.T
        difference = candidates[0, -1] - candidates[1, -1]
        assert difference > 0.5
        np.testing.assert_allclose(scores[:, 0] - scores[:, 1], queries[:, -1] * difference, atol=1e-5)
        assert (queries[:, -1] > 0).all()

    def test_items_never_seen_share_the_unknown_embedding(self, model):
        two, four, zero, one = _candidates(model, 2, 4, 0, 1)
        np.testing.assert_allclose(two, four, atol=1e-6)
        # The trained items 0 and 1, which are twins as well, are told apart by their ids.
        assert np.abs(zero - one).max() > 1e-2

    def test_items_never_seen_differ_by_text_and_attributes(self, model):
        two, nothing = _candidates(model, 2, UNKNOWN)
        assert np.abs(two - nothing).max() > 1e-2

    def test_in_a_history_too(self, model):
        def embed(item):
            return model.query_embeddings(_batch([0], [[3, item, -1, -1]])).numpy()

        np.testing.assert_allclose(embed(2), embed(4), atol=1e-5)
        assert np.abs(embed(2) - embed(1)).max() > 1e-3

    def test_an_item_outside_the_corpus_is_described_by_what_it_brings(self, model):
        """Item 2's own text and attributes under the unknown row make item 2."""
        corpus = make_corpus(NUM_ITEMS, TEXTS)
        attributes = {name: tf.constant(values[2:3]) for name, values in corpus.features.items()}
        text = model.text_tower(tf.constant([TEXTS[2]]))
        outside = model.candidate_embeddings(tf.constant([UNKNOWN]), attributes, text)
        np.testing.assert_allclose(outside, _candidates(model, 2), atol=1e-6)

    def test_padding_in_a_history_is_no_item(self, model):
        """Padding reads row 0; another embedding there changes only histories that hold item 0."""
        before = model.query_embeddings(_batch()).numpy()
        kept = model.corpus_embeddings.numpy()
        model.corpus_embeddings.assign(kept + np.eye(NUM_ITEMS + 1, 1) * 5)
        after = model.query_embeddings(_batch()).numpy()
        model.corpus_embeddings.assign(kept)
        holds_item_0 = (HISTORIES == 0).any(axis=1)
        np.testing.assert_allclose(after[~holds_item_0], before[~holds_item_0], atol=1e-6)
        assert np.abs(after[holds_item_0] - before[holds_item_0]).max() > 1e-3

    def test_id_dropout_only_while_training(self):
        """Dropped ids take the unknown embedding and popularity: the twins 0 and 1 cannot be told apart."""
        corpus = _twins(make_corpus(NUM_ITEMS, TEXTS), 0, 1)
        model = _model(corpus, id_dropout=0.999999)
        rows, attributes = tf.constant([0, 1]), {n: tf.constant(v[:2]) for n, v in corpus.features.items()}
        texts = model.text_tower(tf.constant(TEXTS[:2]))
        training = model.candidate_embeddings(rows, attributes, texts, training=True).numpy()
        asking = model.candidate_embeddings(rows, attributes, texts).numpy()
        np.testing.assert_allclose(training[0], training[1], atol=1e-6)
        assert (training[:, -1] == 0).all()
        assert np.abs(asking[0, :-1] - asking[1, :-1]).max() > 1e-4
        assert asking[0, -1] != asking[1, -1]


class TestEventTypes:
    """Kinds of events are rows of an embedding that is added to the items' of the history."""

    TYPES = np.array([[0, 1, -1, -1], [-1, -1, -1, -1], [1, 1, 0, 2], [0, -1, -1, -1], [-1, 0, -1, -1]])

    @pytest.fixture(scope="class")
    def typed(self):
        model = _model(sizes=replace(SIZES, num_event_types=3))
        model.compute_loss(self._batch())
        model.refresh_corpus_embeddings()
        return model

    def _batch(self, types=TYPES):
        return _batch() | {"history_event_types": tf.constant(types)}

    def _queries(self, model, types=TYPES):
        return model.query_embeddings(self._batch(types)).numpy()

    def test_start_without_a_say(self, typed):
        """So that a kind that training has not seen does not disturb."""
        np.testing.assert_array_equal(typed.event_type_embedding.get_weights()[0], np.zeros((3, 4)))

    def test_are_learnt(self, typed):
        model = _model(sizes=replace(SIZES, num_event_types=3))
        for _ in range(2):
            model.train_step(self._batch())
        assert (np.abs(model.event_type_embedding.get_weights()[0]).max(axis=1) > 0).all()

    def test_change_the_query(self, typed):
        typed.event_type_embedding.set_weights([np.eye(3, 4)])
        usual = self._queries(typed)
        other = self._queries(typed, np.where(self.TYPES == 0, 1, self.TYPES))
        changed = np.abs(other - usual).max(axis=1) > 1e-3
        assert changed.tolist() == [True, False, True, True, True]

    def test_an_unknown_kind_has_the_last_row(self, typed):
        typed.event_type_embedding.set_weights([np.eye(3, 4)])
        unknown = self._queries(typed, np.where(self.TYPES == -1, 2, self.TYPES))
        np.testing.assert_array_equal(unknown, self._queries(typed))


class TestVectors:
    SOUNDS = np.random.default_rng(4).normal(size=[NUM_ITEMS + 1, 3]).astype(np.float32)

    @pytest.fixture(scope="class")
    def sounding(self):
        corpus = _twins(_twins(make_corpus(NUM_ITEMS, TEXTS), 2, 4), 0, 1)
        sounds = self.SOUNDS.copy()
        sounds[UNKNOWN] = 0
        corpus.features["sound"] = sounds
        model = _model(corpus, sizes=replace(SIZES, item_vectors={"sound": 3}), hidden_dims=(16,))
        return _scattered(model)

    def test_tell_items_apart(self, sounding):
        """Items 2 and 4 have no id, and all else in common."""
        two, four = _candidates(sounding, 2, 4)
        assert np.abs(two - four).max() > 1e-2

    def test_have_the_configured_width(self, sounding):
        assert sounding.candidate_tower._vectors.output_dim == 5

    def test_an_absent_vector_adds_nothing(self, sounding):
        """Other projections change the candidates with a vector, and no others."""
        before = _candidates(sounding, 0, UNKNOWN)
        vectors = sounding.candidate_tower._vectors
        kept = vectors.get_weights()
        vectors.set_weights([kept[0] + 1])
        after = _candidates(sounding, 0, UNKNOWN)
        vectors.set_weights(kept)
        assert np.abs(after[0] - before[0]).max() > 1e-3
        np.testing.assert_array_equal(after[1], before[1])


class TestRanks:
    @pytest.fixture(autouse=True)
    def _embeddings(self, model):
        """Random ones, so that ranks are a matter of `corpus_embeddings` alone."""
        rng = np.random.default_rng(3)
        kept = model.corpus_embeddings.numpy()
        model.corpus_embeddings.assign(unit(rng.normal(size=model.corpus_embeddings.shape)))
        yield
        model.corpus_embeddings.assign(kept)

    def _oracle(self, model, batch):
        queries = model.query_embeddings(batch).numpy()
        scores = queries @ model.corpus_embeddings.numpy()[:NUM_ITEMS].T
        examples = zip(batch["item_id"].numpy(), batch["history_item_ids"].numpy(), scores, strict=True)
        for item, history, given in examples:
            if item == UNKNOWN:
                yield LAST
                continue
            left = set(range(NUM_ITEMS)) - set(history.tolist())
            yield sum(given[other] > given[item] for other in left - {item})

    def test_equal_the_oracle(self, model):
        """Every item against histories of 0, 1, 2 and 4 items, some of them unknown."""
        histories = np.repeat(HISTORIES, NUM_ITEMS + 1, axis=0)
        items = np.tile(np.arange(NUM_ITEMS + 1), len(HISTORIES))
        fresh = ~(histories == items[:, np.newaxis]).any(axis=1) | (items == UNKNOWN)
        batch = _batch(items[fresh], histories[fresh])
        expected = list(self._oracle(model, batch))
        assert len(set(expected)) > 4
        assert model.ranks(batch).numpy().tolist() == expected

    def test_an_item_outside_the_corpus_comes_last(self, model):
        assert model.ranks(_batch(np.full(5, UNKNOWN))).numpy().tolist() == [LAST] * 5

    def test_seen_items_are_left_out(self, model):
        """With all the others seen the item is the best."""
        first = int(model.ranks(_batch([4], [[0, 1, 2, 3]])).numpy()[0])
        assert first <= 1  # but one is left
        assert model.ranks(_batch([5], [[0, 1, 2, 3]])).numpy().tolist() == [1 - first]

    @pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
    def test_a_model_that_tells_nothing_apart_is_not_perfect(self, model, value):
        model.corpus_embeddings.assign(tf.fill(model.corpus_embeddings.shape, np.float32(value)))
        assert model.ranks(_batch([4], [[0, 1, -1, -1]])).numpy().tolist() == [NUM_ITEMS - 3]

    def test_a_seen_item_comes_after_all_that_are_not(self, model):
        assert model.ranks(_batch([3], [[3, 1, -1, -1]])).numpy().tolist() == [NUM_ITEMS - 2]


@pytest.mark.parametrize(
    ("num_items", "expected"), [(10, 2048), (1 << 16, 1024), (70_000, 958), (1 << 30, 16)]
)
def test_a_validation_batch_bounds_its_scores(num_items, expected):
    assert validation_batch_size(num_items) == expected


def test_refreshed_embeddings_are_those_of_the_candidates(model):
    model.corpus_embeddings.assign(tf.zeros_like(model.corpus_embeddings))
    model.refresh_corpus_embeddings(batch_size=4)  # so that the last batch is a smaller one
    refreshed = model.corpus_embeddings.numpy()
    np.testing.assert_allclose(refreshed, _candidates(model, *range(NUM_ITEMS + 1)), atol=1e-6)


@pytest.mark.parametrize(("sampler", "searched"), [("hard", True), ("full", False)])
def test_the_first_epoch_looks_for_hard_negatives_among_embeddings_that_mean_something(sampler, searched):
    model = _model(sampler=sampler)
    model.corpus_embeddings.assign(tf.zeros_like(model.corpus_embeddings))
    refresh = RefreshCorpusEmbeddings()
    refresh.set_model(model)
    refresh.on_train_begin()
    assert (np.abs(model.corpus_embeddings.numpy()).sum(axis=1) > 0).all() == searched


def test_validation_counts_ranks_below_k():
    """More items than k, a query without a history, and its item made the best, then the worst.

    NDCG counts every rank.
    """
    num_items = VALIDATION_K + 5
    corpus, counts = make_corpus(num_items), np.ones(num_items)
    model = RetrievalModel(_config(), SIZES, corpus, counts, make_text_tower(), text_cache_mb=1)
    batch = _batch([0], [[-1, -1, -1, -1]])
    query = model.query_embeddings(batch).numpy()[0]
    for item, expected in ((query, 1.0), (-query, 0.0)):
        others = np.tile(query * 0.5, (num_items, 1))
        model.corpus_embeddings.assign(np.concatenate([[item], others]))
        model.reset_metrics()
        figures = model.test_step(batch)
        assert figures[f"recall_at_{VALIDATION_K}"].numpy() == expected
        rank = 0 if expected else num_items - 1
        np.testing.assert_allclose(figures["ndcg"], 1 / np.log2(rank + 2), rtol=1e-5)


class TestTraining:
    def test_the_text_tower_learns_until_it_is_frozen(self):
        model = _model(text_learning_rate=0.01)
        texts = model.text_tower.trainable_variables

        def moved():
            """How far a step moves the text tower's variables, and all the others."""
            others = [model.item_embedding.weights[0], model.candidate_tower._perceptron.weights[-1]]
            before = [[v.numpy() for v in variables] for variables in (texts, others)]
            model.train_step(_batch())
            return [
                max(np.abs(v.numpy() - was).max() for v, was in zip(variables, values, strict=True))
                for variables, values in zip((texts, others), before, strict=True)
            ]

        model.train_step(_batch())
        in_texts, in_towers = moved()
        assert in_texts > 1e-3
        assert in_towers > 1e-3
        kept = model.corpus_text_embeddings()
        model.freeze_texts()
        assert model.text_tower.trainable_variables == []
        in_texts, in_towers = moved()
        assert in_texts == 0
        assert in_towers > 1e-3
        np.testing.assert_allclose(model.corpus_text_embeddings(), kept, atol=1e-6)

    def test_freezing_does_not_change_the_candidates(self):
        model = _model()
        before = _candidates(model, *range(NUM_ITEMS + 1))
        model.freeze_texts()
        np.testing.assert_allclose(_candidates(model, *range(NUM_ITEMS + 1)), before, atol=1e-6)

    def test_only_the_top_layer_of_the_text_tower_moves(self):
        model = _model(text_learning_rate=0.01)
        frozen = model.text_tower.non_trainable_variables
        before = [v.numpy() for v in frozen]
        model.train_step(_batch())
        assert before
        for variable, value in zip(frozen, before, strict=True):
            np.testing.assert_array_equal(variable, value)

    def test_the_temperature_is_learnt(self):
        model = _model(initial_temperature=0.2)
        model.compute_loss(_batch())
        np.testing.assert_allclose(model.temperature, 0.2, rtol=1e-6)
        step = model.train_step(_batch())
        np.testing.assert_allclose(step["temperature"], model.temperature)
        assert abs(float(step["temperature"]) - 0.2) > 1e-4

    def test_the_batch_is_not_mutated(self, model):
        batch = _batch()
        kept = dict(batch)
        model.compute_loss(batch, training=True)
        assert list(batch) == list(kept)
        assert all(batch[name] is kept[name] for name in kept)
