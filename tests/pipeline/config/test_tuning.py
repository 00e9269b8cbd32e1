"""The space of a search: what it may hold, and what is said of what it may not."""

import pytest
import yaml
from pydantic import ValidationError

from pipeline.config.ranking import RankingConfig
from pipeline.config.run import load_config
from pipeline.config.search_space import checked_space, load_space, value_at, with_values
from pipeline.config.training import RetrievalConfig
from pipeline.config.tuning import Dimension, TuningConfig
from pipeline.errors import InputError
from tests.checkerboard import write_config


def _checked(tmp_path, space, of="retrieval", **changes):
    config = load_config(write_config(tmp_path, {"tuning": {of: space}, **changes}))
    return checked_space(config, of)


@pytest.mark.parametrize("of", ["retrieval", "ranking"])
def test_the_default_spaces_fit_the_default_configuration(tmp_path, of):
    config = load_config(write_config(tmp_path))
    sections = {"retrieval": RetrievalConfig(), "ranking": RankingConfig()}
    space = checked_space(config.model_copy(update=sections), of)
    assert 4 <= len(space) <= 6
    assert space == checked_space(config, of)  # and that of small tests


def test_the_ends_of_a_range_have_the_settings_type(tmp_path):
    space = _checked(tmp_path, {"dropout": {"min": 0, "max": 0.5}, "batch_size": {"min": 16.0, "max": 64}})
    assert type(space["dropout"].min) is float
    assert type(space["batch_size"].min) is int


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"lerning_rate": {"min": 1, "max": 2}}, "tuning.retrieval: lerning_rate: unknown key; there are"),
        (
            {"history_encoder.bloks": {"min": 1, "max": 2}},
            "history_encoder.bloks: unknown key; there are blo",
        ),
        ({"dropout.rate": {"min": 0, "max": 0.1}}, "dropout.rate: unknown key"),
        ({"history_encoder": {"choices": [1, 2]}}, "name what is in it: history_encoder.blocks"),
        (
            {"dropout": {"min": 0, "max": 1}},
            "dropout: 1.0 cannot be:\n  dropout: Input should be less than 1",
        ),
        ({"history_encoder.kind": {"choices": ["gru", "lstm"]}}, "history_encoder.kind: lstm cannot be"),
        ({"hidden_dims": {"choices": [[8], ["wide"]]}}, "hidden_dims: ['wide'] cannot be"),
        ({"epochs": {"min": 1, "max": 9}}, "epochs: cannot be tuned; it is a trial's budget: --epochs"),
        ({"validation_examples": {"min": 1, "max": 9}}, "validation_examples: cannot be tuned"),
        ({"embedding_dim": {"min": 8.5, "max": 16}}, "is a whole number, and its range is from 8.5 to 16"),
        ({"dropout": {"min": 0, "max": 0.5, "step": 1}}, "dropout: 'step' is for whole numbers"),
        ({"user_id": {"min": 0, "max": 1}}, "user_id: is no number, and has no range; give 'choices'"),
        ({"history_encoder.kind": {"min": 0, "max": 1}}, "history_encoder.kind: is no number"),
    ],
)
def test_a_bad_key_or_value_is_named(tmp_path, space, message):
    with pytest.raises(InputError) as raised:
        _checked(tmp_path, space)
    assert message in str(raised.value)
    assert str(raised.value).startswith("tuning.retrieval: ")


def test_values_that_do_not_fit_each_other(tmp_path):
    heads, widths = {"choices": [3, 6]}, {"choices": [12, 24]}
    # Neither fits the configured one, whose place is taken.
    space = {"history_encoder.heads": heads, "embedding_dim": widths, "dropout": {"min": 0, "max": 0.5}}
    attention = {"history_encoder": {"kind": "self_attention"}}  # which alone has heads
    assert set(_checked(tmp_path, space, retrieval=attention)) == set(space)
    with pytest.raises(
        InputError, match=r"embedding_dim: 9, history_encoder.heads: 6 cannot be:\n.*must divide"
    ):
        _checked(tmp_path, {**space, "embedding_dim": {"choices": [12, 9]}}, retrieval=attention)


def test_ranking_is_not_compared_by_another_loss(tmp_path):
    for key in ("tasks", "loss_weights"):
        with pytest.raises(InputError, match=f"tuning.ranking: {key}: cannot be tuned; trials are compared"):
            _checked(tmp_path, {key: {"choices": ["fixed", "uncertainty"]}}, of="ranking")


@pytest.mark.parametrize(
    ("dimension", "message"),
    [
        ({}, "either 'min' and 'max', or 'choices' are needed"),
        ({"min": 1, "max": 2, "choices": [1, 2]}, "either 'min' and 'max', or 'choices'"),
        ({"min": 1}, "a range needs both 'min' and 'max'"),
        ({"min": 2, "max": 2}, "'min' (2) must be below 'max' (2)"),
        ({"min": 0, "max": 1, "log": True}, "'log' needs a 'min' above 0"),
        ({"min": 1, "max": 9, "log": True, "step": 2}, "and no 'step'"),
        ({"choices": [1]}, "one choice is none"),
        ({"choices": [1, 2, 1]}, "a choice is there twice"),
        ({"choices": [1, 2], "log": True}, "'log' and 'step' belong to a range"),
        ({"mim": 1, "max": 2}, "mim"),
    ],
)
def test_a_dimension_that_is_none(dimension, message):
    with pytest.raises(ValidationError) as raised:
        Dimension(**dimension)
    assert message in str(raised.value)


def test_values_by_which_a_dimension_is_tried():
    assert Dimension(min=2, max=6, step=2).samples() == [2, 4, 6]
    assert Dimension(min=0, max=100, step=30).samples() == [0, 30, 60, 90]
    assert Dimension(min=0, max=1000, step=30).samples() == [0, 990]
    assert Dimension(min=0.0, max=1.0).samples() == [0.0, 1.0]
    assert Dimension(choices=("a", "b")).samples() == ["a", "b"]


def test_values_are_put_where_dotted_keys_say():
    before = RetrievalConfig(dropout=0.4)
    after = with_values(before, {"history_encoder.kind": "gru", "hidden_dims": [8, 4]})
    assert after.history_encoder.kind == value_at(after, "history_encoder.kind") == "gru"
    assert after.hidden_dims == (8, 4)
    assert after.dropout == 0.4
    assert before == RetrievalConfig(dropout=0.4)


def test_a_space_of_its_own_file(tmp_path):
    path = tmp_path / "space.yaml"
    space = {"oracle": "random", "ranking": {"dropout": {"min": 0.1, "max": 0.2}}}
    path.write_text(yaml.safe_dump(space))
    read = load_space(path)
    assert read == TuningConfig(oracle="random", ranking={"dropout": Dimension(min=0.1, max=0.2)})
    path.write_text(yaml.safe_dump({"oracle": "hyperband", "retrieval": {}}))
    with pytest.raises(
        InputError, match="space.yaml is not a valid search space:\n  oracle: .*\n  retrieval: "
    ):
        load_space(path)
    with pytest.raises(InputError, match=r"cannot read the configuration .*none.yaml"):
        load_space(tmp_path / "none.yaml")
