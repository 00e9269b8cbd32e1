"""Dense vectors as one, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from trainer.vector_encoder import VectorEncoder

SOUNDS = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0], [-1.0, 2.0, 2.0]], np.float32)
IMAGES = np.array([[0.5, 0.5], [100.0, 0.0], [0.0, 0.0]], np.float32)


@pytest.fixture
def encoder():
    return VectorEncoder({"sound": 3, "image": 2}, dim=4)


def _encode(encoder, sounds=SOUNDS, images=IMAGES):
    return encoder({"sound": tf.constant(sounds), "image": tf.constant(images), "not ours": None})


def test_equals_the_oracle(encoder):
    encoded = _encode(encoder).numpy()
    sound, image = (encoder._projections[name].get_weights()[0] for name in ("sound", "image"))
    lengths = [np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6) for x in (SOUNDS, IMAGES)]
    expected = np.concatenate([SOUNDS / lengths[0] @ sound, IMAGES / lengths[1] @ image], axis=1)
    np.testing.assert_allclose(encoded, expected, atol=1e-6)
    assert encoded.shape[1] == encoder.output_dim == 8


def test_the_scale_of_a_vector_does_not_matter(encoder):
    np.testing.assert_allclose(_encode(encoder, SOUNDS * 1000, IMAGES / 100), _encode(encoder), atol=1e-6)


def test_an_absent_vector_stays_zeros_and_trains_nothing(encoder):
    with tf.GradientTape() as tape:
        encoded = _encode(encoder, np.zeros_like(SOUNDS), np.zeros_like(IMAGES))
    np.testing.assert_array_equal(encoded, np.zeros((3, 8)))
    for gradient in tape.gradient(encoded, encoder.trainable_variables):
        np.testing.assert_array_equal(gradient, np.zeros_like(gradient))
