"""What a candidate finds in a history: the layer against NumPy, and a planted item."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.trainer.small_bert import unit
from trainer.target_attention import TargetAttention

B, K, L, WIDTH, HEADS, DIM, M = 3, 2, 4, 5, 2, 3, 2
RNG = np.random.default_rng(4)
CANDIDATES = unit(RNG.normal(size=[B, K, WIDTH])).astype(np.float32)
HISTORY = unit(RNG.normal(size=[B, L, WIDTH])).astype(np.float32)
MARKS = RNG.normal(size=[B, L, M]).astype(np.float32)
PRESENT = np.array([[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0]], np.float32)


@pytest.fixture
def layer():
    layer = TargetAttention(HEADS, DIM)
    layer(CANDIDATES, HISTORY, MARKS, PRESENT)
    layer.set_weights([RNG.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def _oracle(layer, b, k):
    """One candidate, head by head and event by event."""
    query, key, content = (
        x.get_weights()[0].reshape(WIDTH, HEADS, DIM).astype(np.float64)
        for x in (layer._query, layer._key, layer._content)
    )
    kernel, bias = layer._marks.get_weights()
    answer = []
    events = np.flatnonzero(PRESENT[b])
    for head in range(HEADS):
        scores = np.array(
            [
                (CANDIDATES[b, k] @ query[:, head]) @ (HISTORY[b, event] @ key[:, head]) / np.sqrt(DIM)
                + layer._scale.numpy()[head] * CANDIDATES[b, k] @ HISTORY[b, event]
                + MARKS[b, event] @ kernel[:, head]
                + bias[head]
                for event in events
            ]
        )
        weights = np.exp(scores) / (np.exp(scores).sum() + 1.0)
        contents = (HISTORY[b, events] @ content[:, head]).reshape(-1, DIM)
        answer += [weights @ contents, weights @ MARKS[b, events], [weights.sum()]]
    return np.concatenate(answer)


def test_equals_the_oracle(layer):
    actual = layer(CANDIDATES, HISTORY, MARKS, PRESENT).numpy()
    assert actual.shape == (B, K, HEADS * (DIM + M + 1))
    for b in range(B):
        for k in range(K):
            np.testing.assert_allclose(actual[b, k], _oracle(layer, b, k), atol=1e-4)


def test_an_empty_history_answers_with_zeros(layer):
    np.testing.assert_array_equal(layer(CANDIDATES, HISTORY, MARKS, PRESENT)[2], 0.0)


def test_what_is_not_there_has_no_influence(layer):
    changed = np.where(PRESENT[..., np.newaxis] > 0, HISTORY, 1e3).astype(np.float32)
    marks = np.where(PRESENT[..., np.newaxis] > 0, MARKS, 1e3).astype(np.float32)
    expected = layer(CANDIDATES, HISTORY, MARKS, PRESENT)
    np.testing.assert_array_equal(layer(CANDIDATES, changed, marks, PRESENT), expected)


def test_starts_at_the_nearest_items_marks():
    """Before training a head weighs by similarity: an equal item counts e^5 times as much as nothing."""
    layer = TargetAttention(1, DIM)
    layer(CANDIDATES, HISTORY, MARKS, PRESENT)
    for part in (layer._query, layer._key):
        part.set_weights([np.zeros([WIDTH, DIM])])
    history = np.zeros_like(HISTORY)
    history[:, 1] = CANDIDATES[:, 0]
    answer = layer(CANDIDATES, history, MARKS, np.ones_like(PRESENT)).numpy()[:, 0]
    expected = (np.exp(5) * MARKS[:, 1] + MARKS.sum(axis=1) - MARKS[:, 1]) / (np.exp(5) + L)
    np.testing.assert_allclose(answer[:, DIM : DIM + M], expected, rtol=1e-4)


def test_huge_scores_stay_finite(layer):
    layer._scale.assign([1e4, -1e4])
    assert np.isfinite(layer(CANDIDATES, HISTORY, MARKS, PRESENT)).all()


@pytest.mark.parametrize(("heads", "dim"), [(0, 3), (2, 0)])
def test_bad_arguments(heads, dim):
    with pytest.raises(ValueError, match=f"got {heads} of width {dim}"):
        TargetAttention(heads, dim)


def test_finds_the_planted_item():
    """The label is the value of that item of the history that the candidate is the partner of.

    Items 2 n and 2 n + 1 are partners, and their embeddings independent: similarity does not say so.
    """
    rng, num_items = np.random.default_rng(0), 8
    embeddings = unit(rng.normal(size=[num_items, num_items])).astype(np.float32)
    history = np.stack([rng.permutation(num_items)[:4] for _ in range(600)])
    place = rng.integers(0, 4, 600)
    candidates = (history[np.arange(600), place] ^ 1)[:, np.newaxis]
    values = rng.normal(size=[600, 4, 1]).astype(np.float32)
    labels = values[np.arange(600), place]
    attention, head = TargetAttention(2, 8), tf_keras.layers.Dense(1)
    inputs = [
        tf.constant(x) for x in (embeddings[candidates], embeddings[history], values, np.ones([600, 4]))
    ]
    inputs[-1] = tf.cast(inputs[-1], tf.float32)
    head(attention(*inputs))
    variables = attention.trainable_variables + head.trainable_variables
    optimizer = tf_keras.optimizers.Adam(0.02)
    optimizer.build(variables)

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(head(attention(*inputs))[:, 0] - labels))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    losses = [float(step()) for _ in range(300)]
    assert losses[0] > 0.5
    assert losses[-1] < 0.05
