"""What holds for every history encoder."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline.config.training import HistoryEncoderConfig
from trainer.history_encoders.build import build_history_encoder
from trainer.history_encoders.convolutional import ConvolutionalEncoder
from trainer.history_encoders.mean import MeanEncoder
from trainer.history_encoders.recurrent import RecurrentEncoder
from trainer.history_encoders.self_attention import SelfAttentionEncoder
from trainer.precision import computing_in

KINDS = {
    "mean": MeanEncoder,
    "gru": RecurrentEncoder,
    "cnn": ConvolutionalEncoder,
    "self_attention": SelfAttentionEncoder,
}
LENGTH, DIM = 6, 4
# From no history to the longest.
COUNTS = np.array([3, 0, 1, LENGTH, 2])
PRESENT = np.arange(LENGTH) < COUNTS[:, np.newaxis]
EVENTS = np.random.default_rng(0).normal(size=(len(COUNTS), LENGTH, DIM)).astype(np.float32)
GAPS = np.random.default_rng(2).uniform(0.7, 12, (len(COUNTS), LENGTH)).astype(np.float32)
GAPS *= PRESENT


def _encoder(kind, dropout=0.0):
    """A built encoder whose weights are all random, the biases too."""
    encoder = build_history_encoder(HistoryEncoderConfig(kind=kind, dropout=dropout), LENGTH)
    _encode(encoder)
    rng = np.random.default_rng(1)
    encoder.set_weights([rng.normal(size=w.shape, scale=0.5) for w in encoder.get_weights()])
    return encoder


def _encode(encoder, events=EVENTS, present=PRESENT, gaps=GAPS, training=False):
    return encoder(
        tf.constant(events), present=tf.constant(present), gaps=tf.constant(gaps), training=training
    ).numpy()


@pytest.fixture(scope="module", params=KINDS)
def encoder(request):
    return _encoder(request.param)


class TestEveryEncoder:
    def test_a_state_for_each_event(self, encoder):
        states = _encode(encoder)
        assert states.shape == EVENTS.shape
        assert np.isfinite(states).all()

    @pytest.mark.parametrize("place", range(LENGTH))
    def test_no_state_knows_a_later_event(self, encoder, place):
        """Changed are that state and perhaps later ones."""
        events = EVENTS.copy()
        events[3, place, 0] += 1.0  # not all values alike, which a norm would take out
        moved = np.abs(_encode(encoder, events) - _encode(encoder)).max(axis=-1)
        assert moved[3, place] > 1e-3
        np.testing.assert_array_equal(moved[3, :place], 0)
        np.testing.assert_array_equal(moved[[0, 1, 2, 4]], 0)

    @pytest.mark.parametrize("place", range(LENGTH))
    def test_no_state_knows_a_later_gap(self, encoder, place):
        """The gap at an event is that to the next, which the state before the next cannot know."""
        gaps = GAPS.copy()
        gaps[3, place] += 3.0
        moved = np.abs(_encode(encoder, gaps=gaps) - _encode(encoder)).max(axis=-1)[3] > 1e-4
        uses_gaps = isinstance(encoder, SelfAttentionEncoder)
        assert not moved[: place + 1].any()
        assert moved[place + 1 :].all() == (uses_gaps or place + 1 == LENGTH)

    def test_the_content_of_padding_does_not_matter(self, encoder):
        garbage = np.where(PRESENT[..., np.newaxis], EVENTS, np.float32(1e3))
        gaps = np.where(PRESENT, GAPS, np.float32(9))
        np.testing.assert_array_equal(
            _encode(encoder, garbage, gaps=gaps)[PRESENT], _encode(encoder)[PRESENT]
        )

    def test_the_amount_of_padding_does_not_matter(self, encoder):
        short = slice(0, 1), slice(0, COUNTS[0])
        cut = _encode(encoder, EVENTS[short], PRESENT[short], GAPS[short])
        np.testing.assert_allclose(cut[0], _encode(encoder)[0, : COUNTS[0]], atol=1e-5)

    def test_histories_do_not_mix(self, encoder):
        turned = _encode(encoder, EVENTS[::-1], PRESENT[::-1], GAPS[::-1])
        np.testing.assert_allclose(turned[::-1][PRESENT], _encode(encoder)[PRESENT], atol=1e-5)

    def test_padding_is_finite_and_so_are_its_gradients(self, encoder):
        events = tf.constant(EVENTS)
        with tf.GradientTape() as tape:
            tape.watch(events)
            states = encoder(events, present=tf.zeros_like(PRESENT), gaps=tf.zeros_like(GAPS))
            loss = tf.reduce_sum(states)
        assert np.isfinite(states).all()
        assert np.isfinite(tape.gradient(loss, events)).all()

    def test_every_variable_learns(self, encoder):
        with tf.GradientTape() as tape:
            states = encoder(tf.constant(EVENTS), present=tf.constant(PRESENT), gaps=tf.constant(GAPS))
            loss = tf.reduce_sum(tf.boolean_mask(states, PRESENT) ** 3)
        gradients = tape.gradient(loss, encoder.trainable_variables)
        assert all(np.abs(tf.convert_to_tensor(x)).max() > 1e-6 for x in gradients)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "mean"])
def test_dropout_only_while_training(kind):
    encoder = _encoder(kind, dropout=0.5)
    still = _encode(encoder)
    np.testing.assert_array_equal(_encode(encoder), still)
    assert np.abs(_encode(encoder, training=True) - still).max() > 1e-2


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "mean"])
def test_they_mind_the_order(kind):
    events = EVENTS[3:4]
    swapped = events[:, [1, 0, *range(2, LENGTH)]]
    encoder = _encoder(kind)
    newest = [_encode(encoder, x, PRESENT[3:4], GAPS[3:4])[0, -1] for x in (events, swapped)]
    assert np.abs(newest[0] - newest[1]).max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_the_configurations_names(kind):
    config = HistoryEncoderConfig(kind=kind, blocks=3, heads=1, dropout=0.2)
    encoder = build_history_encoder(config, max_length=7)
    assert type(encoder) is KINDS[kind]
    expected = {"blocks": 3, "heads": 1, "dropout": 0.2, "max_length": 7}
    given = {name: value for name, value in encoder.get_config().items() if name in expected}
    assert given == {name: expected[name] for name in given}
    assert len(given) == {"mean": 0, "gru": 1, "cnn": 2, "self_attention": 4}[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_precision_changes_little(kind):
    exact = _encoder(kind)
    with computing_in("mixed"):
        mixed = _encoder(kind)
    mixed.set_weights(exact.get_weights())
    np.testing.assert_allclose(
        tf.cast(_encode(mixed), tf.float32)[PRESENT], _encode(exact)[PRESENT], atol=0.1
    )
