"""The fused order: NumPy's standardisation, and weights that are learnt."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline.config.training import FusionConfig
from serving.fusion import FusionModel, standardised
from serving.train_fusion import FusionModule, Lists, fit_fusion

SOURCES = ("good", "noise", "small")


def test_standardised_is_numpys_over_the_valid_ones():
    rng = np.random.default_rng(0)
    scores = rng.normal(3.0, 5.0, [4, 6, 2]).astype(np.float32)
    valid = rng.random([4, 6]) < 0.7
    valid[3] = False
    result = standardised(tf.constant(scores), tf.constant(valid)).numpy()
    for query in range(3):
        chosen = scores[query][valid[query]]
        expected = (chosen - chosen.mean(axis=0)) / chosen.std(axis=0)
        np.testing.assert_allclose(result[query][valid[query]], expected, atol=1e-5)
    assert not result[~valid].any()


def test_a_source_that_says_the_same_of_all_says_nothing():
    result = standardised(tf.fill([1, 3, 1], 7.0), tf.ones([1, 3], tf.bool)).numpy()
    assert not result.any()


def test_an_untrained_fusion_is_the_plain_sum():
    model = FusionModel(SOURCES, hidden_dim=4)
    features = np.random.default_rng(0).normal(size=[2, 5, 3]).astype(np.float32)
    scores = model(tf.constant(features), tf.zeros([2])).numpy()
    np.testing.assert_allclose(scores, 0.5 * features.sum(axis=-1), atol=1e-6)


def _lists(num=400, candidates=12, seed=0):
    """The item that was taken has the best score of `good`; for users with a history `small` says it too."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=[num, candidates, 3]).astype(np.float32)
    labels = rng.integers(0, candidates, num).astype(np.int32)
    features[np.arange(num), labels, 0] += 1.5
    evidence = np.where(np.arange(num) % 2, 4.0, 0.0).astype(np.float32)
    features[np.arange(num), labels, 2] += np.where(evidence > 0, 2.0, -2.0)
    return Lists(features, np.ones([num, candidates], bool), labels, evidence, np.arange(num))


def _fit(seed=0):
    model = FusionModel(SOURCES, hidden_dim=8, seed=seed)
    figures = fit_fusion(model, _lists(), _lists(seed=1), FusionConfig(epochs=40, learning_rate=0.02), seed)
    return model, figures


@pytest.fixture(scope="module")
def fitted():
    return _fit()


def test_it_beats_every_source_alone(fitted):
    _, figures = fitted
    assert figures["fusion"] > max(figures[name] for name in SOURCES) + 0.1


def test_weights_follow_the_evidence(fitted):
    """What `small` says counts for a user with a history, and against the candidate without one."""
    model, _ = fitted
    features = np.random.default_rng(2).normal(size=[1, 200, 3]).astype(np.float32)
    more = features + np.array([0.0, 0.0, 1.0], np.float32)
    for evidence, sign in ((0.0, -1.0), (4.0, 1.0)):
        told = tf.constant([evidence])
        gain = (model(tf.constant(more), told) - model(tf.constant(features), told)).numpy()
        assert sign * gain.mean() > 0.2


def test_the_same_seed_gives_the_same_weights(fitted):
    model, figures = fitted
    again, figures_again = _fit()
    assert figures == figures_again
    for one, other in zip(model.variables, again.variables, strict=True):
        np.testing.assert_array_equal(one, other)


def test_saved_and_loaded(fitted, tmp_path):
    model, _ = fitted
    tf.saved_model.save(FusionModule(model), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    lists = _lists(num=5)
    expected = model(tf.constant(lists.features), tf.constant(lists.evidence))
    order = loaded.order(tf.constant(lists.features), tf.constant(lists.evidence))
    np.testing.assert_allclose(order, expected, atol=1e-6)
    assert [name.decode() for name in loaded.sources.numpy()] == list(SOURCES)


def test_what_is_not_valid_is_no_rival():
    lists = _lists(num=50)
    valid = lists.valid.copy()
    valid[:] = False
    valid[np.arange(50), lists.labels] = True
    alone = Lists(lists.features, valid, lists.labels, lists.evidence, lists.users)
    figures = fit_fusion(FusionModel(SOURCES, 4), alone, alone, FusionConfig(epochs=1), 0)
    assert figures == pytest.approx({name: 1.0 for name in (*SOURCES, "fusion")})


def test_a_fusion_that_few_examples_teach_is_no_worse_than_the_best_source():
    """Of thirty sources one knows a little, the others nothing; a few dozen lists do not tell which."""
    rng = np.random.default_rng(0)
    num_lists, num_candidates, num_sources = 60, 50, 30

    def lists():
        labels = rng.integers(0, num_candidates, num_lists).astype(np.int32)
        features = rng.normal(size=[num_lists, num_candidates, num_sources]).astype(np.float32)
        features[np.arange(num_lists), labels, 7] += 2.0
        everything = np.ones([num_lists, num_candidates], bool)
        return Lists(features, everything, labels, np.ones(num_lists, np.float32), np.arange(num_lists))

    names = [f"s{place}" for place in range(num_sources)]
    model, validation = FusionModel(names, 4), lists()
    figures = fit_fusion(model, lists(), validation, FusionConfig(epochs=3), seed=0)
    assert max(names, key=lambda name: figures[name]) == "s7"
    assert figures["fusion"] >= figures["s7"] > 2 * figures["s1"]
    answers = model(tf.constant(validation.features), tf.constant(validation.evidence)).numpy()
    own = np.take_along_axis(answers, validation.labels[:, np.newaxis], 1)
    ranks = (answers >= own).sum(axis=1) - 1
    kept = np.where(ranks < 10, 1 / np.log2(ranks + 2.0), 0).mean()
    np.testing.assert_allclose(kept, figures["fusion"], rtol=1e-5)  # its weights are those that were best
