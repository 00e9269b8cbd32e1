"""What a training starts from: rows by the words that they stand for, whatever the vocabularies became."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from pipeline.config.data import FeaturesConfig
from pipeline.config.ranking import TaskConfig
from pipeline.preprocessing import TransformSettings
from schemas.features import ITEM_ID, Stream, TableLayout
from tests.pipeline.small_transform import small_transform
from trainer.carried_weights import known_items
from trainer.streams import TransformedStream
from trainer.warm_start import EarlierModel, Table, Weights, carry_over, save_weights

LAYOUT = TableLayout(item_categories=("item_tags",))
SETTINGS = TransformSettings(
    layout=LAYOUT,
    features=FeaturesConfig(crosses=()),
    tasks=(TaskConfig(name="like", kind="value_at_least", threshold=4),),
)
BEFORE = {"a": ["x"], "b": ["y", "x"], "c": ["x"]}
AFTER = {"d": ["z"], "c": ["y"], "a": ["y", "z"], "e": ["y"]}
BLOCK, OTHERS = 2, 1


def _items_graph(items, folder):
    rows = [{"item_id": item, "title": item, "item_tags": tags} for item, tags in items.items()]
    return small_transform(rows, SETTINGS, Stream.ITEMS, folder)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """The items' graphs of two trainings."""
    return tuple(
        _items_graph(items, tmp_path_factory.mktemp(name))
        for name, items in (("before", BEFORE), ("after", AFTER))
    )


@pytest.fixture
def earlier(graphs, tmp_path):
    return EarlierModel(str(tmp_path), {Stream.ITEMS: str(graphs[0].output.transform_savedmodel_dir) + "/.."})


@pytest.fixture
def now(graphs):
    return {Stream.ITEMS: graphs[1].output}


def _words(transform, name):
    return [word.decode() for word in transform.output.vocabulary_by_name(name)]


def _variable(value, name="table/embeddings"):
    return tf.Variable(np.asarray(value, np.float32), name=name)


def _numbered(num_words, block=1, start=0.0):
    """[rows, 3], no two alike."""
    rows = (num_words + OTHERS) * block
    return start + np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)


def _save(folder, variables, tables=(), group="towers", values=None):
    save_weights(Weights({group: variables}, tables, values or {}), str(folder))


@pytest.mark.parametrize("vocabulary", [ITEM_ID, "item_tags"])
@pytest.mark.parametrize("block", [1, BLOCK])
def test_rows_follow_their_words(graphs, earlier, now, tmp_path, vocabulary, block):
    before, after = (_words(graph, vocabulary) for graph in graphs)
    assert before != after
    old = _numbered(len(before), block)
    fresh = _numbered(len(after), block, start=-1000.0)
    _save(tmp_path, [_variable(old)])
    table = Table(_variable(fresh), Stream.ITEMS, vocabulary, block)
    assert carry_over(Weights({"towers": [table.variable]}, [table]), earlier, now) == {"towers": True}
    got = table.variable.numpy().reshape(-1, block, 3)
    old, fresh = old.reshape(-1, block, 3), fresh.reshape(-1, block, 3)
    for place, word in enumerate(after):
        expected = old[before.index(word)] if word in before else fresh[place]
        np.testing.assert_array_equal(got[place], expected, err_msg=word)
    np.testing.assert_array_equal(got[len(after) :], old[len(before) :])


def test_newcomers_start_from_the_unknown_row(graphs, earlier, now, tmp_path):
    before, after = (_words(graph, ITEM_ID) for graph in graphs)
    old = _numbered(len(before))
    _save(tmp_path, [_variable(old)])
    table = Table(_variable(_numbered(len(after))), Stream.ITEMS, ITEM_ID, newcomers_are_unknown=True)
    carry_over(Weights({"towers": [table.variable]}, [table]), earlier, now)
    for word in ("d", "e"):
        np.testing.assert_array_equal(table.variable[after.index(word)], old[-1])


def test_other_variables_are_copied_and_values_may_be_kept_in_their_place(earlier, now, tmp_path):
    kernel, bias = _variable([[1.0, 2.0]], "dense/kernel"), _variable([3.0], "dense/bias")
    _save(tmp_path, [kernel, bias], values={("towers", 1): tf.constant([7.0])})
    fresh = [_variable([[0.0, 0.0]], "dense_4/kernel"), _variable([0.0], "dense_4/bias")]
    assert carry_over(Weights({"towers": fresh}, []), earlier, now) == {"towers": True}
    np.testing.assert_array_equal(fresh[0], [[1.0, 2.0]])
    np.testing.assert_array_equal(fresh[1], [7.0])


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param([("dense/kernel", [[0.0, 0.0, 0.0]])], id="another width"),
        pytest.param([("other/kernel", [[0.0, 0.0]])], id="another name"),
        pytest.param([("dense/kernel", [[0.0, 0.0]]), ("dense/bias", [0.0])], id="one more"),
    ],
)
def test_a_group_of_another_architecture_keeps_its_fresh_values(earlier, now, tmp_path, caplog, variables):
    _save(tmp_path, [_variable([[1.0, 2.0]], "dense/kernel")])
    fresh = [_variable(value, name) for name, value in variables]
    with caplog.at_level(logging.WARNING):
        assert carry_over(Weights({"towers": fresh}, []), earlier, now) == {"towers": False}
    assert "towers of the last model is of another architecture" in caplog.text
    assert all((variable.numpy() == 0).all() for variable in fresh)


def test_a_model_that_kept_nothing_is_no_start(earlier, now, caplog):
    fresh = [_variable([0.0])]
    assert carry_over(Weights({"towers": fresh}, []), earlier, now) == {"towers": False}
    assert fresh[0].numpy() == 0


def test_items_are_known_that_had_an_embedding_of_their_own(graphs, earlier, tmp_path):
    """Of c and of nobody else the unknown item's row was kept."""
    before, after = (_words(graph, ITEM_ID) for graph in graphs)
    rows = _numbered(len(before))
    rows[before.index("c")] = rows[-1]
    _save(tmp_path, [_variable(rows)], group="item_ids")
    stream = TransformedStream("", str(graphs[1].output.transform_savedmodel_dir) + "/..")
    known = known_items(earlier, stream, dim=3)
    assert {word for word, is_known in zip(after, known, strict=True) if is_known} == {"a"}
    assert known_items(earlier, stream, dim=4) is None
