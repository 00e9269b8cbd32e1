"""Which candidates a step has, and how often, against simulations."""

import numpy as np
import pytest
import tensorflow as tf

from trainer.graphs import graph_function
from trainer.losses import softmax_loss
from trainer.samplers import FullSampler, InBatchSampler, build_sampler

COUNTS = np.array([40, 20, 10, 5, 2, 1, 0, 0])
NUM_ITEMS, NUM_TARGETS, NUM_UNIFORM = len(COUNTS), 6, 3
TARGETS = tf.constant([1, 0, 1, 5], tf.int32)
HARD = tf.constant([7, 3, 7], tf.int32)
KINDS = ["full", "in_batch", "mixed", "hard"]
_NONE = tf.zeros([0], tf.int32)


def _draw(sampler, targets=TARGETS, hard=HARD, seed=0):
    drawn = sampler.draw(targets, hard, tf.random.Generator.from_seed(seed))
    return drawn.rows.numpy(), drawn.log_expected.numpy()


@pytest.mark.parametrize("kind", KINDS)
class TestEverySampler:
    def test_rows_are_distinct_and_rising_and_hold_every_target(self, kind):
        sampler = build_sampler(kind, COUNTS, NUM_UNIFORM)
        for seed in range(20):
            rows, log_expected = _draw(sampler, seed=seed)
            assert (np.diff(rows) > 0).all()
            assert set(TARGETS.numpy()) <= set(rows.tolist()) <= set(range(NUM_ITEMS))
            assert rows.dtype == np.int32
            assert log_expected.dtype == np.float32
            assert log_expected.shape == rows.shape
            assert (log_expected <= 0).all()
            assert np.isfinite(log_expected).all()

    def test_the_same_seed_draws_the_same(self, kind):
        sampler = build_sampler(kind, COUNTS, NUM_UNIFORM)
        for one, other in zip(_draw(sampler, seed=3), _draw(sampler, seed=3), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_in_a_graph_with_sizes_that_it_does_not_know(self, kind):
        sampler, generator = build_sampler(kind, COUNTS, NUM_UNIFORM), tf.random.Generator.from_seed(0)
        spec = tf.TensorSpec([None], tf.int32)
        graph = tf.function(
            lambda targets, hard: sampler.draw(targets, hard, generator),
            input_signature=[spec, spec],
            autograph=False,
        )
        rows, log_expected = graph(TARGETS, HARD)
        np.testing.assert_array_equal(rows, _draw(sampler)[0])
        np.testing.assert_array_equal(log_expected, _draw(sampler)[1])

    def test_a_corpus_of_one_item(self, kind):
        rows, log_expected = _draw(build_sampler(kind, np.array([3]), 2), tf.constant([0, 0]), _NONE)
        assert rows.tolist() == [0]
        np.testing.assert_allclose(log_expected, 0.0, atol=1e-5)


def test_all_that_somebody_engaged_with_is_sure():
    rows, log_expected = _draw(FullSampler(COUNTS))
    assert rows.tolist() == np.flatnonzero(COUNTS).tolist()
    assert log_expected.tolist() == [0] * len(rows)


def test_what_nobody_engaged_with_is_a_candidate_only_as_a_target():
    rows, log_expected = _draw(FullSampler(COUNTS), tf.constant([2, 7, 2]))
    assert rows.tolist() == [*np.flatnonzero(COUNTS), 7]
    assert log_expected.tolist() == [0] * len(rows)


def test_in_batch_are_the_targets_alone():
    rows, _ = _draw(build_sampler("in_batch", COUNTS, NUM_UNIFORM))
    assert rows.tolist() == [0, 1, 5]


@pytest.mark.parametrize("num_uniform", [0, 1, NUM_UNIFORM])
def test_expected_is_the_frequency_of_many_steps(num_uniform):
    """Targets drawn by their shares of the log, and as many items evenly."""
    rng, steps = np.random.default_rng(0), 100_000
    shares = np.maximum(COUNTS, 1) / np.maximum(COUNTS, 1).sum()
    targets = rng.choice(NUM_ITEMS, [steps, NUM_TARGETS], p=shares)
    uniform = rng.integers(0, NUM_ITEMS, [steps, num_uniform])
    drawn = np.concatenate([targets, uniform], axis=1)
    frequency = (drawn[..., np.newaxis] == np.arange(NUM_ITEMS)).any(axis=1).mean(axis=0)
    sampler = InBatchSampler(np.maximum(COUNTS, 1), num_uniform)
    # A step whose targets are all items but the last two.
    rows, log_expected = _draw(sampler, tf.range(NUM_ITEMS - 2), _NONE)
    np.testing.assert_allclose(np.exp(log_expected), frequency[rows], rtol=0.05)


def test_uniform_draws_reach_every_item_and_are_as_often_as_expected():
    sampler, targets = InBatchSampler(COUNTS, NUM_UNIFORM), tf.constant([0], tf.int32)
    generator = tf.random.Generator.from_seed(1)
    draw = tf.function(lambda: sampler.draw(targets, _NONE, generator).rows, autograph=False)
    steps = 400
    found = np.bincount(np.concatenate([draw().numpy() for _ in range(steps)]), minlength=NUM_ITEMS) / steps
    expected = 1 - (1 - 1 / NUM_ITEMS) ** NUM_UNIFORM
    assert found[0] == 1
    np.testing.assert_allclose(found[1:], expected, atol=4 * np.sqrt(expected / steps))


class TestHard:
    def test_rows_are_there_and_sure(self):
        rows, log_expected = _draw(build_sampler("hard", COUNTS, NUM_UNIFORM))
        sure = np.isin(rows, HARD)
        assert sure.sum() == 2
        assert (log_expected[sure] == 0).all()
        assert (log_expected[~sure] < -0.01).all()

    def test_other_samplers_do_not_read_them(self):
        for kind in ("in_batch", "mixed"):
            with_hard, without = (_draw(build_sampler(kind, COUNTS, 1), hard=hard) for hard in (HARD, _NONE))
            for one, other in zip(with_hard, without, strict=True):
                np.testing.assert_array_equal(one, other)

    def test_without_any_it_is_as_mixed(self):
        hard, mixed = (_draw(build_sampler(kind, COUNTS, 2), hard=_NONE) for kind in ("hard", "mixed"))
        for one, other in zip(hard, mixed, strict=True):
            np.testing.assert_array_equal(one, other)


def test_an_item_that_is_the_whole_log_is_finite():
    _, log_expected = _draw(InBatchSampler(np.array([10**9, 0, 0])), tf.constant([0, 1]), _NONE)
    assert np.isfinite(log_expected).all()


def _learnt(sampler, counts, corrected):
    """Scores that a softmax over a sampler's draws learns of planted popularities, six positives a step."""
    generator = tf.random.Generator.from_seed(0)
    scores, total = tf.Variable(tf.zeros(len(counts))), tf.Variable(tf.zeros(len(counts)))
    log_shares = tf.math.log(tf.constant(counts / counts.sum(), tf.float32))[tf.newaxis]

    @graph_function
    def step(rate):
        targets = tf.random.stateless_categorical(log_shares, 6, generator.make_seeds()[:, 0], tf.int32)[0]
        drawn = sampler.draw(targets, _NONE, generator)
        with tf.GradientTape() as tape:
            logits = tf.gather(scores, drawn.rows) - corrected * drawn.log_expected
            labels = tf.searchsorted(drawn.rows, targets)
            loss = tf.reduce_mean(softmax_loss(tf.repeat(logits[tf.newaxis], 6, axis=0), labels))
        scores.assign_sub(rate * tf.convert_to_tensor(tape.gradient(loss, scores)))
        total.assign_add(scores)

    for rate, steps in ((0.5, 1000), (0.1, 1000)):
        total.assign(tf.zeros_like(total))
        for _ in range(steps):
            step(tf.constant(rate))
    learnt = total.numpy() / steps
    return learnt - learnt.mean()


POPULARITY = np.array([400, 200, 100, 50, 25, 12])


@pytest.mark.parametrize("kind", ["full", "in_batch", "mixed"])
def test_the_correction_recovers_a_planted_popularity(kind):
    """The scores are those of a softmax over everything: the logarithm of how often each item is next."""
    learnt = _learnt(build_sampler(kind, POPULARITY, 2), POPULARITY, corrected=1.0)
    expected = np.log(POPULARITY) - np.log(POPULARITY).mean()
    np.testing.assert_allclose(learnt, expected, atol=0.4)


def test_without_the_correction_popular_items_are_punished():
    """Each is a positive about as often as it is there, so that all are nearly alike."""
    learnt = _learnt(build_sampler("in_batch", POPULARITY, 2), POPULARITY, corrected=0.0)
    assert np.ptp(learnt) < 0.5 * np.ptp(np.log(POPULARITY))
