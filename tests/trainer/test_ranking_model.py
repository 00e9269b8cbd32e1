"""The multi-task ranking model: scores and loss against NumPy, and the guard of its labels."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs
import tf_keras

from pipeline.config.ranking import RankingConfig, TaskConfig
from tests.trainer.small_bert import unit
from tests.trainer.small_world import SIZES, TEXT_DIM, make_corpus, make_queries
from trainer.ranking import LabelScale, RankingModel
from trainer.ranking_statistics import CandidateTables, OwnEvents

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


def _model(tables=None, tasks=(RATING, LIKE), sizes=SIZES, scales=None, **changes):
    """A model without dropout, its weights far from their tiny start values."""
    tf_keras.utils.set_random_seed(0)
    config = RankingConfig(tasks=tasks, **{"hidden_dims": (6, 5), "dropout": 0.0, **changes})
    model = RankingModel(config, sizes, tables or _tables(), VALUE_STD, scales)
    types = tf.constant(np.where(HISTORIES >= 0, 1, -1))
    model.score({**_queries(), "history_event_types": types}, _query_embeddings(), tf.constant(ROWS))
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
        model = _model(_tables(nothing, nothing))
        assert np.isfinite(_score(model, ROWS[:, :1], own_values=np.ones([5, 1]))).all()

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

    def test_a_value_is_what_the_means_let_expect_and_what_the_rest_adds(self, model):
        """Without any weight but the factors': Koren's baseline, and their product."""
        bare = _model()
        bare.set_weights([np.zeros(w.shape) for w in bare.get_weights()])
        history = bare.statistics.history(_queries())
        rows = bare.statistics.known_rows(tf.constant(ROWS))
        expected = bare.statistics.items(rows).deviation + history.usual[:, tf.newaxis]
        np.testing.assert_allclose(_score(bare), MEAN + VALUE_STD * expected, rtol=1e-5)
        bare._factors.set_weights(model._factors.get_weights())
        expected += bare._factors(
            rows, _queries()["user_id"], history.rows, history.present, history.residuals
        ).total
        np.testing.assert_allclose(_score(bare), MEAN + VALUE_STD * expected, rtol=1e-5)
        np.testing.assert_allclose(_score(bare, task="like"), 2.0 * expected, rtol=1e-5)

    def test_above_usual_starts_without_what_is_usual(self):
        bare = _model(tasks=(TaskConfig(name="above_usual", kind="above_usual"),))
        bare.set_weights([np.zeros(w.shape) for w in bare.get_weights()])
        rows = bare.statistics.known_rows(tf.constant(ROWS))
        expected = 2.0 * bare.statistics.items(rows).deviation
        np.testing.assert_allclose(_score(bare, task="above_usual"), expected, atol=1e-6)

    @pytest.mark.parametrize(
        "changes",
        [
            {"architecture": "mmoe", "num_experts": 2},
            {"architecture": "ple"},
            {"cross_layers": 2},
            {"cross_layers": 1, "cross_rank": 3},
            {"factor_dim": 0, "attention_heads": 0},
        ],
        ids=str,
    )
    def test_every_architecture_scores_and_learns(self, changes):
        model = _model(**changes)
        assert _score(model).shape == ROWS.shape
        model.compile(optimizer=tf_keras.optimizers.Adam(0.01))
        losses = [float(model.train_step(_batch())["loss"]) for _ in range(15)]
        assert losses[-1] < losses[0]

    def test_event_types_of_the_history_are_read(self):
        model = _model(sizes=replace(SIZES, num_event_types=3))
        types = tf.constant(np.where(HISTORIES >= 0, 1, -1))
        usual = _score(model, queries={**_queries(), "history_event_types": types})
        other = _score(
            model, queries={**_queries(), "history_event_types": tf.where(types >= 0, types + 1, -1)}
        )
        has_history = ((HISTORIES >= 0) & (HISTORIES != UNKNOWN)).any(axis=1)
        np.testing.assert_array_equal((np.abs(other - usual) > 1e-6).any(axis=1), has_history)


class TestOwnValues:
    """An example's own value is in its item's mean; while training it is taken out."""

    @staticmethod
    def _sums(item, change):
        """Another value of an interaction with an item; an unknown one makes up for it in the mean."""
        sums = SUMS.copy()
        sums[item] += change
        sums[UNKNOWN] -= change
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

    def test_an_exposure_has_nothing_to_take_out(self, model):
        """It was not counted; beside it an engaged example of value 2 in a model of values."""
        batch = _batch() | {"engaged": tf.constant([0.0, 1.0, 0.0, 1.0, 1.0])}
        own = model._own_events(batch)
        assert own.counts.numpy().ravel().tolist() == [0, 1, 0, 1, 1]
        assert own.values.numpy().ravel().tolist() == [0, 1, 0, 4, 2]
        rows = batch["item_id"][:, tf.newaxis]
        statistics, all_of_them = (np.stack(model.statistics.items(rows, each), -1) for each in (own, None))
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
        encoded = with_vectors._encode(
            with_vectors._vectors, {"sound": with_vectors.vectors[0]}, tf.constant([[0, UNKNOWN]])
        ).numpy()
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
        assert model.statistics.mean_value == 0
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


class TestOtherTasks:
    CLICK = TaskConfig(name="like", kind="event", event_type="click", loss="listwise")
    READING = TaskConfig(name="reading", kind="dwell")

    @staticmethod
    def _reading():
        """Labels of dwelling beside the batch; the last is not known."""
        labels = np.array([3.0, 5.0, 4.0, 2.0, 0.0], np.float32)
        weights = np.array([1.0, 1.0, 1.0, 1.0, 0.0], np.float32)
        return {"label_reading": tf.constant(labels), "weight_reading": tf.constant(weights)}

    def test_dwelling_is_regressed_on_its_own_scale(self):
        scale = LabelScale(4.0, 2.0)
        model = _model(tasks=(RATING, self.READING), scales={"reading": scale})
        assert model.scale(self.READING) == scale
        assert model.scale(RATING) == (pytest.approx(MEAN), VALUE_STD)
        bare = _model(tasks=(RATING, self.READING), scales={"reading": scale})
        bare.set_weights([np.zeros(w.shape) for w in bare.get_weights()])
        np.testing.assert_array_equal(_score(bare, task="reading"), 4.0)

    def test_dwelling_is_no_value(self):
        """The guard takes out what was summed up: values, and never logarithms of seconds."""
        model = _model(tasks=(self.READING, RATING))
        own = model._own_events(_batch() | self._reading())
        np.testing.assert_array_equal(own.values[:, 0], _batch()["label_rating"])

    def test_a_listwise_task_judges_within_users(self):
        model = _model(tasks=(self.CLICK,))
        batch = _batch() | {"user_id": tf.constant([1, 1, 2, 2, 2], tf.int64)}
        scores = model.score(batch, batch["query_embedding"], batch["item_id"][:, tf.newaxis])["like"][:, 0]
        # Of the first user's two examples one has no weight; the other user has two positives and a negative.
        s = scores.numpy().astype(np.float64)[2:]
        expected = -(s[:2] - np.log(np.exp(s).sum())).sum() / 5
        np.testing.assert_allclose(model.compute_loss(batch), expected, rtol=1e-4)

    def test_uncertainty_weighs_the_losses(self):
        model = _model(loss_weights="uncertainty")
        batch = _batch()
        model.compute_loss(batch)
        scores = model.score(batch, batch["query_embedding"], batch["item_id"][:, tf.newaxis])
        apart = {task.name: float(model._loss(task, batch, scores[task.name])) for task in (RATING, LIKE)}
        model._uncertainty.log_variances["rating"].assign(0.7)
        model._uncertainty.log_variances["like"].assign(-0.4)
        expected = 0.5 * (0.5 * np.exp(-0.7) * apart["rating"] + 0.35)
        expected += 2.0 * (np.exp(0.4) * apart["like"] - 0.2)
        np.testing.assert_allclose(model.compute_loss(batch), expected, rtol=1e-4)


class TestCrosses:
    def test_without_weight_they_change_nothing(self):
        plain, crossed = _model(), _model(cross_layers=2)
        for layer in crossed._crosses:
            layer.set_weights([np.zeros(w.shape) for w in layer.get_weights()])
        crosses = {w.ref() for layer in crossed._crosses for w in layer.weights}
        for target, source in zip(
            [w for w in crossed.trainable_weights if w.ref() not in crosses],
            plain.trainable_weights,
            strict=True,
        ):
            target.assign(source)
        np.testing.assert_allclose(_score(crossed), _score(plain), atol=1e-6)

    def test_find_a_product_that_a_sum_cannot(self):
        """A linear head over one cross layer, as over the features alone."""
        x = np.random.default_rng(0).normal(size=[256, 1, 4]).astype(np.float32)
        losses = {}
        for count in (0, 1):
            crosses = [tfrs.layers.dcn.Cross() for _ in range(count)]
            losses[count] = _loss_after_training(crosses, x, labels=x[..., 0] * x[..., 1])
        assert losses[0] > 0.8 * np.var(x[..., 0] * x[..., 1])
        assert losses[1] < 0.01


def _loss_after_training(crosses, x, labels):
    head, optimizer = tf_keras.layers.Dense(1), tf_keras.optimizers.Adam(0.05)

    def answer():
        crossed = tf.constant(x)
        for cross in crosses:
            crossed = cross(tf.constant(x), crossed)
        return head(crossed)[..., 0]

    answer()
    variables = [v for layer in (*crosses, head) for v in layer.trainable_variables]
    optimizer.build(variables)

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(answer() - labels))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return float([step() for _ in range(200)][-1])


@pytest.mark.parametrize("architecture", ["shared_bottom", "mmoe", "ple"])
def test_the_same_seed_gives_the_same_model(architecture):
    def trained():
        model = _model(architecture=architecture, dropout=0.3, hidden_dims=(6, 5))
        model.compile(optimizer=tf_keras.optimizers.Adam(0.01))
        data = tf.data.Dataset.from_tensors(_batch()).repeat(3)
        model.fit(data, epochs=1, verbose=0)
        return _score(model)

    np.testing.assert_array_equal(trained(), trained())


def test_the_prior_of_the_factors_is_counted_in_examples():
    """Exposures are examples too, though they are in no count of the tables."""
    tables = _tables()
    for num_examples, expected in ((None, COUNTS.sum()), (500, 500)):
        config = RankingConfig(tasks=(RATING,), factor_prior=7.0)
        model = RankingModel(config, SIZES, tables, VALUE_STD, num_examples=num_examples)
        np.testing.assert_allclose(model._factors.l2, 7.0 / expected)
