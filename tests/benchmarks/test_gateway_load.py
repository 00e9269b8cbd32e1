"""The benchmark that asks the gateway for more than it can make, for a moment."""

import asyncio

import pytest

from benchmarks.gateway_load import climb, parser, table
from tests.gateway.listening import listening

DEADLINE_MS = 60_000


@pytest.fixture
def climbed(tmp_path):
    """Climbs before a gateway that has these settings, once its models are as they are told to be."""

    def run(rates, seconds, deadline_ms=DEADLINE_MS, prepare=lambda models: None, **settings):
        with listening(tmp_path, deadline_ms=DEADLINE_MS, cache={"ttl_seconds": 0}, **settings) as shop:
            prepare(shop.models)
            return asyncio.run(climb(shop.address, rates, seconds, 20, deadline_ms))

    return run


def test_each_step_tells_what_was_asked_and_what_came(climbed):
    steps = climbed([20, 40], 0.5)
    figures = [step.figures() for step in steps]
    assert [(row["rate"], row["number"]) for row in figures] == [(20, 10), (40, 20)]
    assert [(row["statuses"], row["sources"]) for row in figures] == [
        ({"200": 10}, {"model": 10}),
        ({"200": 20}, {"model": 20}),
    ]
    for row in figures:
        assert 0 < row["p50"] <= row["p95"] <= row["p99"]
        assert row["answered"] == pytest.approx(row["number"] / row["seconds"])
        assert row["late_p99"] >= 0
    assert table(figures, DEADLINE_MS).row_count == 2


def test_the_first_step_that_passes_the_deadline_is_the_last(climbed):
    assert [step.rate for step in climbed([20, 30, 40], 0.2, deadline_ms=0.001)] == [20]


def test_lists_that_are_not_made_are_the_popular_one(climbed):
    (step,) = climbed([20], 0.5, prepare=lambda models: setattr(models, "is_gone", True))
    assert (step.statuses, step.sources) == ({"200": 10}, {"popular": 10})


def test_refusals_are_counted_and_no_reason_to_stop(climbed):
    (step,) = climbed(
        [50], 1, prepare=lambda models: setattr(models, "seconds", 0.1), limits={"max_calls": 1}
    )
    assert set(step.statuses) == {"200", "503"}
    assert step.statuses.total() == 50
    assert step.sources.total() == step.statuses["200"]


def test_a_caller_that_may_not_ask_so_often_is_told(climbed):
    (step,) = climbed([50], 1, limits={"requests_per_second": 0.2})
    assert step.statuses["429"] > 0
    assert step.statuses.total() == 50


def test_a_gateway_that_is_gone_is_no_answer():
    (step,) = asyncio.run(climb("http://127.0.0.1:9", [20], 0.2, 20, DEADLINE_MS))
    assert step.statuses == {"none": 4}
    assert step.figures()["answered"] == 0


@pytest.mark.parametrize(
    "options",
    [
        ["--rates", "1e9"],
        ["--rates", *["5"] * 21],
        ["--rates", "0"],
        ["--rates", "nan"],
        ["--seconds", "1e6"],
        ["--seconds", "-1"],
        ["--users", "0"],
        ["--address", "http://elsewhere.example"],
    ],
)
def test_no_load_is_without_an_end_and_none_goes_elsewhere(options, capsys):
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(options)
    assert ended.value.code == 2
    assert options[0] in capsys.readouterr().err
