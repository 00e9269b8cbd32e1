"""Allow and deny lists of categories against a plain loop over the items."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.category_filter import CategoryFilter

ITEMS = {
    "a": {"item_genre": ["Comedy", "Drama"], "item_year": ["1990"]},
    "b": {"item_genre": ["Drama"], "item_year": ["1991"]},
    "c": {"item_genre": [], "item_year": ["1990"]},
    "d": {"item_genre": ["k=v", "two\nlines"], "item_year": []},
}
CORPUS = ["c", "a", "d", "b"]  # in another order than the table, which also has an item more
KNOWN = [f"{feature}={value}" for item in ITEMS.values() for feature in item for value in item[feature]]
STRANGE = ["item_genre=Nothing", "item_colour=red", "Comedy", "=", "item_genre", "item_genre="]


@pytest.fixture(scope="module")
def category_filter():
    rows = {**ITEMS, "gone": {"item_genre": ["Comedy", "Lost"], "item_year": ["1990"]}}
    table = pa.table(
        {
            "item_id": list(rows),
            **{
                name: pa.array([row[name] for row in rows.values()], pa.list_(pa.string()))
                for name in ("item_genre", "item_year")
            },
        }
    )
    return CategoryFilter(table, np.array([item.encode() for item in CORPUS], object))


def _passes(item, allow, deny):
    has = {f"{feature}={value}" for feature in ITEMS[item] for value in ITEMS[item][feature]}
    named = {category.split("=")[0] for category in allow if category}
    allowed = all(any(c in has and c.split("=")[0] == feature for c in allow) for feature in named)
    return allowed and not has & set(deny)


def _padded(lists):
    width = max(map(len, lists), default=0)
    return tf.constant([[*row, *[""] * (width - len(row))] for row in lists], tf.string, [len(lists), width])


categories = st.lists(st.sampled_from([*KNOWN, *STRANGE, ""]), max_size=4)


@settings(max_examples=60)
@given(st.lists(st.tuples(categories, categories), min_size=1, max_size=4))
def test_an_item_passes_as_a_loop_says(category_filter, requests):
    allow, deny = zip(*requests, strict=True)
    found = category_filter.allowed(_padded(allow), _padded(deny)).numpy()
    expected = [[_passes(item, *request) for item in CORPUS] for request in requests]
    assert found.tolist() == expected


def test_values_of_a_feature_are_alternatives_and_features_are_not(category_filter):
    allow = _padded([["item_genre=Comedy", "item_genre=Drama"], ["item_genre=Drama", "item_year=1990"]])
    found = category_filter.allowed(allow, tf.zeros([2, 0], tf.string)).numpy()
    assert [{CORPUS[i] for i in np.flatnonzero(row)} for row in found] == [{"a", "b"}, {"a"}]


def test_a_corpus_without_categories_allows_none_and_denies_none():
    empty = CategoryFilter(pa.table({"item_id": ["a", "b"]}), np.array([b"a", b"b"], object))
    allow = _padded([["x=y"], [""]])
    assert empty.allowed(allow, _padded([["x=y"], ["x=y"]])).numpy().tolist() == [[False] * 2, [True] * 2]


def test_a_batch_of_nobody(category_filter):
    none = tf.zeros([0, 3], tf.string)
    assert category_filter.allowed(none, none).shape == (0, 4)
