"""Figures, from what was counted."""

import pytest

from gateway.api.answers import Source
from gateway.figures import Figures
from gateway.metrics import GatewayMetrics

USER = "/v1/recommendations/user"


def _figures(seconds, route=USER):
    metrics = GatewayMetrics()
    for second in seconds:
        metrics.request(route, 200, second)
    return Figures.of(metrics.samples())


def test_nothing_has_no_figures():
    figures = _figures([])
    assert (figures.requests, figures.milliseconds(0.5), figures.click_rate) == (0, None, None)


def test_other_routes_are_not_counted():
    assert _figures([0.1, 0.2], "/v1/events").requests == 0


def test_a_share_lies_within_its_bucket():
    # Four of (10 ms, 20 ms], by thirds of the way: the second ends half way through it.
    figures = _figures([0.015] * 4)
    assert figures.requests == 4
    assert figures.milliseconds(0.5) == pytest.approx(15)
    assert figures.milliseconds(1.0) == pytest.approx(20)


def test_routes_are_taken_together():
    metrics = GatewayMetrics()
    for route, seconds in ((USER, 0.0005), ("/v1/recommendations/text", 0.2)):
        for _ in range(10):
            metrics.request(route, 200, seconds)
    figures = Figures.of(metrics.samples())
    assert figures.requests == 20
    assert figures.milliseconds(0.5) == pytest.approx(1)
    assert 150 < figures.milliseconds(0.99) <= 250


def test_beyond_the_last_bucket_its_beginning_is_told():
    assert _figures([60.0]).milliseconds(0.5) == pytest.approx(5000)


def test_clicks_for_each_impression():
    metrics = GatewayMetrics()
    metrics.events({"impression": 8, "click": 2}, duplicates=0)
    metrics.list_from(Source.POPULAR)
    figures = Figures.of(metrics.samples())
    assert figures.click_rate == 0.25
    assert figures.lists == {"popular": 1}
    assert figures.events == {"impression": 8, "click": 2}
