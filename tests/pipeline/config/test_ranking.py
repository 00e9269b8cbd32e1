"""What a ranking configuration may say."""

import pytest
from pydantic import ValidationError

from pipeline.config.ranking import RankingConfig, TaskConfig

LIKE = TaskConfig(name="like", kind="value_at_least", threshold=4.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "value_at_least"}, "'threshold' belongs to kind 'value_at_least'"),
        ({"kind": "dwell", "threshold": 3.0}, "'threshold' belongs to kind 'value_at_least'"),
        ({"kind": "event"}, "'event_type' belongs to kind 'event'"),
        ({"kind": "value", "loss": "listwise"}, "kind 'value' regresses a number"),
        ({"kind": "dwell", "loss": "listwise"}, "kind 'dwell' regresses a number"),
    ],
)
def test_a_task_has_its_parameters_and_no_others(arguments, message):
    with pytest.raises(ValidationError, match=message):
        TaskConfig(name="task", **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tasks": ()}, "at least one task is needed"),
        ({"tasks": (LIKE, LIKE)}, "two tasks share a name: like, like"),
        ({"hidden_dims": ()}, "hidden_dims"),
        ({"architecture": "transformer"}, "architecture"),
    ],
)
def test_a_model_of_inconsistent_parts(arguments, message):
    with pytest.raises(ValidationError, match=message):
        RankingConfig(**arguments)


def test_which_tasks_are_what():
    parameters = {
        "value": {},
        "value_at_least": {"threshold": 4.0},
        "above_usual": {},
        "event": {"event_type": "buy"},
        "dwell": {},
    }
    tasks = {kind: TaskConfig(name="task", kind=kind, **each) for kind, each in parameters.items()}
    assert [kind for kind, task in tasks.items() if task.is_regression] == ["value", "dwell"]
    assert [kind for kind, task in tasks.items() if task.is_value] == ["value"]


def test_lists_are_needed_by_a_listwise_loss_alone():
    assert not RankingConfig().has_lists
    assert RankingConfig(tasks=(LIKE, LIKE.model_copy(update={"name": "l", "loss": "listwise"}))).has_lists
