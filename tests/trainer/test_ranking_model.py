"""The multi-task ranking model: statistics and loss against NumPy, and the guard of its labels."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from pipeline.config.training import RankingConfig, TaskConfig
from tests.trainer.small_bert import unit
from tests.trainer.small_world import SIZES, TEXT_DIM, make_corpus, make_queries
from trainer.ranking import CandidateTables, OwnEvents, RankingModel

NUM_ITEMS = UNKNOWN = 6
DIM, VALUE_STD = 3, 1.3
RATING = TaskConfig(name="rating", kind="value", weight=0.5)
LIKE = TaskConfig(name="like", kind="value_at_least", threshold=4.0, weight=2.0)
COUNTS = np.array([3.0, 1.0, 0.0, 5.0, 2.0, 4.0, 1.0])
SUMS = np.array([9.0, 5.0, 0.0, 12.0, 8.0, 20.0, 2.0])
MEAN = SUMS.sum() / COUNTS.sum()
# The third has an unknown item in it; the fourth is all unknown; the last one fills all places.
HISTORIES = np.array(
    [[1, 3, -1, -1], [-1, -1, -1, -1], [UNKNOWN, 2, 5, -1], [UNKNOWN, UNKNOWN, -1, -1], [4, 5, 0, 2]]
)
VALUES = np.where(HISTORIES >= 0, [[5.0, 1.0, 2.0, 4.0]], 0.0).astype(np.float32)
ROWS = np.array([[0, 3], [1, 2], [UNKNOWN, 4], [5, 0], [3, -1]], np.int32)


def _tables(counts=COUNTS, sums=SUMS):
    rng = np.random.default_rng(5)
    embeddings = unit(rng.normal(size=[NUM_ITEMS + 1, DIM])).astype(np.float32)
    embeddings[-1] = 0
    texts = unit(rng.normal(size=[NUM_ITEMS + 1, TEXT_DIM])).astype(np.float32)
    return CandidateTables(embeddings, texts, make_corpus(NUM_ITEMS).features, counts, sums)


def _queries(histories=HISTORIES, values=VALUES):
    queries = {**make_queries(len(histories)), "history_item_ids": np.int32(histories)}
    return {name: tf.constant(x) for name, x in queries.items()} | {"history_values": tf.constant(values)}


def _query_embeddings():
    return tf.constant(unit(np.random.default_rng(6).normal(size=[len(HISTORIES), DIM])), tf.float32)


def _batch():
    """A training batch; the second example has no label for `like`."""
    labels = {
        "item_id": np.array([0, 3, 1, 5, UNKNOWN], np.int32),
        "label_rating": np.array([3.0, 1.0, 5.0, 4.0, 2.0], np.float32),
        "weight_rating": np.ones(5, np.float32),
        "label_like": np.array([0.0, 1.0, 1.0, 1.0, 0.0], np.float32),
        "weight_like": np.array([1.0, 0.0, 1.0, 1.0, 1.0], np.float32),
        "engaged": np.ones(5, np.float32),
    }
    return (
        _queries() | {n: tf.constant(v) for n, v in labels.items()} | {"query_embedding": _query_embeddings()}
    )


def _model(tables=None, tasks=(RATING, LIKE)):
    """A model without dropout, its weights far from their tiny start values."""
    tf_keras.utils.set_random_seed(0)
    config = RankingConfig(tasks=tasks, hidden_dims=(6, 5), dropout=0.0)
    model = RankingModel(config, SIZES, tables or _tables(), VALUE_STD)
    model.score(_queries(), _query_embeddings(), tf.constant(ROWS))
    rng = np.random.default_rng(7)
    for variable in model.trainable_variables:
        variable.assign_add(rng.normal(size=variable.shape, scale=0.3))
    return model


@pytest.fixture(scope="module")
def model():
    return _model()


def _score(model, rows=ROWS, queries=None, own_values=None, task="rating"):
    own = None if own_values is None else _own(own_values)
    queries = _queries() if queries is None else queries
    rows = tf.constant(rows, tf.int32)
    return model.score(queries, _query_embeddings(), rows, own=own)[task].numpy()


def _own(values, counts=None):
    """By default none of the examples is an exposure."""
    values = tf.constant(values, tf.float32)
    return OwnEvents(tf.ones_like(values) if counts is None else tf.constant(counts), values)


class TestScores:
    def test_a_score_a_task_and_candidate(self, model):
        scores = model.score(_queries(), _query_embeddings(), tf.constant(ROWS))
        assert {name: x.shape for name, x in scores.items()} == {"rating": ROWS.shape, "like": ROWS.shape}

    def test_unknown_items_and_empty_histories_give_finite_scores(self, model):
        rows = np.tile([0, UNKNOWN, -1], (len(HISTORIES), 1))
        for task in ("rating", "like"):
            assert np.isfinite(_score(model, rows, task=task)).all()

    def test_finite_without_any_interaction(self):
        nothing = np.zeros(NUM_ITEMS + 1)
        assert np.isfinite(_score(_model(_tables(nothing, nothing)), own_values=np.ones(ROWS.shape))).all()

    @pytest.mark.parametrize("task", ["rating", "like"])
    def test_do_not_depend_on_the_other_candidates(self, model, task):
        together = _score(model, task=task)
        apart = [_score(model, ROWS[:, [column]], task=task) for column in range(ROWS.shape[1])]
        np.testing.assert_allclose(np.concatenate(apart, axis=1), together, atol=1e-5)
        np.testing.assert_allclose(_score(model, ROWS[:, ::-1], task=task), together[:, ::-1], atol=1e-5)

    def test_no_candidates(self, model):
        assert _score(model, np.zeros([5, 0])).shape == (5, 0)

    def test_padding_content_does_not_matter(self, model):
        garbage = np.where(HISTORIES >= 0, VALUES, 99.0).astype(np.float32)
        assert (garbage != VALUES).any()
        np.testing.assert_array_equal(_score(model, queries=_queries(values=garbage)), _score(model))

    def test_start_at_the_mean_value(self):
        """The head's bias: an untrained model is not far off."""
        model = RankingModel(RankingConfig(tasks=(RATING,)), SIZES, _tables(), VALUE_STD)
        model.score(_queries(), _query_embeddings(), tf.constant(ROWS))
        head = next(layer for layer in model.layers if layer.name == "rating")
        np.testing.assert_allclose(head.bias, [MEAN], rtol=1e-6)


class TestOwnValues:
    """An example's own value is in its item's mean; while training it is taken out."""

    @staticmethod
    def _sums(item, change):
        """Another value of an interaction with an item; item 3 makes up for it in the overall mean."""
        sums = SUMS.copy()
        sums[item] += change
        sums[3] -= change
        return sums

    def _scores(self, model, item, change, guarded):
        """Scores of an item whose own value is 2, or changed."""
        changed = _model(_tables(sums=self._sums(item, change)))
        changed.set_weights(model.get_weights())
        rows = np.full([5, 1], item)
        return _score(changed, rows, own_values=np.full([5, 1], 2.0 + change) if guarded else None)

    @pytest.mark.parametrize("item", [0, 1, 5])
    def test_do_not_change_their_own_score(self, model, item):
        usual = self._scores(model, item, 0.0, guarded=True)
        np.testing.assert_allclose(self._scores(model, item, 3.0, guarded=True), usual, atol=1e-5)

    def test_would_without_the_guard(self, model):
        usual = self._scores(model, 0, 0.0, guarded=False)
        assert np.abs(self._scores(model, 0, 3.0, guarded=False) - usual).max() > 1e-2

    def test_statistics_are_those_of_the_other_interactions(self, model):
        """log(1 + count), and the mean with five interactions of the overall mean, standardised."""
        rows, own = np.array([[0, 1, 5]]), np.array([[4.0, 5.0, 3.0]], np.float32)
        counts, sums = COUNTS[rows] - 1, SUMS[rows] - own
        means = (sums + 5 * MEAN) / (counts + 5)
        expected = np.stack([np.log1p(counts), (means - MEAN) / VALUE_STD], axis=-1)
        actual = model._item_statistics(tf.constant(rows), _own(own))
        np.testing.assert_allclose(actual, expected, atol=1e-5)

    def test_an_exposure_has_nothing_to_take_out(self, model):
        """It was not counted; beside it an engaged example of value 2 in a model of values."""
        batch = _batch() | {"engaged": tf.constant([0.0, 1.0, 0.0, 1.0, 1.0])}
        own = model._own_events(batch)
        assert own.counts.numpy().ravel().tolist() == [0, 1, 0, 1, 1]
        assert own.values.numpy().ravel().tolist() == [0, 1, 0, 4, 2]
        rows = batch["item_id"][:, tf.newaxis]
        statistics, all_of_them = (model._item_statistics(rows, each).numpy() for each in (own, None))
        exposures = np.array([0, 2])
        np.testing.assert_array_equal(statistics[exposures], all_of_them[exposures])
        expected = np.log1p(COUNTS[[3, 5, UNKNOWN]] - 1)
        np.testing.assert_allclose(statistics[[1, 3, 4], 0, 0], expected, rtol=1e-6)

    def test_counts_are_guarded_without_values_too(self):
        """Of two items shown alike, the one that was clicked has the higher count."""
        model = _model(_tables(sums=np.zeros(NUM_ITEMS + 1)), tasks=(LIKE,))
        own = model._own_events(_batch() | {"engaged": tf.constant([1.0, 0.0, 0.0, 1.0, 1.0])})
        assert own.counts.numpy().ravel().tolist() == [1, 0, 0, 1, 1]
        assert own.values.numpy().ravel().tolist() == [0] * 5

    def test_statistics_while_asking_are_those_of_all(self, model):
        rows = np.array([[0, 2, UNKNOWN]])
        means = (SUMS[rows] + 5 * MEAN) / (COUNTS[rows] + 5)
        expected = np.stack([np.log1p(COUNTS[rows]), (means - MEAN) / VALUE_STD], axis=-1)
        np.testing.assert_allclose(model._item_statistics(tf.constant(rows), None), expected, atol=1e-5)

    def test_the_loss_takes_them_out_only_while_training(self, model):
        batch = _batch()
        own = batch["label_rating"][:, tf.newaxis]
        rows = batch["item_id"][:, tf.newaxis]
        for training, values in ((True, own), (False, None)):
            scores = _score(model, rows, own_values=values)
            expected = 0.5 * np.mean((scores - own) ** 2)
            alone = _model(tasks=(RATING,))
            alone.set_weights(_weights_without_like(model))
            np.testing.assert_allclose(alone.compute_loss(batch, training=training), expected, rtol=1e-5)


def _weights_without_like(model):
    """The weights of a model that has no second task."""
    return [w.numpy() for w in model.weights if not w.name.startswith(("like/", "ranking/like/"))]


class TestHistoryStatistics:
    def _oracle(self, history, values, candidate, embeddings):
        """One history and one candidate; items that the corpus does not hold are left out."""
        known = (history >= 0) & (history < UNKNOWN)
        items, values = history[known], (values[known] - MEAN) / VALUE_STD
        similarity = embeddings[items] @ embeddings[candidate]
        nearest = max(similarity, default=0.0)  # padding is no neighbour
        mean = similarity.mean() if len(items) else 0.0
        # One more value, the mean of all, keeps short histories near it.
        usual = values.sum() / (len(items) + 1)
        spread = np.sqrt(((values - usual) ** 2).sum() / (len(items) + 1))
        weights = np.exp(5.0 * similarity)
        near = (weights * (values - usual)).sum() / (weights.sum() + 1)
        return [nearest, mean, np.log1p(len(items)), usual, spread, near]

    def test_equal_the_oracle(self, model):
        embeddings = _tables().embeddings
        rows = np.maximum(ROWS, 0)
        actual = model._history_statistics(_queries(), tf.gather(model.embeddings, rows)).numpy()
        expected = [
            [self._oracle(HISTORIES[b], VALUES[b], row, embeddings.astype(np.float64)) for row in rows[b]]
            for b in range(len(HISTORIES))
        ]
        np.testing.assert_allclose(actual, expected, atol=1e-5)

    def test_no_history_gives_zeros(self, model):
        candidates = tf.gather(model.embeddings, np.maximum(ROWS, 0))
        statistics = model._history_statistics(_queries(), candidates).numpy()
        np.testing.assert_allclose(statistics[[1, 3]], 0.0, atol=1e-6)

    def test_without_values_only_similarities(self, model):
        queries = _queries()
        candidates = tf.gather(model.embeddings, np.maximum(ROWS, 0))
        expected = model._history_statistics(queries, candidates)[..., :3]
        del queries["history_values"]
        np.testing.assert_array_equal(model._history_statistics(queries, candidates), expected)


class TestVectors:
    @pytest.fixture(scope="class")
    def with_vectors(self):
        tf_keras.utils.set_random_seed(0)
        tables = _tables()
        sounds = np.random.default_rng(8).normal(size=[NUM_ITEMS + 1, 3]).astype(np.float32)
        sounds[UNKNOWN] = 0
        tables.attributes["sound"] = sounds
        config = RankingConfig(tasks=(RATING,), hidden_dims=(6,), dropout=0.0)
        model = RankingModel(config, replace(SIZES, item_vectors={"sound": 3}), tables, VALUE_STD)
        model.score(_queries(), _query_embeddings(), tf.constant(ROWS))
        return model

    def test_are_encoded_by_row(self, with_vectors):
        encoded = with_vectors._encode_vectors(with_vectors._vectors, tf.constant([[0, UNKNOWN]])).numpy()
        (projection,) = with_vectors._vectors.get_weights()
        sound = with_vectors.vectors[0].numpy()[0]
        np.testing.assert_allclose(encoded[0, 0], sound / np.linalg.norm(sound) @ projection, atol=1e-6)
        np.testing.assert_array_equal(encoded[0, 1], np.zeros_like(encoded[0, 1]))

    def test_change_the_scores_of_their_items_alone(self, with_vectors):
        before = _score(with_vectors)
        kept = with_vectors.vectors[0].numpy()
        changed = kept.copy()
        changed[3] *= -1
        with_vectors.vectors[0].assign(changed)
        after = _score(with_vectors)
        with_vectors.vectors[0].assign(kept)
        np.testing.assert_array_equal(np.abs(after - before) > 1e-5, ROWS == 3)

    def test_are_not_trained(self, with_vectors):
        trained = {variable.ref() for variable in with_vectors.trainable_variables}
        assert with_vectors.vectors[0].ref() not in trained


class TestLoss:
    def test_is_the_weighted_sum_of_the_tasks_losses(self, model):
        batch = _batch()
        scores = model.score(_queries(), _query_embeddings(), batch["item_id"][:, tf.newaxis])
        rating, like = (scores[name].numpy()[:, 0].astype(np.float64) for name in ("rating", "like"))
        labels = batch["label_like"].numpy()
        squares = (rating - batch["label_rating"].numpy()) ** 2
        # Cross-entropy of a logit: log(1 + e^x) - x * label.
        entropies = (np.log1p(np.exp(like)) - like * labels) * batch["weight_like"].numpy()
        # Keras' mean is over the batch, whatever the examples weigh.
        expected = 0.5 * squares.mean() + 2.0 * entropies.mean()
        np.testing.assert_allclose(model.compute_loss(batch), expected, rtol=1e-5)

    @pytest.mark.parametrize("training", [True, False])
    def test_an_example_without_weight_has_no_influence(self, model, training):
        batch = _batch()
        changed = {**batch, "label_like": tf.constant([0.0, 0.0, 1.0, 1.0, 0.0])}
        usual = model.compute_loss(batch, training=training)
        np.testing.assert_array_equal(model.compute_loss(changed, training=training), usual)
        # The same change counts where the example has a weight.
        weighted = {"weight_like": tf.ones(5)}
        usual = model.compute_loss({**batch, **weighted}, training=training)
        assert abs(float(model.compute_loss({**changed, **weighted}, training=training) - usual)) > 1e-3

    def test_without_a_value_task(self):
        """Nothing is known of values, and nothing to be guarded."""
        model = _model(_tables(sums=np.zeros(NUM_ITEMS + 1)), tasks=(LIKE,))
        batch = {name: x for name, x in _batch().items() if not name.endswith("_rating")}
        assert model.mean_value == 0
        assert np.isfinite(model.compute_loss(batch, training=True))

    def test_the_batch_is_not_mutated(self, model):
        batch = _batch()
        kept = dict(batch)
        model.compute_loss(batch, training=True)
        assert list(batch) == list(kept)
        assert all(batch[name] is kept[name] for name in kept)

    def test_training_leaves_the_retrieval_embeddings_alone(self):
        model = _model()
        model.compile(optimizer=tf_keras.optimizers.Adam(0.1))
        before = model.embeddings.numpy(), model.text_embeddings.numpy()
        first = model.train_step(_batch())["loss"]
        for _ in range(5):
            last = model.train_step(_batch())["loss"]
        assert last < first
        np.testing.assert_array_equal(model.embeddings, before[0])
        np.testing.assert_array_equal(model.text_embeddings, before[1])


def test_the_mean_value_of_the_tables():
    np.testing.assert_allclose(_tables().mean_value, MEAN)
    nothing = np.zeros(NUM_ITEMS + 1)
    assert _tables(nothing, nothing).mean_value == 0
