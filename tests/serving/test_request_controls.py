"""Controls: what a request may say, and what is made of nonsense."""

import numpy as np
import tensorflow as tf

from serving.request_controls import (
    CONTROL_SPECS,
    MAX_EXPLORATION,
    controls_for,
    controls_of_examples,
    plain_controls,
)
from serving.signature_function import default_input
from tests.serving.examples import example


def _defaults():
    return {spec.name: tf.constant(default_input(spec)) for spec in CONTROL_SPECS}


def test_examples_that_say_nothing_have_the_defaults_of_the_columns():
    from_examples = controls_of_examples(tf.constant([example({}), example({"user_id": "x"})]))
    from_columns = controls_for(tf.constant(2), _defaults())
    for name, a, b in zip(from_examples._fields, from_examples, from_columns, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=name)
    assert from_columns.k.numpy().tolist() == [10, 10]
    assert from_columns.filter_seen.numpy().tolist() == from_columns.explain.numpy().tolist() == [True, True]
    assert from_columns.exclude_item_ids.shape == (2, 0)


def test_examples_carry_every_control():
    said = {
        "k": 3,
        "exclude_item_ids": ["a", "b"],
        "filter_seen": 0,
        "allow_categories": "g=x",
        "deny_categories": ["g=y"],
        "diversity": 0.25,
        "exploration": 0.5,
        "seed": -7,
        "explain": 0,
    }
    controls = controls_of_examples(tf.constant([example({"k": 2**40}), example(said)]))
    assert controls.k.numpy().tolist() == [2**31 - 1, 3]
    assert controls.exclude_item_ids.numpy().tolist() == [[b"", b""], [b"a", b"b"]]
    assert controls.filter_seen.numpy().tolist() == [True, False]
    assert controls.is_filtered.numpy().tolist() == [False, True]
    assert controls.diversity.numpy()[1] == 0.25
    assert controls.exploration.numpy()[1] == 0.5
    assert controls.seed.numpy()[1] == -7
    assert controls.explain.numpy().tolist() == [True, False]


def test_nonsense_counts_as_the_nearest_that_makes_sense():
    given = {
        **_defaults(),
        "k": tf.constant([-3, 5, 99]),
        "diversity": tf.constant([np.nan, -1.0, 7.0]),
        "exploration": tf.constant([np.nan, -np.inf, np.inf]),
    }
    controls = controls_for(tf.constant(3), given).within(20)
    assert controls.k.numpy().tolist() == [0, 5, 20]
    assert controls.diversity.numpy().tolist() == [0.0, 0.0, 1.0]
    assert controls.exploration.numpy().tolist() == [0.0, 0.0, MAX_EXPLORATION]


def test_a_control_for_all_is_repeated_also_for_nobody():
    assert plain_controls(tf.constant(3), k=4).k.numpy().tolist() == [4, 4, 4]
    assert plain_controls(tf.constant(0), k=4).k.shape == (0,)
