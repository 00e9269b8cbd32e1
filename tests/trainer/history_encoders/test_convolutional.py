"""Causal convolutions over a history."""

import numpy as np
import pytest
import tensorflow as tf

from trainer.history_encoders.convolutional import ConvolutionalEncoder

LENGTH, DIM = 18, 3
EVENTS = np.random.default_rng(0).normal(size=(1, LENGTH, DIM)).astype(np.float32)


def _encode(encoder, events=EVENTS):
    present, gaps = tf.ones([1, LENGTH], tf.bool), tf.zeros([1, LENGTH])
    return encoder(tf.constant(events), present=present, gaps=gaps).numpy()[0]


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_the_reach_doubles_with_each_convolution(blocks):
    encoder = ConvolutionalEncoder(blocks, dropout=0.0)
    usual = _encode(encoder)
    reach = 2 ** (blocks + 1) - 1  # events that the newest state knows, its own among them
    events = EVENTS.copy()
    events[0, 0] += 1.0
    moved = np.abs(_encode(encoder, events) - usual).max(axis=-1) > 0
    assert moved[:reach].sum() >= reach - 3  # rectifiers may hide some; one convolution less hides half
    assert not moved[reach:].any()


def test_one_convolution_equals_the_oracle():
    encoder = ConvolutionalEncoder(1, dropout=0.0)
    _encode(encoder)
    rng = np.random.default_rng(1)
    encoder.set_weights([rng.normal(size=w.shape) for w in encoder.get_weights()])
    gamma, beta = encoder._norms[0].get_weights()
    x = EVENTS[0] - EVENTS[0].mean(axis=-1, keepdims=True)
    x = gamma * x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-6) + beta
    kernel, bias = encoder._convolutions[0].get_weights()
    padded = np.concatenate([np.zeros([2, DIM]), x])
    added = [np.einsum("wi,wio->o", padded[place : place + 3], kernel) + bias for place in range(LENGTH)]
    np.testing.assert_allclose(_encode(encoder), EVENTS[0] + np.maximum(added, 0), atol=1e-5)
