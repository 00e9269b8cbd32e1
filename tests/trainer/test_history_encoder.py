"""History encoders against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from trainer.history_encoder import AttentionHistoryEncoder, MeanHistoryEncoder, build_history_encoder

LENGTH, DIM = 5, 3
# From no history to the longest.
COUNTS = np.array([3, 0, 1, LENGTH, 2])
PRESENT = np.arange(LENGTH) < COUNTS[:, np.newaxis]
EMBEDDINGS = np.random.default_rng(0).normal(size=(len(COUNTS), LENGTH, DIM)).astype(np.float32)
# From a second to ten years, as logarithms, the oldest first.
AGES = np.random.default_rng(2).uniform(0.7, 19.6, (len(COUNTS), LENGTH)).astype(np.float32)
AGES = np.sort(AGES, axis=1)[:, ::-1]


def _encoder(kind, max_length=LENGTH):
    """A built encoder whose weights are all random, the biases too."""
    encoder = build_history_encoder(kind, max_length)
    _encode(encoder)
    rng = np.random.default_rng(1)
    encoder.set_weights([rng.normal(size=weight.shape) for weight in encoder.get_weights()])
    return encoder


def _encode(encoder, embeddings=EMBEDDINGS, present=PRESENT, ages=AGES):
    return encoder(tf.constant(embeddings), tf.constant(present), tf.constant(ages)).numpy()


def _mean(items, ages, encoder):
    return items.mean(axis=0)


def _attention(items, times, encoder):
    """Attention from the newest item, one history at a time, as its docstring has it."""
    (query, query_bias), (key, key_bias) = encoder._query.get_weights(), encoder._key.get_weights()
    ages = np.arange(len(items))[::-1]
    keys = (items + encoder._age_embeddings.numpy()[ages]) @ key + key_bias
    scores = keys @ (items[-1] @ query + query_bias) / np.sqrt(DIM) + encoder._age_bias.numpy()[ages]
    kernel, bias = encoder._time.get_weights()
    time = np.tanh((times[:, np.newaxis] - np.log(86400)) / 4 * kernel + bias)
    kernel, bias = encoder._time_query.get_weights()
    scores += time @ (items[-1] @ kernel + bias)
    shares = np.exp(scores - scores.max())
    return np.concatenate([shares / shares.sum() @ items, items[-1]])


@pytest.mark.parametrize(("kind", "oracle"), [("mean", _mean), ("attention", _attention)])
def test_equals_the_oracle(kind, oracle):
    encoder = _encoder(kind)
    encoded = _encode(encoder)
    for row, count in enumerate(COUNTS):
        if count:
            items, times = (x[row, :count].astype(np.float64) for x in (EMBEDDINGS, AGES))
            expected = oracle(items, times, encoder)
            np.testing.assert_allclose(encoded[row], expected, atol=1e-5)


@pytest.mark.parametrize(("kind", "width"), [("mean", DIM), ("attention", 2 * DIM)])
class TestEveryEncoder:
    def test_shape(self, kind, width):
        encoded = _encode(_encoder(kind))
        assert encoded.shape == (len(COUNTS), width)

    def test_no_history_gives_zeros(self, kind, width):
        encoded = _encode(_encoder(kind), present=np.zeros_like(PRESENT))
        np.testing.assert_array_equal(encoded, np.zeros((len(COUNTS), width)))

    def test_padding_content_does_not_matter(self, kind, width):
        encoder = _encoder(kind)
        garbage = np.where(PRESENT[..., np.newaxis], EMBEDDINGS, np.float32(1e6))
        assert (garbage != EMBEDDINGS).any()
        never = np.where(PRESENT, AGES, np.float32(0))
        np.testing.assert_array_equal(_encode(encoder, garbage, ages=never), _encode(encoder))

    def test_the_amount_of_padding_does_not_matter(self, kind, width):
        encoder = _encoder(kind)
        short = slice(0, 1), slice(0, COUNTS[0])
        whole = _encode(encoder, EMBEDDINGS[:1], PRESENT[:1], AGES[:1])
        cut = _encode(encoder, EMBEDDINGS[short], PRESENT[short], AGES[short])
        np.testing.assert_allclose(cut, whole, atol=1e-6)

    def test_histories_do_not_mix(self, kind, width):
        encoder = _encoder(kind)
        batch = _encode(encoder)
        reverse = _encode(encoder, EMBEDDINGS[::-1], PRESENT[::-1], AGES[::-1])
        np.testing.assert_allclose(reverse[::-1], batch, atol=1e-6)

    def test_gradients_are_finite_without_a_history(self, kind, width):
        encoder, embeddings = _encoder(kind), tf.constant(EMBEDDINGS)
        with tf.GradientTape() as tape:
            tape.watch(embeddings)
            loss = tf.reduce_sum(encoder(embeddings, tf.zeros_like(PRESENT), tf.zeros_like(AGES)))
        assert np.isfinite(tape.gradient(loss, embeddings)).all()


def test_attention_minds_the_order_and_the_mean_does_not():
    full, present, ages = EMBEDDINGS[3:4], PRESENT[3:4], AGES[3:4]
    turned = full[:, ::-1]
    mean, attention = _encoder("mean"), _encoder("attention")
    differences = [
        np.abs(_encode(encoder, turned, present, ages) - _encode(encoder, full, present, ages)).max()
        for encoder in (mean, attention)
    ]
    assert differences[0] < 1e-6
    assert differences[1] > 0.1


def test_attention_minds_the_time_that_passed_and_the_mean_does_not():
    attention, mean = _encoder("attention"), _encoder("mean")
    turned = AGES[:, ::-1]
    np.testing.assert_array_equal(_encode(mean, ages=turned), _encode(mean))
    moved = np.abs(_encode(attention, ages=turned) - _encode(attention)).max(axis=1) > 1e-4
    assert moved.tolist() == (COUNTS > 1).tolist()  # among fewer there is nothing to weigh


def test_the_configurations_names():
    assert type(build_history_encoder("mean", 7)) is MeanHistoryEncoder
    attention = build_history_encoder("attention", 7)
    assert type(attention) is AttentionHistoryEncoder
    assert attention.max_length == 7
