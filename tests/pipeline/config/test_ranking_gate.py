"""Thresholds of the ranking tasks."""

import pytest
from pydantic import ValidationError

from pipeline.config.ranking import TaskConfig
from pipeline.config.ranking_gate import MetricBound, RankingGateConfig

TASKS = (
    TaskConfig(name="rating", kind="value"),
    TaskConfig(name="like", kind="value_at_least", threshold=4.0),
)


def _gate(thresholds):
    return RankingGateConfig.model_validate({"thresholds": thresholds})


def test_a_lone_bound_stands_for_several():
    bound = {"at_least": 0.6, "lose_at_most": 0.01}
    alone, several = _gate({"like": {"auc": bound}}), _gate({"like": {"auc": [bound]}})
    assert alone == several
    assert alone.thresholds["like"]["auc"] == (MetricBound(at_least=0.6, lose_at_most=0.01),)
    alone.check_tasks(TASKS)
    assert RankingGateConfig.model_validate_json(alone.model_dump_json()) == alone


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        ({}, "give at least one of 'at_least', 'at_most' and 'lose_at_most'"),
        ({"at_least": 2, "at_most": 1}, "nothing is at least 2 and at most 1"),
        ({"lose_at_most": -0.1}, "greater than or equal to 0"),
        ({"below": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_bound_that_bounds_nothing_is_refused(bound, message):
    with pytest.raises(ValidationError, match=message):
        _gate({"like": {"auc": bound}})


@pytest.mark.parametrize("thresholds", [1, {"like": 1}, {"like": {"auc": 1}}])
def test_what_is_no_mapping_of_bounds_is_refused(thresholds):
    with pytest.raises(ValidationError):
        _gate(thresholds)


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ({"click": {"auc": {"at_least": 0.5}}}, "there is no task 'click'; there are rating, like"),
        ({"rating": {"auc": {"at_least": 0.5}}}, "task 'rating' has no metric 'auc'; it has rmse, mae"),
        ({"like": {"rmse": {"at_most": 1}}}, "task 'like' has no metric 'rmse'; it has auc, log_loss"),
        ({"like": {"calibration": {"lose_at_most": 0.1}}}, "like.calibration cannot get worse"),
        ({"like": {"user_auc": {"at_least": 0.5, "slice": {"user": "cold"}}}}, "not measured of slices"),
        ({"like": {"auc": [{"at_least": 0.5}, {"at_most": 0.9}]}}, "like.auc bounds one slice twice"),
    ],
)
def test_a_threshold_that_cannot_be_held_is_refused(thresholds, message):
    with pytest.raises(ValueError, match=message):
        _gate(thresholds).check_tasks(TASKS)
