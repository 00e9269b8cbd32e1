"""The gated recurrent unit, against NumPy."""

import numpy as np
import tensorflow as tf

from trainer.history_encoders.recurrent import RecurrentEncoder

LENGTH, DIM = 5, 3
EVENTS = np.random.default_rng(0).normal(size=(2, LENGTH, DIM)).astype(np.float32)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_equals_the_oracle():
    """As Cho et al. (2014) have it, the state reset after its product with the matrix."""
    encoder = RecurrentEncoder(dropout=0.0)
    arguments = {"present": tf.ones([2, LENGTH], tf.bool), "gaps": tf.zeros([2, LENGTH])}
    encoder(tf.constant(EVENTS), **arguments)
    rng = np.random.default_rng(1)
    encoder.set_weights([rng.normal(size=w.shape) for w in encoder.get_weights()])
    kernel, recurrent, bias = encoder._unit.get_weights()
    state, expected = np.zeros([2, DIM]), []
    for place in range(LENGTH):
        of_event = np.split(EVENTS[:, place] @ kernel + bias[0], 3, axis=-1)
        of_state = np.split(state @ recurrent + bias[1], 3, axis=-1)
        update, reset = (_sigmoid(of_event[gate] + of_state[gate]) for gate in range(2))
        state = update * state + (1 - update) * np.tanh(of_event[2] + reset * of_state[2])
        expected.append(state)
    states = encoder(tf.constant(EVENTS), **arguments)
    np.testing.assert_allclose(states, np.stack(expected, axis=1), atol=1e-5)
