"""Attributes as one vector, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from trainer.attribute_encoder import AttributeEncoder

REGIONS = np.array([1, 0, 1])
GENRES = np.array([[2, 0, 1], [3, -1, -1], [-1, -1, -1]])
AGES = np.array([0.5, -1.25, 0.0], np.float32)


@pytest.fixture
def encoder():
    return AttributeEncoder({"region": 2, "genres": 4}, ("age",), dim=3)


def _features(**changes):
    features = {"region": REGIONS, "genres": GENRES, "age": AGES, "not ours": np.array(["a", "b", "c"])}
    return {name: tf.constant(value) for name, value in (features | changes).items()}


def _table(encoder, name):
    """The embeddings of an attribute."""
    return next(v for v in encoder.trainable_variables if f"/{name}/" in v.name)


def test_equals_the_oracle(encoder):
    encoded = encoder(_features()).numpy()
    region, genres = _table(encoder, "region"), _table(encoder, "genres")
    # The mean over the list's values; none gives zeros.
    means = np.stack([np.mean(genres.numpy()[[2, 0, 1]], axis=0), genres[3], np.zeros(3)])
    expected = np.concatenate([region.numpy()[REGIONS], means, 0.1 * AGES[:, np.newaxis]], axis=1)
    np.testing.assert_allclose(encoded, expected, atol=1e-6)
    assert encoded.shape[1] == encoder.output_dim == 7


def test_padding_does_not_matter(encoder):
    wider = np.pad(GENRES, [(0, 0), (0, 2)], constant_values=-1)
    before = np.array([[0, 2, -1, 1], [-1, -1, 3, -1], [-1, -1, -1, -1]])  # wherever it stands
    expected = encoder(_features())
    np.testing.assert_allclose(encoder(_features(genres=wider)), expected, atol=1e-6)
    np.testing.assert_allclose(encoder(_features(genres=before)), expected, atol=1e-6)


def test_an_empty_list_gives_zeros_and_finite_gradients(encoder):
    with tf.GradientTape() as tape:
        encoded = encoder(_features(genres=np.full([3, 2], -1)))
    np.testing.assert_array_equal(encoded[:, 3:6], np.zeros((3, 3)))
    gradients = tape.gradient(encoded, encoder.trainable_variables)
    assert all(np.isfinite(tf.convert_to_tensor(gradient)).all() for gradient in gradients)


def test_padding_trains_nothing(encoder):
    """-1 reads row 0 of the table; what is read for padding gets no gradient."""
    with tf.GradientTape() as tape:
        encoded = encoder(_features(genres=np.array([[1, -1], [2, -1], [-1, -1]])))
    gradient = tf.convert_to_tensor(tape.gradient(encoded, _table(encoder, "genres"))).numpy()
    np.testing.assert_array_equal(gradient, np.outer([0, 1, 1, 0], np.ones(3)))


def test_an_index_of_minus_one_gives_zeros(encoder):
    """As an unknown item has of a cross."""
    encoded = encoder(_features(region=np.array([-1, 0, -1]))).numpy()
    expected = _table(encoder, "region").numpy()[[0, 0, 0]] * [[0], [1], [0]]
    np.testing.assert_allclose(encoded[:, :3], expected, atol=1e-6)


def test_numbers_alone():
    encoder = AttributeEncoder({}, ("age",), dim=3)
    np.testing.assert_allclose(encoder(_features()), 0.1 * AGES[:, np.newaxis], rtol=1e-6)
    assert encoder.output_dim == 1
