"""What holds for every Keras layer of ours."""

import copy
import inspect
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from trainer.attribute_encoder import AttributeEncoder
from trainer.bottoms import MultiGateMixtureOfExperts, ProgressiveLayeredExtraction, SharedBottom
from trainer.history_encoders.convolutional import ConvolutionalEncoder
from trainer.history_encoders.mean import MeanEncoder
from trainer.history_encoders.recurrent import RecurrentEncoder
from trainer.history_encoders.self_attention import AttentionBlock, SelfAttentionEncoder
from trainer.history_factors import HistoryFactors
from trainer.target_attention import TargetAttention
from trainer.towers import CandidateTower, QueryTower, ResidualPerceptron
from trainer.uncertainty_weights import UncertaintyWeights
from trainer.vector_encoder import VectorEncoder

FEATURES = {
    "region": tf.constant([1, 0], tf.int64),
    "genres": tf.constant([[2, 1, -1], [-1, -1, -1]], tf.int64),
    "age": tf.constant([0.5, -1.0]),
}
VECTORS = [tf.constant([[1.0, 2.0], [3.0, -4.0]]), tf.constant([[0.5], [0.25]])]
HISTORIES = (
    tf.random.stateless_normal([2, 4, 3], [0, 1]),
    tf.sequence_mask([2, 0], 4),
    tf.random.stateless_uniform([2, 4], [0, 2], maxval=18.0),
)
CANDIDATES = tf.random.stateless_normal([2, 3, 5], [0, 3])
PRESENT = tf.cast(HISTORIES[1], tf.float32)
FACTORS = (
    tf.constant([[0, 3, 1], [2, 2, 0]]),
    tf.constant([1, 0], tf.int64),
    tf.constant([[1, 2, 0, 0], [0, 0, 0, 0]]),
    PRESENT,
    HISTORIES[2],
)
DENSE = {"sound": tf.constant([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]]), "image": tf.constant([[-2.0], [0.5]])}


@dataclass(frozen=True)
class Case:
    """A layer, arguments of its constructor, none of them a default, and of a call."""

    layer: type[tf_keras.layers.Layer]
    call: tuple[Any, ...]
    arguments: dict[str, Any] = field(default_factory=dict)


ATTRIBUTES = {"vocabulary_sizes": {"region": 2, "genres": 3}, "numbers": ("age",)}
BOTTOM = {"tasks": ("a", "b"), "hidden_dims": (5, 4), "dropout": 0.3}
TOWER = {"hidden_dims": (5, 4), "dropout": 0.3}
CASES = [
    Case(AttributeEncoder, (FEATURES,), {**ATTRIBUTES, "dim": 2}),
    Case(VectorEncoder, (DENSE,), {"widths": {"sound": 3, "image": 1}, "dim": 2}),
    Case(MeanEncoder, HISTORIES),
    Case(RecurrentEncoder, HISTORIES, {"dropout": 0.3}),
    Case(ConvolutionalEncoder, HISTORIES, {"blocks": 2, "dropout": 0.3}),
    Case(AttentionBlock, (HISTORIES[0], tf.ones([2, 4, 4], tf.bool)), {"heads": 3, "dropout": 0.3}),
    Case(SelfAttentionEncoder, HISTORIES, {"max_length": 4, "blocks": 2, "heads": 3, "dropout": 0.3}),
    Case(SharedBottom, (CANDIDATES,), BOTTOM),
    Case(MultiGateMixtureOfExperts, (CANDIDATES,), {**BOTTOM, "num_experts": 3}),
    Case(ProgressiveLayeredExtraction, (CANDIDATES,), {**BOTTOM, "num_experts": 2, "num_task_experts": 2}),
    Case(
        TargetAttention,
        (CANDIDATES[..., :3], HISTORIES[0], HISTORIES[2][..., tf.newaxis], PRESENT),
        {"heads": 2, "dim": 4},
    ),
    Case(HistoryFactors, FACTORS, {"num_items": 4, "num_users": 2, "dim": 3, "l2": 0.5}),
    Case(
        UncertaintyWeights,
        ({"a": tf.constant(1.0), "b": tf.constant(2.0)},),
        {"regressions": {"a": True, "b": False}},
    ),
    Case(ResidualPerceptron, (VECTORS,), TOWER),
    Case(
        CandidateTower,
        (VECTORS[0], {**FEATURES, **DENSE}, VECTORS[1]),
        {
            **ATTRIBUTES,
            **TOWER,
            "vector_widths": {"sound": 3, "image": 1},
            "attribute_dim": 2,
            "content_dim": 4,
            "reads_text": False,
        },
    ),
    Case(
        QueryTower,
        (VECTORS[0], tf.constant([0.0, 4.0]), tf.constant([0, 3]), VECTORS[1:]),
        {**ATTRIBUTES, **TOWER, "attribute_dim": 2, "initial_temperature": 0.5},
    ),
]


def _build(case):
    return case.layer(**case.arguments, name="given")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.layer.__name__)
class TestEveryLayer:
    def test_the_configuration_holds_every_constructor_argument(self, case):
        names = _own_arguments(case.layer)
        assert names == set(case.arguments)
        config = _build(case).get_config()
        assert {name: config[name] for name in names} == case.arguments
        assert config["name"] == "given"

    def test_round_trip(self, case):
        layer = _build(case)
        expected = layer(*case.call)
        again = case.layer.from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
        again(*case.call)
        again.set_weights(layer.get_weights())
        _assert_equal(again(*case.call), expected, atol=0.0)

    def test_round_trip_through_keras_registry(self, case):
        """As Keras saves it: with JSON in between, and found by its registered name."""
        layer = _build(case)
        layer(*case.call)
        again = tf_keras.saving.deserialize_keras_object(tf_keras.saving.serialize_keras_object(layer))
        assert type(again) is case.layer
        assert [list(w.shape) for w in _called(again, case).weights] == [list(w.shape) for w in layer.weights]

    def test_arguments_are_not_mutated(self, case):
        arguments = copy.deepcopy(case.arguments)
        layer = case.layer(**arguments)
        layer(*case.call)
        assert arguments == case.arguments

    def test_inputs_are_not_mutated(self, case):
        given = [dict(x) if isinstance(x, dict) else list(x) if isinstance(x, list) else x for x in case.call]
        kept = [copy.copy(x) for x in given]
        _build(case)(*given)
        for value, before in zip(given, kept, strict=True):
            if isinstance(value, dict):
                assert list(value) == list(before)
                assert all(value[name] is before[name] for name in before)
            elif isinstance(value, list):
                assert all(x is y for x, y in zip(value, before, strict=True))
            else:
                assert value is before

    def test_eager_and_graph_agree(self, case):
        layer = _build(case)
        expected = layer(*case.call)
        graph = tf.function(layer, autograph=False)
        _assert_equal(graph(*case.call), expected, atol=1e-5)


def _assert_equal(actual, expected, atol):
    """Of a tensor, or of a structure of tensors."""
    tf.nest.assert_same_structure(actual, expected)
    for one, other in zip(tf.nest.flatten(actual), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=0.0 if atol == 0 else 1e-6, atol=atol)


def _own_arguments(layer):
    """Names of the constructor's arguments that are not Keras' own."""
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    ours, keras = (
        {p.name for p in inspect.signature(cls.__init__).parameters.values() if p.kind not in kinds}
        for cls in (layer, tf_keras.layers.Layer)
    )
    return ours - keras


def _called(layer, case):
    layer(*case.call)
    return layer
