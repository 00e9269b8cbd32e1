"""How likely a list was: against NumPy, and against how often seeds draw it."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from serving.arrangement import arranged
from serving.request_controls import CONTROL_SPECS, controls_for
from serving.signature_function import default_input
from trainer.graphs import graph_function

NUM_ITEMS = 9
RNG = np.random.default_rng(0)
CORPUS = SimpleNamespace(
    embeddings=tf.constant(RNG.normal(size=[NUM_ITEMS + 1, 4]), tf.float32),
    item_ids=tf.constant([f"i{i}" for i in range(NUM_ITEMS)]),
)
ORDER = np.float32([3.0, 1.0, -50.0, 2.0, 0.5])
VALID = np.array([True, True, False, True, True])
ROWS = np.int32([8, 0, 3, 2, 5])


@graph_function(reduce_retracing=True)
def _in_graph(order, rows, valid, *controls):
    given = {spec.name: value for spec, value in zip(CONTROL_SPECS, controls, strict=True)}
    return arranged(order, rows, valid, CORPUS, controls_for(tf.shape(order)[0], given))


def _arranged(count, order=ORDER, valid=VALID, **said):
    """Places, filled and propensities of requests with the same candidates."""
    given = {spec.name: default_input(spec) for spec in CONTROL_SPECS} | {"k": [4]} | said
    return [
        values.numpy()
        for values in _in_graph(
            *(tf.constant(np.tile(x, [count, 1])) for x in (order, ROWS, valid)),
            *(tf.constant(given[spec.name], spec.dtype) for spec in CONTROL_SPECS),
        )
    ]


def _odds(temperature):
    """Of each candidate: its order in standard deviations of those that there are."""
    order = ORDER.astype(np.float64)
    scaled = (order - order[VALID].mean()) / order[VALID].std()
    return np.where(VALID, np.exp(scaled / temperature), 0.0)


def test_without_exploration_a_list_is_certain():
    for diversity in (0.0, 0.7):
        _, filled, propensity = _arranged(1, diversity=[diversity])
        assert filled.all()
        assert (propensity == 1.0).all()


@pytest.mark.parametrize("temperature", [0.2, 1.0, 5.0])
def test_propensities_are_those_of_plackett_and_luce(temperature):
    seeds = np.arange(50)
    places, _, propensity = _arranged(50, exploration=[temperature], seed=seeds)
    odds = _odds(temperature)
    for row in range(50):
        for rank, place in enumerate(places[row]):
            left = odds.sum() - odds[places[row, :rank]].sum()
            assert propensity[row, rank] == pytest.approx(odds[place] / left, rel=1e-3)
    np.testing.assert_allclose(propensity[:, 3], 1.0, rtol=1e-5)  # the last one that there is


def test_places_are_drawn_as_often_as_they_are_likely():
    """Of each first item, and of each second one after it: five standard deviations of a binomial."""
    draws = 20_000
    places, _, propensity = _arranged(draws, k=[2], exploration=[0.8], seed=np.arange(draws))
    for first in np.flatnonzero(VALID):
        begins = places[:, 0] == first
        (expected,) = np.unique(propensity[begins, 0])
        assert abs(begins.mean() - expected) < 5 * np.sqrt(expected * (1 - expected) / draws)
        for second in np.flatnonzero(VALID):
            goes_on = begins & (places[:, 1] == second)
            if second == first:
                assert not goes_on.any()
                continue
            (expected,) = np.unique(propensity[goes_on, 1])
            bound = 5 * np.sqrt(expected * (1 - expected) / begins.sum())
            assert abs(goes_on.sum() / begins.sum() - expected) < bound


def test_diversity_makes_a_drawn_order_unknown_and_leaves_others_alone():
    _, _, propensity = _arranged(3, exploration=[0.5, 0.5, 0.0], diversity=[0.4, 0.0, 0.4], seed=[1, 2, 3])
    assert (propensity[0] == 0.0).all()
    assert ((propensity[1] > 0.0) & (propensity[1] <= 1.0)).all()
    assert (propensity[2] == 1.0).all()


def test_no_temperature_and_no_order_breaks_it():
    for temperature in (1e-37, 1e-9, 100.0, 1e9):
        _, filled, propensity = _arranged(1, exploration=[temperature], seed=[3])
        assert ((propensity > 0.0) & (propensity <= 1.0))[filled].all()
    alike = np.zeros_like(ORDER)
    _, _, propensity = _arranged(1, alike, exploration=[0.5], seed=[3])
    np.testing.assert_allclose(propensity[0], [1 / 4, 1 / 3, 1 / 2, 1], rtol=1e-5)


def test_places_that_stay_empty_and_nobody():
    nobody = np.zeros_like(VALID)
    _, filled, propensity = _arranged(1, valid=nobody, exploration=[0.5])
    assert not filled.any()
    assert np.isfinite(propensity).all()
    assert _arranged(0, exploration=[0.5])[2].shape == (0, 0)
    assert _arranged(2, k=[0], exploration=[0.5])[2].shape == (2, 0)
