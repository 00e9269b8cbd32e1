"""Configuration files, right and wrong."""

from pathlib import Path

import pytest
import yaml

from pipeline.config.run import load_config
from pipeline.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
CSV = {
    "name": "mine",
    "data": {"source": "csv", "interactions": {"path": "log.csv"}, "items": {"path": "/abs/items.csv"}},
}


def _load(tmp_path, config):
    path = tmp_path / "config.yaml"
    path.write_text(config if isinstance(config, str) else yaml.safe_dump(config), encoding="utf-8")
    return load_config(path)


def test_the_shipped_configurations_are_valid():
    files = sorted((ROOT / "configs").glob("*.yaml"))
    assert files
    for file in files:
        assert load_config(file).name == file.stem


def test_paths_of_inputs_are_taken_from_the_configurations_folder(tmp_path):
    privacy = {"key_file": "ids.key"}
    config = _load(tmp_path, {**CSV, "schema_dir": "strict", "text": {"weights": "bert"}, "privacy": privacy})
    assert config.data.interactions.path == tmp_path / "log.csv"
    assert config.data.items.path == Path("/abs/items.csv")
    assert config.schema_dir == tmp_path / "strict"
    assert config.privacy.key_file == tmp_path / "ids.key"
    assert config.text.weights == str(tmp_path / "bert")


def test_names_of_weights_are_no_paths(tmp_path):
    assert _load(tmp_path, {**CSV, "text": {"weights": "minilm"}}).text.weights == "minilm"


def test_outputs_are_taken_from_the_working_folder(tmp_path):
    config = _load(tmp_path, CSV)
    assert config.run_dir == Path("runs/mine")
    assert config.bundle_dir == Path("runs/mine/bundle")


def test_a_configuration_is_frozen(tmp_path):
    config = _load(tmp_path, CSV)
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 1


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"retrieval": {"epoch": 3}}, "retrieval.epoch: unknown key"),
        ({"colour": "red"}, "colour: unknown key"),
        ({"name": None}, "name: Input should be a valid string"),
        ({"name": "No Spaces"}, "name: String should match pattern"),
        ({"data": {"source": "csv"}}, "data.csv.interactions: missing"),
        ({"data": {"source": "books"}}, "data: Input tag 'books' found using 'source' does not match"),
        ({"retrieval": {"learning_rate": 0}}, "retrieval.learning_rate: Input should be greater than 0"),
        ({"split": {"train": 0.9}}, "split: train, eval and test must add up to 1, not 1.1"),
        (
            {"ranking": {"tasks": [{"name": "buy", "kind": "event"}]}},
            "ranking.tasks.0: 'event_type' belongs to kind 'event', and to it alone",
        ),
        (
            {"ranking": {"tasks": [{"name": "a", "kind": "value", "threshold": 3}]}},
            "ranking.tasks.0: 'threshold' belongs to kind 'value_at_least', and to it alone",
        ),
        ({"ranking": {"tasks": []}}, "ranking: at least one task is needed"),
        (
            {"ranking": {"tasks": [{"name": "a", "kind": "value"}] * 2}},
            "ranking: two tasks share a name: a, a",
        ),
        ({"ranking": {"order_by": {"like": 1}}}, "ranking.order_by: unknown key"),
        (
            {"ranking": {"tasks": [{"name": "retrieval", "kind": "value"}]}},
            "(top level): two of the fusion's scores are named 'retrieval'",
        ),
        (
            {"ranking": {"tasks": [{"name": "ease", "kind": "value"}]}},
            "(top level): two of the fusion's scores are named 'ease'",
        ),
        (
            {"collaborative": {"sources": [{"kind": "popularity", "name": "content"}]}},
            "(top level): two of the fusion's scores are named 'content'",
        ),
        (
            {"fusion": {"sources": ["retrieval", "liking"]}},
            "(top level): fusion.sources names 'liking'; there are retrieval, content, item_knn, user_knn, "
            "ease, ials, content_factors, popularity, rating, like, above_usual",
        ),
        (
            {"gate": {"lists": [{"metric": "recall@20", "at_least": 0.1, "slice": {"age": "old"}}]}},
            "(top level): gate.lists: there are no slices by 'age'; there are user, user_activity, item, ",
        ),
        (
            {"gate": {"ranking": {"thresholds": {"click": {"auc": {"at_least": 0.5}}}}}},
            "(top level): gate.ranking.thresholds: there is no task 'click'; there are rating, like, ",
        ),
        ({"gate": {"beat_baselines": False}}, "gate.beat_baselines: unknown key"),
        (
            {"evaluation": {"activity_edges": [5, 1]}},
            "evaluation: activity_edges must be rising numbers, one at least, not [5, 1]",
        ),
        (
            {"retrieval": {"embedding_dim": 9}},
            "retrieval: history_encoder.heads (2) must divide embedding_dim (9)",
        ),
        ({"retrieval": {"sampler": "none"}}, "retrieval.sampler: Input should be 'auto', 'full', 'in_batch'"),
    ],
)
def test_a_wrong_key_is_named_with_what_was_expected(tmp_path, change, line):
    with pytest.raises(InputError) as caught:
        _load(tmp_path, {**CSV, **change})
    assert f"\n  {line}" in str(caught.value)
    assert "config.yaml is not a valid configuration" in str(caught.value)


def test_every_wrong_key_is_named_at_once(tmp_path):
    with pytest.raises(InputError) as caught:
        _load(tmp_path, {**CSV, "colour": "red", "shape": "round"})
    assert "colour: unknown key" in str(caught.value)
    assert "shape: unknown key" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "must hold a mapping of settings, not list"),
        ("", "must hold a mapping of settings, not NoneType"),
        ("a: [", "is not a YAML file"),
    ],
)
def test_a_file_that_is_no_mapping(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        _load(tmp_path, text)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot read the configuration .*none.yaml: No such file"):
        load_config(tmp_path / "none.yaml")
