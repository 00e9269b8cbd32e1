"""A tower's output, against NumPy."""

import numpy as np
import tensorflow as tf

from trainer.towers import Tower

FEATURES = {"region": tf.constant([1, 0, 1, 0]), "age": tf.constant([0.5, -1.0, 0.0, 2.0])}
VECTORS = [tf.random.stateless_normal([4, 3], [0, 1]), tf.random.stateless_normal([4, 2], [0, 2])]


def _tower(dropout=0.0, hidden_dims=(6, 5)):
    return Tower({"region": 2}, ("age",), 2, hidden_dims, output_dim=4, dropout=dropout)


def test_equals_the_oracle():
    tower = _tower()
    output = tower(FEATURES, VECTORS).numpy()
    region = tower._attributes.get_weights()[0][FEATURES["region"]]
    x = np.concatenate([*VECTORS, region, 0.1 * FEATURES["age"][:, np.newaxis]], axis=1)
    for layer in tower._hidden:
        kernel, bias = layer.get_weights()
        x = np.maximum(x @ kernel + bias, 0)
    kernel, bias = tower._output.get_weights()
    x = x @ kernel + bias + VECTORS[0].numpy() @ tower._skip.get_weights()[0]
    np.testing.assert_allclose(output, x / np.linalg.norm(x, axis=1, keepdims=True), atol=1e-5)


def test_length_one():
    output = _tower()(FEATURES, [1000 * vector for vector in VECTORS])
    np.testing.assert_allclose(np.linalg.norm(output, axis=1), 1.0, atol=1e-6)


def test_dropout_only_while_training():
    tower = _tower(dropout=0.5)
    still = tower(FEATURES, VECTORS)
    np.testing.assert_array_equal(tower(FEATURES, VECTORS), still)
    assert np.abs(tower(FEATURES, VECTORS, training=True) - still).max() > 1e-3


def test_no_hidden_layers():
    assert _tower(hidden_dims=())(FEATURES, VECTORS).shape == (4, 4)
