"""What a batch teaches: its moments, and the loss over them, against NumPy."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from pipeline.config.training import RetrievalConfig
from schemas.features import UNKNOWN_GAP
from tests.trainer.small_world import HISTORY_LENGTH, SIZES, make_corpus, make_queries, make_text_tower
from trainer.losses import bpr_loss, softmax_loss
from trainer.moments import find_moments
from trainer.randomness import seed_everything
from trainer.retrieval import RetrievalModel

COUNTS = np.array([3, 1, 0, 5, 0, 2])
NUM_ITEMS = UNKNOWN = len(COUNTS)
# None, one, some, and as many as fit; an item that is not in the corpus in the middle and as a target.
HISTORIES = np.array([[-1, -1, -1, -1], [1, -1, -1, -1], [4, UNKNOWN, 2, -1], [3, 0, 5, 1], [2, -1, -1, -1]])
ITEMS = np.array([2, 3, 1, 0, UNKNOWN])
LENGTHS = (HISTORIES >= 0).sum(axis=1)
# Example, events before, next item.
MOMENTS = [(0, 0, 2), (1, 0, 1), (1, 1, 3), (2, 0, 4), (2, 2, 2), (2, 3, 1)]
MOMENTS += [(3, 1, 0), (3, 2, 5), (3, 3, 1), (3, 4, 0), (4, 0, 2)]
IS_REQUEST = np.array([place == LENGTHS[example] for example, place, _ in MOMENTS])
KINDS = ["mean", "gru", "cnn", "self_attention"]
TIMED = replace(
    SIZES,
    query_attributes={**SIZES.query_attributes, "recency_bucket": 4},
    query_numbers=(*SIZES.query_numbers, "recency"),
    history_numbers=("recency",),
)


def _model(kind="mean", sizes=SIZES, seed=0, frozen=True, **changes):
    """A model without dropout whose weights are all random."""
    seed_everything(seed)
    small = {"embedding_dim": 4, "attribute_dim": 2, "content_dim": 5, "hidden_dims": (4,)}
    steady = {"dropout": 0.0, "id_dropout": 0.0, "time_dropout": 0.0, "attribute_dropout": 0.0}
    encoder = {"kind": kind, "dropout": 0.0}
    config = RetrievalConfig(**{**small, **steady, "history_encoder": encoder, **changes})
    model = RetrievalModel(config, sizes, make_corpus(NUM_ITEMS), COUNTS, make_text_tower(), text_cache_mb=1)
    model.compile(optimizer=tf_keras.optimizers.Adam(0.01))
    if frozen:
        model.freeze_texts()
    model.compute_loss(_batch())
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign_add(rng.normal(size=variable.shape, scale=0.4))
    model.refresh_corpus_embeddings()
    return model


@cache
def _shared(kind):
    """A model that tests only read."""
    return _model(kind)


def _batch(items=ITEMS, histories=HISTORIES, **changes):
    batch = {**make_queries(len(items)), "item_id": np.int32(items), "history_item_ids": np.int32(histories)}
    batch["history_gaps"] *= np.asarray(histories) >= 0
    batch |= {"recency": np.full(len(items), 0.7, np.float32), "recency_bucket": np.full(len(items), 1)}
    return {name: tf.constant(values) for name, values in {**batch, **changes}.items()}


def _moments(**changes):
    return list(zip(*(x.numpy().tolist() for x in find_moments(_batch(**changes), NUM_ITEMS)), strict=True))


def _logits(model, batch=None, training=False):
    """The logits that the loss is made of."""
    seen, kept = [], model._loss
    model._loss = lambda logits, labels: seen.append(logits.numpy()) or kept(logits, labels)
    model.compute_loss(_batch() if batch is None else batch, training=training)
    model._loss = kept
    return seen[0]


def _cut_requests(batch):
    """Each moment as the request that would have been made then."""
    examples, places = (np.array([moment[i] for moment in MOMENTS]) for i in (0, 1))
    cut = {name: values.numpy()[examples] for name, values in batch.items()}
    known = np.arange(HISTORY_LENGTH) < places[:, np.newaxis]
    cut["history_item_ids"] = np.where(known, cut["history_item_ids"], np.int32(-1))
    cut["history_gaps"] = np.where(known, cut["history_gaps"], np.float32(0))
    return {name: tf.constant(values) for name, values in cut.items()}


ABSENT = {"recency": np.zeros(5, np.float32), "recency_bucket": np.full(5, 3)}


class TestMoments:
    def test_are_those_by_hand(self):
        """A full history has no first moment; no moment has an unknown item for its target."""
        assert _moments() == MOMENTS

    def test_a_batch_without_any_teaches_nothing(self):
        batch = _batch(np.full(2, UNKNOWN), np.full([2, 4], -1))
        assert _shared("mean").compute_loss(batch) == 0.0

    def test_of_a_size_that_graphs_do_not_know(self):
        specs = {name: tf.TensorSpec([None, *x.shape[1:]], x.dtype) for name, x in _batch().items()}
        graph = tf.function(
            lambda batch: find_moments(batch, NUM_ITEMS), input_signature=[specs], autograph=False
        )
        assert [x.tolist() for x in map(np.array, zip(*MOMENTS, strict=True))] == [
            x.numpy().tolist() for x in graph(_batch())
        ]


class TestLoss:
    @pytest.mark.parametrize(("name", "loss"), [("softmax", softmax_loss), ("bpr", bpr_loss)])
    def test_equals_the_oracle(self, name, loss):
        """The whole corpus, the mean of the events so far, and a mean over all moments."""
        model, batch = _model(loss=name), _batch()
        candidates = model.corpus_candidates(tf.range(NUM_ITEMS + 1)).numpy()
        attributes = model.query_tower.encode_attributes(batch).numpy()
        losses = []
        for example, place, target in MOMENTS:
            before = candidates[HISTORIES[example, :place], :-1]
            state = before.mean(axis=0) if place else np.zeros(4)
            gap = batch["history_gaps"].numpy()[example, place - 1] if place else 0.0
            query = model.query_tower(
                tf.constant([state], tf.float32),
                gaps=tf.constant([gap], tf.float32),
                counts=tf.constant([place]),
                others=[attributes[example : example + 1]],
            )
            logits = query.numpy()[0].astype(np.float64) @ candidates[:-1].T
            if name == "softmax":
                losses.append(np.log(np.exp(logits).sum()) - logits[target])
            else:
                rivals = np.delete(logits, target)
                losses.append(np.log1p(np.exp(rivals - logits[target])).mean())
        np.testing.assert_allclose(model.compute_loss(batch), np.mean(losses), rtol=1e-4)

    @pytest.mark.parametrize("kind", KINDS)
    def test_requests_are_answered_as_they_were_taught(self, kind):
        """The last moment's query is that of `query_embeddings`."""
        model = _shared(kind)
        scores = model.query_embeddings(_batch()).numpy() @ model.corpus_embeddings.numpy()[:-1].T
        requests = [example for (example, _, _), last in zip(MOMENTS, IS_REQUEST, strict=True) if last]
        assert requests == [0, 1, 2, 3]
        np.testing.assert_allclose(_logits(model)[IS_REQUEST], scores[requests], atol=1e-4)

    @pytest.mark.parametrize("kind", ["mean", "gru", "cnn"])
    def test_each_moment_is_as_a_request_made_then(self, kind):
        """Not of self-attention, whose positions are counted from the newest event."""
        model = _shared(kind)
        queries = model.query_embeddings(_cut_requests(_batch())).numpy()
        np.testing.assert_allclose(
            _logits(model), queries @ model.corpus_embeddings.numpy()[:-1].T, atol=1e-4
        )

    @pytest.mark.parametrize("kind", KINDS)
    def test_no_moment_reads_its_own_target(self, kind):
        """The last item changes, and so does no logit before it, nor that of the request."""
        model = _shared(kind)
        other = _batch(items=(ITEMS + 1) % NUM_ITEMS)
        np.testing.assert_allclose(_logits(model, other)[: len(MOMENTS) - 1], _logits(model)[:-1], atol=1e-5)

    def test_the_order_of_the_batch_does_not_matter(self):
        model, batch = _shared("gru"), _batch()
        turned = {name: tf.reverse(values, [0]) for name, values in batch.items()}
        np.testing.assert_allclose(model.compute_loss(turned), model.compute_loss(batch), rtol=1e-5)

    def test_in_batch_takes_the_expected_off(self):
        """The full corpus' logits at the step's own targets, corrected."""
        full, sampled = _shared("mean"), _model(sampler="in_batch")
        rows = sorted({target for _, _, target in MOMENTS})
        shares = np.maximum(COUNTS, 1) / np.maximum(COUNTS, 1).sum()
        log_expected = np.log(1 - (1 - shares[rows]) ** len(MOMENTS))
        np.testing.assert_allclose(_logits(sampled), _logits(full)[:, rows] - log_expected, atol=1e-4)

    def test_hard_rivals_are_the_best_that_were_not_seen(self):
        model = _model(sampler="hard", num_hard=2, num_uniform=1)
        rows = model._hard_rows(_batch()).numpy().reshape(len(ITEMS), 2)
        scores = model.query_embeddings(_batch()).numpy() @ model.corpus_embeddings.numpy()[:-1].T
        for row, history in enumerate(HISTORIES):
            scores[row, history[(history >= 0) & (history < UNKNOWN)]] = -np.inf
        np.testing.assert_array_equal(rows, np.argsort(-scores, axis=1)[:, :2])

    def test_every_variable_learns(self):
        """Those of each encoder have a test of their own."""
        model = _model(frozen=False, user_id=True, text_learning_rate=0.1)
        before = [variable.numpy() for variable in model.trainable_variables]
        model.train_step(_batch())
        moved = [np.abs(v.numpy() - x).max() for v, x in zip(model.trainable_variables, before, strict=True)]
        still = [v.name for v, m in zip(model.trainable_variables, moved, strict=True) if m == 0]
        assert still == []


class TestWhatIsLeftOut:
    """While training: times, attributes, ids, and the order of events of one second."""

    def test_history_numbers_are_known_of_the_request_alone(self):
        model = _model(sizes=TIMED)
        moved = np.abs(_logits(model) - _logits(model, _batch(**ABSENT))).max(axis=1) > 1e-4
        np.testing.assert_array_equal(moved, IS_REQUEST)

    def test_moments_inside_lack_them_as_a_request_without_times_does(self):
        model = _model(sizes=TIMED)
        requests = model.query_embeddings(_cut_requests(_batch(**ABSENT))).numpy()
        expected = requests @ model.corpus_embeddings.numpy()[:-1].T
        np.testing.assert_allclose(_logits(model)[~IS_REQUEST], expected[~IS_REQUEST], atol=1e-4)

    def test_time_dropout(self):
        model, other = (_model(sizes=TIMED, time_dropout=share) for share in (0.999999, 0.0))
        unknown = np.full([len(ITEMS), HISTORY_LENGTH], UNKNOWN_GAP, np.float32)
        without = _logits(model, _batch(**ABSENT, history_gaps=unknown))
        np.testing.assert_allclose(_logits(model, training=True), without, atol=1e-4)
        assert np.abs(_logits(model) - without).max() > 1e-3  # only while training
        np.testing.assert_allclose(_logits(other, training=True), _logits(other), atol=1e-5)

    def test_attribute_dropout(self):
        model = _model(sizes=TIMED, attribute_dropout=0.999999)
        changed = _batch(age=np.float32([9, -9, 3, 4, 5]), region=np.array([2, 2, 0, 1, 2]))
        usual, others = (_logits(model, batch, training=True) for batch in (_batch(), changed))
        np.testing.assert_allclose(others, usual, atol=1e-5)
        assert np.abs(_logits(model, changed) - _logits(model)).max() > 1e-3
        width = model.query_tower.encode_attributes(changed).shape[1]
        model.query_tower.encode_attributes = lambda features: tf.zeros([5, width])
        np.testing.assert_allclose(_logits(model), usual, atol=1e-5)

    def test_id_dropout(self):
        """All ids dropped, items alike in all else have the same logits, as candidates and in histories."""
        model = _model(id_dropout=0.999999)
        table = model.item_embedding.weights[0].numpy()
        table[:-1] += 3.0
        usual = _logits(model, training=True)
        model.item_embedding.set_weights([table])
        np.testing.assert_allclose(_logits(model, training=True), usual, atol=1e-5)
        assert np.abs(_logits(model) - usual).max() > 1e-2

    def test_ties_are_shuffled_only_while_training(self):
        batch = _batch(np.full(5, 0), np.tile([1, 2, 3, 4], [5, 1]))
        batch["history_gaps"] = tf.zeros([5, 4])
        model, steady = _shared("gru"), _model("gru", shuffle_ties=False)
        assert np.abs(_logits(model, batch, training=True) - _logits(model, batch)).max() > 1e-3
        np.testing.assert_allclose(_logits(steady, batch, training=True), _logits(steady, batch), atol=1e-5)


def test_users_have_embeddings_if_they_should():
    known, unknown = _model(user_id=True), _shared("mean")
    assert unknown.user_embedding is None
    other = _batch(user_id=np.array([4, 3, 2, 1, 0]))
    assert np.abs(_logits(known, other) - _logits(known)).max() > 1e-3
    np.testing.assert_array_equal(_logits(unknown, other), _logits(unknown))


def test_the_same_seed_trains_the_same_model():
    """With everything that draws: dropouts of all kinds, and a sampler."""

    def train(seed):
        dropping = {"dropout": 0.3, "id_dropout": 0.3, "time_dropout": 0.3, "attribute_dropout": 0.3}
        encoder = {"kind": "self_attention", "blocks": 1, "dropout": 0.3}
        sampler = {"sampler": "hard", "num_uniform": 2, "history_encoder": encoder}
        model = _model(sizes=TIMED, seed=seed, **sampler, **dropping)
        for _ in range(2):
            model.train_step(_batch())
        return [variable.numpy() for variable in model.trainable_variables]

    first, again, other = train(1), train(1), train(2)
    for one, same in zip(first, again, strict=True):
        np.testing.assert_allclose(one, same, rtol=1e-5, atol=1e-6)
    assert any(np.abs(one - x).max() > 1e-3 for one, x in zip(first, other, strict=True))
