"""Self-attention over a history, against NumPy."""

import math

import numpy as np
import pytest
import tensorflow as tf

from trainer.history_encoders.self_attention import AttentionBlock, SelfAttentionEncoder
from trainer.time_gaps import gap_features

LENGTH, DIM, HEADS = 5, 4, 2
COUNTS = np.array([3, 1, LENGTH])
PRESENT = np.arange(LENGTH) < COUNTS[:, np.newaxis]
EVENTS = np.random.default_rng(0).normal(size=(3, LENGTH, DIM))
GAPS = np.random.default_rng(2).uniform(0.7, 12, (3, LENGTH)) * PRESENT
_ERF = np.vectorize(math.erf)


def _randomised(layer):
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape, scale=0.5) for w in layer.get_weights()])
    return layer


def _norm(layer, x):
    gamma, beta = layer.get_weights()
    x = x - x.mean(axis=-1, keepdims=True)
    return gamma * x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-6) + beta


def _dense(layer, x):
    kernel, bias = layer.get_weights()
    return x @ kernel + bias


def _block(block, states):
    """A block over one history, [n, DIM], head by head and event by event."""
    count, width = len(states), DIM // HEADS
    query, key, value = np.split(_dense(block._query_key_value, _norm(block._norms[0], states)), 3, axis=-1)
    attended = np.zeros([count, DIM])
    for head in range(HEADS):
        part = slice(head * width, (head + 1) * width)
        for place in range(count):
            scores = key[: place + 1, part] @ query[place, part] / np.sqrt(width)
            weights = np.exp(scores) / np.exp(scores).sum()
            attended[place, part] = weights @ value[: place + 1, part]
    states = states + _dense(block._attended, attended)
    hidden = _dense(block._hidden, _norm(block._norms[1], states))
    return states + _dense(block._output, hidden * (1 + _ERF(hidden / np.sqrt(2))) / 2)


@pytest.fixture(scope="module")
def encoder():
    encoder = SelfAttentionEncoder(LENGTH + 1, blocks=2, heads=HEADS, dropout=0.0)
    _encode(encoder)
    return _randomised(encoder)


def _encode(encoder, events=EVENTS, present=PRESENT, gaps=GAPS):
    return encoder(
        tf.constant(events, tf.float32), present=tf.constant(present), gaps=tf.constant(gaps, tf.float32)
    ).numpy()


def test_a_block_equals_the_oracle():
    block = AttentionBlock(HEADS, dropout=0.0)
    causal = tf.linalg.band_part(tf.ones([3, LENGTH, LENGTH], tf.bool), -1, 0)
    states = tf.constant(EVENTS, tf.float32)
    block(states, visible=causal)
    _randomised(block)
    expected = [_block(block, row) for row in EVENTS]
    np.testing.assert_allclose(block(states, visible=causal), expected, atol=1e-4)


def test_the_encoder_equals_the_oracle(encoder):
    states = _encode(encoder)
    positions = encoder._positions.numpy()
    for row, count in enumerate(COUNTS):
        age = np.arange(count)[::-1]
        before = np.append(0.0, GAPS[row, : count - 1]).astype(np.float32)
        x = (EVENTS[row, :count] + positions[age]) * np.sqrt(DIM) / 2
        x = x + _dense(encoder._gaps, gap_features(tf.constant(before)).numpy())
        for block in encoder._blocks:
            x = _block(block, x)
        np.testing.assert_allclose(states[row, :count], _norm(encoder._norm, x), atol=1e-4)


@pytest.mark.parametrize("position", range(LENGTH))
def test_positions_are_counted_from_the_newest(encoder, position):
    """A position moves the event that has as many behind it, and what knows that event."""
    kept, usual = encoder.get_weights(), _encode(encoder)
    positions = encoder._positions.numpy()
    positions[position, 0] += 1.0  # not all values alike, which a norm would take out
    encoder._positions.assign(positions)
    changed = np.abs(_encode(encoder) - usual).max(axis=-1) > 1e-4
    encoder.set_weights(kept)
    has_it = COUNTS[:, np.newaxis] > position
    knows = has_it & (np.arange(LENGTH) >= COUNTS[:, np.newaxis] - 1 - position)
    np.testing.assert_array_equal(changed[PRESENT], knows[PRESENT])


def test_gaps_start_without_a_say():
    encoder = SelfAttentionEncoder(LENGTH, blocks=1, heads=HEADS, dropout=0.0)
    np.testing.assert_array_equal(_encode(encoder, gaps=GAPS + PRESENT), _encode(encoder))


def test_a_history_longer_than_those_it_was_built_for_reads_the_last_position(encoder):
    """Its oldest events are as old as the oldest that there is a position for."""
    long = np.random.default_rng(3).normal(size=[1, 2 * LENGTH, DIM])
    states = _encode(encoder, long, np.ones([1, 2 * LENGTH], bool), np.ones([1, 2 * LENGTH]))
    assert np.isfinite(states).all()
