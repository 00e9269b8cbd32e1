"""What tasks share: each bottom against NumPy, and what experts are for."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from trainer.bottoms import (
    MultiGateMixtureOfExperts,
    ProgressiveLayeredExtraction,
    SharedBottom,
    build_bottom,
)

TASKS, DIMS = ("click", "buy"), (6, 4)
INPUTS = np.random.default_rng(1).normal(size=[2, 3, 5]).astype(np.float32)
CONFLICT = ("sum", "difference")


def _softmax(x):
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _perceptron(sequential, x):
    kernels = sequential.get_weights()
    for kernel, bias in zip(kernels[::2], kernels[1::2], strict=True):
        x = np.maximum(x @ kernel + bias, 0.0)
    return x


def _dense(layer, x):
    kernel, bias = layer.get_weights()
    return np.maximum(x @ kernel + bias, 0.0)


def _gated(gate, x, experts):
    return np.einsum("bke,ebko->bko", _softmax(x @ gate.get_weights()[0]), np.stack(experts))


def _check(outputs, expected):
    assert set(outputs) == set(TASKS)
    for task in TASKS:
        assert outputs[task].shape == (2, 3, DIMS[-1])
        np.testing.assert_allclose(outputs[task], expected[task], atol=1e-5)


class TestOracles:
    def test_shared_bottom(self):
        bottom = SharedBottom(TASKS, DIMS, 0.5)
        outputs = bottom(INPUTS)
        _check(outputs, dict.fromkeys(TASKS, _perceptron(bottom._shared, INPUTS)))

    def test_multi_gate_mixture_of_experts(self):
        bottom = MultiGateMixtureOfExperts(TASKS, DIMS, 0.5, num_experts=3)
        outputs = bottom(INPUTS)
        experts = [_perceptron(expert, INPUTS) for expert in bottom._experts]
        _check(outputs, {task: _gated(bottom._gates[task], INPUTS, experts) for task in TASKS})
        assert np.abs(outputs["click"] - outputs["buy"]).max() > 1e-3

    def test_progressive_layered_extraction(self):
        bottom = ProgressiveLayeredExtraction(TASKS, DIMS, 0.5, num_experts=2, num_task_experts=1)
        outputs = bottom(INPUTS)
        states = dict.fromkeys(("", *TASKS), INPUTS)
        for level in bottom._levels:
            experts = {
                owner: [_dense(expert, states[owner]) for expert in its_own]
                for owner, its_own in level["experts"].items()
            }
            states = {
                owner: _gated(
                    gate,
                    states[owner],
                    [*experts[owner], *experts[""]] if owner else [x for xs in experts.values() for x in xs],
                )
                for owner, gate in level["gates"].items()
            }
        _check(outputs, states)

    def test_the_last_level_has_no_gate_for_what_nobody_reads(self):
        bottom = ProgressiveLayeredExtraction(TASKS, DIMS, 0.0, num_experts=1, num_task_experts=1)
        assert [set(level["gates"]) for level in bottom._levels] == [{"", *TASKS}, set(TASKS)]


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [
        ("shared_bottom", SharedBottom),
        ("mmoe", MultiGateMixtureOfExperts),
        ("ple", ProgressiveLayeredExtraction),
    ],
)
def test_the_configurations_names(architecture, kind):
    bottom = build_bottom(architecture, TASKS, DIMS, 0.5, num_experts=3, num_task_experts=2)
    assert type(bottom) is kind
    still = bottom(INPUTS)["buy"]
    np.testing.assert_array_equal(bottom(INPUTS)["buy"], still)
    assert np.abs(bottom(INPUTS, training=True)["buy"] - still).max() > 1e-3  # dropout


class TestBadArguments:
    def test_no_task(self):
        with pytest.raises(ValueError, match=r"needs tasks and hidden layers, got tasks \(\), layers \(3,\)"):
            SharedBottom((), (3,), 0.0)

    def test_no_expert(self):
        with pytest.raises(ValueError, match="at least one expert is needed, got 0"):
            MultiGateMixtureOfExperts(TASKS, DIMS, 0.0, num_experts=0)

    def test_no_expert_of_a_kind(self):
        with pytest.raises(ValueError, match="got 1 shared and 0 a task"):
            ProgressiveLayeredExtraction(TASKS, DIMS, 0.0, num_experts=1, num_task_experts=0)


def _loss_of_conflict(architecture):
    """What is left of two tasks that want opposite things of a bottom too narrow for both.

    One is sin(3 x0 + 3 x1), the other sin(3 x0 - 3 x1); four units a layer can hardly hold two such waves.
    """
    tf_keras.utils.set_random_seed(3)
    x = np.random.default_rng(2).uniform(-1, 1, [512, 1, 2]).astype(np.float32)
    labels = {
        "sum": np.sin(3 * (x[..., 0] + x[..., 1])),
        "difference": np.sin(3 * (x[..., 0] - x[..., 1])),
    }
    bottom = build_bottom(architecture, CONFLICT, (8, 4), 0.0, num_experts=3, num_task_experts=1)
    heads = {task: tf_keras.layers.Dense(1) for task in CONFLICT}
    optimizer = tf_keras.optimizers.Adam(0.02)

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            shared = bottom(x)
            loss = tf.add_n(
                [tf.reduce_mean(tf.square(heads[t](shared[t])[..., 0] - labels[t])) for t in CONFLICT]
            )
        variables = bottom.trainable_variables + [v for h in heads.values() for v in h.trainable_variables]
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    bottom(x), [heads[t](bottom(x)[t]) for t in CONFLICT]
    optimizer.build(bottom.trainable_variables + [v for h in heads.values() for v in h.trainable_variables])
    return float([step() for _ in range(400)][-1])


def test_experts_settle_a_conflict_that_one_bottom_cannot():
    shared = _loss_of_conflict("shared_bottom")
    for architecture in ("mmoe", "ple"):
        assert _loss_of_conflict(architecture) < 0.6 * shared, architecture
