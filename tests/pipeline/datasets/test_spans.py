"""Dated folders: which are read, and what for."""

from datetime import date, datetime, timezone

import pytest
from pydantic import ValidationError

from pipeline.config.spans import SpansConfig
from pipeline.datasets.spans import find_spans, plan_spans
from pipeline.errors import InputError


def _folders(root, *names):
    for name in names:
        (root / name).mkdir()


def _days(spans):
    return [span.day.isoformat() for span in spans]


def _second(day):
    return int(datetime.fromisoformat(day).replace(tzinfo=timezone.utc).timestamp())


@pytest.fixture
def root(tmp_path):
    """Six days, one of them missing, and what is no span."""
    _folders(tmp_path, "2026-11-30", "2026-11-25", "day=2026-11-26", "2026-11-27", "2026-11-28", "2026-12-01")
    _folders(tmp_path, ".2026-12-02", "2026-12-03.partial", "2026-13-01", "latest")
    (tmp_path / "2026-12-04").write_text("a file")
    return tmp_path


def test_spans_are_the_dated_folders_in_order_of_time(root):
    assert _days(find_spans(root, SpansConfig())) == [
        "2026-11-25",
        "2026-11-26",
        "2026-11-27",
        "2026-11-28",
        "2026-11-30",
        "2026-12-01",
    ]


def test_all_spans_are_the_window_by_default(root):
    plan = plan_spans(root, SpansConfig())
    assert plan.history == ()
    assert plan.read == tuple(find_spans(root, SpansConfig()))
    assert plan.examples_from == _second("2026-11-25")
    assert plan.boundaries.eval_start == _second("2026-11-30")
    assert plan.boundaries.test_start == _second("2026-12-01")


def test_a_window_rolls_and_histories_reach_further_back(root):
    config = SpansConfig(window=3, history=2)
    plan = plan_spans(root, config)
    assert _days(plan.history) == ["2026-11-26", "2026-11-27"]
    assert _days(plan.window) == ["2026-11-28", "2026-11-30", "2026-12-01"]
    assert plan.examples_from == _second("2026-11-28")
    _folders(root, "2026-12-02")
    rolled = plan_spans(root, config)
    assert _days(rolled.window) == ["2026-11-30", "2026-12-01", "2026-12-02"]
    assert rolled.boundaries.test_start == _second("2026-12-02")


def test_several_spans_may_evaluate_and_test(root):
    plan = plan_spans(root, SpansConfig(window=5, history=0, eval=1, test=2))
    assert plan.history == ()
    assert plan.boundaries.eval_start == _second("2026-11-28")
    assert plan.boundaries.test_start == _second("2026-11-30")


def test_a_span_counts_once_its_marker_is_there(root):
    config = SpansConfig(marker="_SUCCESS")
    with pytest.raises(InputError, match=r"holds 0 dated folders .* with a file _SUCCESS .* needs 3"):
        plan_spans(root, config)
    for day in ("2026-11-27", "2026-11-28", "2026-12-01"):
        (root / day / "_SUCCESS").touch()
    assert _days(plan_spans(root, config).window) == ["2026-11-27", "2026-11-28", "2026-12-01"]


def test_two_folders_of_one_day_are_refused(root):
    _folders(root, "day=2026-12-01")
    with pytest.raises(InputError, match="are both of 2026-12-01"):
        find_spans(root, SpansConfig())


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read the spans in .*nowhere"):
        plan_spans(tmp_path / "nowhere", SpansConfig())


def test_too_few_spans_are_refused(tmp_path):
    _folders(tmp_path, "2026-11-25", "2026-11-26")
    with pytest.raises(InputError, match="holds 2 dated folders .*; a run needs 3"):
        plan_spans(tmp_path, SpansConfig())
    _folders(tmp_path, "2026-11-27")
    assert plan_spans(tmp_path, SpansConfig()).window[0].day == date(2026, 11, 25)


@pytest.mark.parametrize(
    "wrong",
    [{"window": 2}, {"window": 4, "eval": 2, "test": 2}, {"eval": 0}, {"history": -1}, {"marker": "a/b"}],
)
def test_settings_that_leave_nothing_to_train_on_are_refused(wrong):
    with pytest.raises(ValidationError):
        SpansConfig.model_validate(wrong)
