"""The towers' outputs, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from schemas.features import UNKNOWN_GAP
from trainer.time_gaps import NUM_GAP_FEATURES, gap_features
from trainer.towers import CandidateTower, QueryTower, ResidualPerceptron

DIM, BATCH = 4, 5
RNG = np.random.default_rng(0)
IDS = RNG.normal(size=[BATCH, DIM]).astype(np.float32)
TEXTS = RNG.normal(size=[BATCH, 3]).astype(np.float32)
FEATURES = {
    "region": np.array([1, 0, 1, 0, 1]),
    "age": np.array([0.5, -1.0, 0.0, 2.0, 1.0], np.float32),
    "sound": RNG.normal(size=[BATCH, 3]).astype(np.float32),
}
GAPS = np.log1p([0, 30, 600, 86400, 5]).astype(np.float32)
COUNTS = np.array([3, 1, 2, 50, 0], np.int32)
TEMPERATURE = 0.25


def _unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _randomised(layer):
    """Its weights far from where they start, biases and zeros too."""
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape, scale=0.7) for w in layer.get_weights()])
    return layer


def _perceptron(perceptron, parts):
    """A residual perceptron in NumPy."""
    x = np.concatenate(parts, axis=1)
    for layer in perceptron._hidden:
        kernel, bias = layer.get_weights()
        x = np.maximum(x @ kernel + bias, 0)
    kernel, bias = perceptron._output.get_weights()
    return parts[0] + x @ kernel + bias


def _attributes(encoder):
    return encoder({name: tf.constant(values) for name, values in FEATURES.items()}).numpy()


class TestResidualPerceptron:
    PARTS = (IDS, TEXTS)

    def test_starts_as_its_first_vector(self):
        perceptron = ResidualPerceptron((6, 5), dropout=0.0)
        np.testing.assert_array_equal(perceptron(self.PARTS), IDS)

    def test_equals_the_oracle(self):
        perceptron = ResidualPerceptron((6, 5), dropout=0.0)
        perceptron(self.PARTS)
        _randomised(perceptron)
        np.testing.assert_allclose(perceptron(self.PARTS), _perceptron(perceptron, self.PARTS), rtol=1e-4)

    def test_no_hidden_layers(self):
        perceptron = ResidualPerceptron((), dropout=0.0)
        perceptron(self.PARTS)
        _randomised(perceptron)
        np.testing.assert_allclose(perceptron(self.PARTS), _perceptron(perceptron, self.PARTS), rtol=1e-4)

    def test_dropout_only_while_training(self):
        perceptron = ResidualPerceptron((6,), dropout=0.5)
        perceptron(self.PARTS)
        still = _randomised(perceptron)(self.PARTS)
        np.testing.assert_array_equal(perceptron(self.PARTS), still)
        assert np.abs(perceptron(self.PARTS, training=True) - still).max() > 1e-3


class TestCandidateTower:
    def _tower(self, vector_widths, reads_text=True):
        tower = CandidateTower({"region": 2}, ("age",), vector_widths, 2, 3, (6,), 0.0, reads_text)
        self._call(tower)
        return _randomised(tower)

    def _call(self, tower, ids=IDS, texts=TEXTS):
        return tower(tf.constant(ids), features=FEATURES, text_embeddings=tf.constant(texts)).numpy()

    @pytest.mark.parametrize("vector_widths", [{}, {"sound": 3}])
    def test_equals_the_oracle(self, vector_widths):
        tower = self._tower(vector_widths)
        kernel, bias = tower._text.get_weights()
        parts = [IDS, TEXTS @ kernel + bias, _attributes(tower._attributes)]
        if vector_widths:
            parts.append(tower._vectors({"sound": tf.constant(FEATURES["sound"])}).numpy())
        expected = _unit(_perceptron(tower._perceptron, parts))
        np.testing.assert_allclose(self._call(tower), expected, atol=1e-5)

    @pytest.mark.parametrize("reads_text", [True, False])
    def test_texts_say_something_if_they_are_read(self, reads_text):
        tower = self._tower({}, reads_text)
        difference = np.abs(self._call(tower, texts=TEXTS + 1.0) - self._call(tower)).max()
        assert (difference > 1e-3) == reads_text

    def test_length_one(self):
        output = self._call(self._tower({"sound": 3}), 1000 * IDS)
        np.testing.assert_allclose(np.linalg.norm(output, axis=1), 1.0, atol=1e-6)

    def test_starts_as_the_direction_of_the_id(self):
        tower = CandidateTower({"region": 2}, ("age",), {}, 2, 3, (6,), dropout=0.0)
        np.testing.assert_allclose(self._call(tower), _unit(IDS), atol=1e-6)


class TestQueryTower:
    @pytest.fixture(scope="class")
    def tower(self):
        tower = QueryTower({"region": 2}, ("age",), 2, (6,), 0.0, TEMPERATURE)
        self._call(tower)
        temperature = tower._log_temperature.numpy()
        _randomised(tower)._log_temperature.assign(temperature)
        return tower

    def _call(self, tower, gaps=GAPS, counts=COUNTS, scale=1.0):
        return tower(
            tf.constant(scale * IDS), gaps=tf.constant(gaps), counts=tf.constant(counts), others=[TEXTS]
        ).numpy()

    def test_equals_the_oracle(self, tower):
        known = (COUNTS > 0).astype(np.float32)[:, np.newaxis]
        time = gap_features(tf.constant(GAPS)).numpy() * known
        direction = _unit(_perceptron(tower._perceptron, [IDS, time, known, TEXTS]))
        kernel, bias = tower._popularity.get_weights()
        evidence = np.concatenate([np.log1p(COUNTS)[:, np.newaxis], known, time], axis=1)
        popularity = np.log1p(np.exp(evidence @ kernel + bias))
        expected = np.concatenate([direction / TEMPERATURE, popularity], axis=1)
        np.testing.assert_allclose(self._call(tower), expected, atol=1e-4)

    def test_directions_have_the_length_of_one_over_the_temperature(self, tower):
        output = self._call(tower, scale=1000.0)
        np.testing.assert_allclose(np.linalg.norm(output[:, :-1], axis=1), 1 / TEMPERATURE, rtol=1e-5)
        np.testing.assert_allclose(tower.temperature, TEMPERATURE, rtol=1e-6)

    def test_popularity_never_counts_against_an_item(self, tower):
        assert (self._call(tower)[:, -1] > 0).all()

    def test_without_a_history_the_time_does_not_matter(self, tower):
        """The last query has none."""
        moved = np.abs(self._call(tower, GAPS + 2.0) - self._call(tower)).max(axis=1) > 1e-4
        assert moved.tolist() == [True, True, True, True, False]

    def test_evidence_changes_the_weight_of_popularity(self, tower):
        few, many = self._call(tower), self._call(tower, counts=COUNTS * 10)
        assert ((few[:, -1] != many[:, -1]) == (COUNTS > 0)).all()
        np.testing.assert_array_equal(few[:, :-1], many[:, :-1])

    def test_attributes_are_those_of_its_encoder(self, tower):
        encoded = tower.encode_attributes({name: tf.constant(x) for name, x in FEATURES.items()})
        np.testing.assert_array_equal(encoded, _attributes(tower._attributes))
        assert encoded.shape == (BATCH, 3)


def test_gap_features():
    """Its number, and whether it is the same second, within a minute, over an hour; zeros if unknown."""
    seconds = np.array([[0, 1, 59, 61], [3599, 3601, 86400, 10**8]])
    gaps = np.log1p(seconds).astype(np.float32)
    features = gap_features(tf.constant(gaps)).numpy()
    assert features.shape == (2, 4, NUM_GAP_FEATURES)
    kinds = np.stack([seconds == 0, seconds < 60, seconds > 3600], axis=-1)
    np.testing.assert_array_equal(features[..., 1:], kinds)
    np.testing.assert_allclose(features[..., 0], np.log1p(seconds) / 10, rtol=1e-5)
    assert features[..., 0].max() < 2
    assert gap_features(tf.constant([UNKNOWN_GAP])).numpy().tolist() == [[0] * NUM_GAP_FEATURES]
