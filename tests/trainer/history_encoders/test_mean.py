"""The mean of a history, against NumPy."""

import numpy as np
import tensorflow as tf

from trainer.history_encoders.mean import MeanEncoder
from trainer.precision import computing_in

COUNTS = np.array([4, 0, 1, 6])
PRESENT = np.arange(6) < COUNTS[:, np.newaxis]
EVENTS = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)


def _encode(events, present):
    gaps = tf.zeros(present.shape)
    return MeanEncoder()(tf.constant(events), present=tf.constant(present), gaps=gaps).numpy()


def test_each_state_is_the_mean_of_the_events_so_far():
    states = _encode(EVENTS, PRESENT)
    for row, count in enumerate(COUNTS):
        for place in range(count):
            expected = EVENTS[row, : place + 1].mean(axis=0)
            np.testing.assert_allclose(states[row, place], expected, atol=1e-6)


def test_without_events_it_is_zero():
    np.testing.assert_array_equal(_encode(EVENTS, np.zeros_like(PRESENT))[1], 0)


def test_long_histories_are_not_rounded_off_in_mixed_precision():
    """In bfloat16 a sum of ones stops at 256."""
    with computing_in("mixed"):
        states = _encode(np.ones([1, 600, 2], np.float32), np.ones([1, 600], bool))
    np.testing.assert_allclose(states, 1.0, atol=1e-6)
