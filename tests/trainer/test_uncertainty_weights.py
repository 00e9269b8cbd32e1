"""Weights that follow from the noise of the tasks."""

import numpy as np
import tensorflow as tf
import tf_keras

from trainer.uncertainty_weights import UncertaintyWeights

LOSSES = {"near": tf.constant(0.25), "far": tf.constant(4.0), "click": tf.constant(0.6)}
REGRESSIONS = {"near": True, "far": True, "click": False}


def test_equal_the_formula():
    layer = UncertaintyWeights(REGRESSIONS)
    layer(LOSSES)
    for variable, value in zip(layer.log_variances.values(), (0.5, -1.0, 2.0), strict=True):
        variable.assign(value)
    weighed = layer(LOSSES)
    np.testing.assert_allclose(weighed["near"], 0.5 * np.exp(-0.5) * 0.25 + 0.25, rtol=1e-6)
    np.testing.assert_allclose(weighed["far"], 0.5 * np.exp(1.0) * 4.0 - 0.5, rtol=1e-6)
    np.testing.assert_allclose(weighed["click"], np.exp(-2.0) * 0.6 + 1.0, rtol=1e-6)


def test_find_the_planted_noise():
    """Two numbers are regressed whose noise has standard deviations 0.5 and 2; and a click of 0.6 nats."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=4000).astype(np.float32)
    near = x + 0.5 * rng.normal(size=4000).astype(np.float32)
    far = -x + 2.0 * rng.normal(size=4000).astype(np.float32)
    layer, slopes = UncertaintyWeights(REGRESSIONS), tf.Variable([0.0, 0.0])
    layer(LOSSES)
    optimizer = tf_keras.optimizers.Adam(0.05)
    variables = [slopes, *layer.trainable_variables]
    optimizer.build(variables)

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            losses = {
                "near": tf.reduce_mean(tf.square(slopes[0] * x - near)),
                "far": tf.reduce_mean(tf.square(slopes[1] * x - far)),
                "click": LOSSES["click"],
            }
            loss = tf.add_n(list(layer(losses).values()))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    for _ in range(400):
        step()
    variances = {task: float(tf.exp(s)) for task, s in layer.log_variances.items()}
    np.testing.assert_allclose(variances["near"], 0.25, rtol=0.05)
    np.testing.assert_allclose(variances["far"] / variances["near"], 16, rtol=0.1)
    np.testing.assert_allclose(variances["click"], 1.2, rtol=0.02)
    np.testing.assert_allclose(slopes, [1, -1], atol=0.1)
