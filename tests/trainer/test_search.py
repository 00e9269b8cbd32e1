"""Searches over trainings that are functions, so that the answer is known."""

import json
import math
from pathlib import Path

import pytest
from keras_tuner import HyperParameters

from pipeline.config.tuning import Dimension, Search
from trainer.fitting import Monitor
from trainer.search import Outcome, best_first, run_search, write_results

LOSS = Monitor("val_loss", highest=False)
RECALL = Monitor("val_recall_at_20", highest=True)
RATE = Dimension(min=1e-5, max=1e-1, log=True)
KIND = Dimension(choices=("good", "ruinous"))
LAYERS = Dimension(choices=((8,), (16, 8)))
WIDTH = Dimension(min=8, max=64, step=8)
CONFIGURED = {"rate": 1e-4, "kind": "ruinous", "layers": (16, 8), "width": 64}
BEST_RATE = 3e-3


def _search(oracle="random", trials=12, **space):
    space = space or {"rate": RATE, "kind": KIND, "layers": LAYERS, "width": WIDTH}
    # As a component gets it.
    search = Search(space=space, oracle=oracle, initial_trials=5, trials=trials)
    return Search.model_validate_json(search.model_dump_json())


def _loss(values):
    """Lowest at the planted values."""
    loss = abs(math.log10(values["rate"] / BEST_RATE)) + 0.001 * values["width"]
    return loss + 10 * (values["kind"] == "ruinous") + 0.1 * len(values["layers"])


def _run(values):
    loss = _loss(values)
    return Outcome.of(values, {LOSS.name: [loss + 1, loss, loss + 2]}, LOSS, 0.0)


def _outcomes(folder, search, run=_run, seed=42, monitor=LOSS):
    keys = {key: CONFIGURED[key] for key in search.space}
    return run_search(search, monitor, keys, run, seed, folder / "project")


@pytest.mark.slow
@pytest.mark.parametrize("oracle", ["random", "bayesian"])
def test_the_planted_choice_is_found_and_the_rate_comes_near(tmp_path, oracle):
    outcomes = _outcomes(tmp_path, _search(oracle, trials=14))
    best = outcomes[best_first(outcomes, LOSS)[0]]
    assert best.score == pytest.approx(_loss(best.values))
    assert best.score == min(outcome.score for outcome in outcomes)
    assert best.values["kind"] == "good"
    assert abs(math.log10(best.values["rate"] / BEST_RATE)) < 1  # of four decades
    assert (best.epoch, best.epochs) == (2, 3)


@pytest.mark.slow
def test_bayesian_learns_from_the_trials_before(tmp_path):
    search = _search("bayesian", trials=14, rate=RATE)
    outcomes = _outcomes(tmp_path, search, run=_rate_alone)
    # A draw comes as near with a chance of one in a hundred.
    assert min(outcome.score for outcome in outcomes[search.initial_trials :]) < 0.02


def _rate_alone(values):
    loss = abs(math.log10(values["rate"] / BEST_RATE))
    return Outcome.of(values, {LOSS.name: [loss]}, LOSS, 0.0)


def test_values_lie_in_the_space_have_its_types_and_few_digits(tmp_path):
    outcomes = _outcomes(tmp_path, _search())
    for outcome in outcomes:
        values = outcome.values
        assert list(values) == ["rate", "kind", "layers", "width"]
        assert 1e-5 <= values["rate"] <= 1e-1
        assert float(f"{values['rate']:.4g}") == values["rate"]
        assert values["layers"] in ([8], [16, 8])
        assert type(values["width"]) is int
        assert values["width"] in range(8, 65, 8)
    assert len({outcome.values["width"] for outcome in outcomes}) > 2


def test_the_first_trial_is_the_configuration_if_the_space_has_it(tmp_path):
    first = _outcomes(tmp_path, _search(trials=1))[0]
    assert first.values == {**CONFIGURED, "layers": [16, 8]}
    narrow = _search(trials=1, rate=RATE, kind=KIND, layers=LAYERS, width=Dimension(min=8, max=32))
    assert _outcomes(tmp_path, narrow)[0].values["width"] <= 32


@pytest.mark.slow
@pytest.mark.parametrize("oracle", ["random", "bayesian"])
def test_a_seed_makes_the_same_search_and_more_trials_begin_with_those_of_fewer(tmp_path, oracle):
    outcomes = _outcomes(tmp_path / "a", _search(oracle, trials=8))
    assert outcomes == _outcomes(tmp_path / "b", _search(oracle, trials=8))
    # In the folder of the longer one: what stands there is not gone on from.
    assert _outcomes(tmp_path / "a", _search(oracle, trials=6)) == outcomes[:6]
    other = _outcomes(tmp_path / "c", _search(oracle, trials=8), seed=0)
    assert [outcome.values for outcome in other[1:]] != [outcome.values for outcome in outcomes[1:]]
    assert other == _outcomes(tmp_path / "d", _search(oracle, trials=8), seed=0)


def test_a_small_space_ends_the_search(tmp_path):
    outcomes = _outcomes(tmp_path, _search(trials=50, kind=KIND), run=lambda v: Outcome(v, 1.0, 1, 1, 0.0))
    assert sorted(outcome.values["kind"] for outcome in outcomes) == ["good", "ruinous"]


@pytest.mark.parametrize("oracle", ["random", "bayesian"])
def test_trials_that_diverge_come_last_and_do_not_end_the_search(tmp_path, oracle):
    def run(values):
        figures = [math.nan] if values["rate"] > 1e-4 else [1.0]
        return Outcome.of(values, {RECALL.name: figures}, RECALL, 0.0)

    outcomes = _outcomes(tmp_path, _search(oracle, rate=RATE), run, monitor=RECALL)
    assert len(outcomes) == 12
    scores = [outcomes[number].score for number in best_first(outcomes, RECALL)]
    assert scores.count(None) > 4  # more than KerasTuner would bear
    assert scores[: scores.index(None)] == [1.0] * (12 - scores.count(None))


def test_the_best_epoch_of_a_figure_that_should_be_high():
    outcome = Outcome.of({}, {RECALL.name: [0.1, math.nan, 0.3, 0.3]}, RECALL, 1.0)
    assert (outcome.score, outcome.epoch, outcome.epochs) == (0.3, 3, 4)


def test_without_early_stopping_the_last_epoch_counts():
    outcome = Outcome.of({}, {LOSS.name: [0.1, 0.3]}, LOSS, 1.0, last_counts=True)
    assert (outcome.score, outcome.epoch) == (0.3, 2)
    outcome = Outcome.of({}, {LOSS.name: [0.1, math.nan]}, LOSS, 1.0, last_counts=True)
    assert (outcome.score, outcome.epoch) == (None, 0)


def test_a_fault_in_a_trial_ends_the_search_and_names_it(tmp_path):
    def run(values):
        raise KeyError("broken")

    with pytest.raises(RuntimeError, match="trial 1 of 12 .rate 0.0001, kind ruinous.*: 'broken'") as raised:
        _outcomes(tmp_path, _search(), run)
    assert isinstance(raised.value.__cause__, KeyError)


def test_artifacts_are_those_of_tfx(tmp_path):
    search = _search(trials=4)
    outcomes = _outcomes(tmp_path, search)
    outcomes[1] = Outcome({**outcomes[1].values}, None, 0, 3, 0.0)
    write_results(search, outcomes, LOSS, str(tmp_path), str(tmp_path))
    records = json.loads(Path(tmp_path, "tuner_results.json").read_text())
    assert [record["trial_id"] for record in records] == [
        str(number + 1) for number in best_first(outcomes, LOSS)
    ]
    assert records[-1]["trial_id"] == "2"
    assert records[-1]["score"] is None
    scores = [record["score"] for record in records[:-1]]
    assert scores == sorted(scores)
    best = outcomes[int(records[0]["trial_id"]) - 1]
    assert {key: records[0][key] for key in search.space} == best.values
    read = HyperParameters.from_config(json.loads(Path(tmp_path, "best_hyperparameters.txt").read_text()))
    assert read.get("rate") == best.values["rate"]
    assert json.loads(read.get("layers")) == best.values["layers"]
    assert {dimension.name for dimension in read.space} == set(search.space)
