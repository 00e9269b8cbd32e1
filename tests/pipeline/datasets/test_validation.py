"""Checks of layouts."""

import pytest

from pipeline.datasets.validation import check_layout
from pipeline.errors import InputError
from schemas.features import TableLayout


def test_layouts():
    check_layout(TableLayout(item_numbers=("item_year",)))
    # The same name on both sides is two features of two streams.
    check_layout(TableLayout(user_categories=("x",), item_categories=("x",)))


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (TableLayout(user_categories=("user_id",)), "two features would have the name 'user_id'"),
        (TableLayout(user_categories=("user_a",), user_numbers=("user_a",)), "name 'user_a'"),
        (
            TableLayout(item_categories=("item_a_bucket",), item_numbers=("item_a",)),
            "name 'item_a_bucket'",
        ),
        (TableLayout(item_categories=("item_v",), item_vectors=(("item_v", 4),)), "name 'item_v'"),
        (TableLayout(item_numbers=("item_a b",)), "'item_a b' cannot be a feature's name"),
        (TableLayout(user_numbers=("user_岁",)), "'user_岁' cannot be a feature's name"),
    ],
)
def test_bad_layouts(layout, message):
    with pytest.raises(InputError, match=message):
        check_layout(layout)
