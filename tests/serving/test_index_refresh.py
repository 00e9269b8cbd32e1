"""Which rows a refresh adds."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import InputError
from serving.added_items import added_items_file
from serving.index_refresh import rows_to_add


def _items(*ids, title="t"):
    return pa.table(
        {"item_id": pa.array(ids, pa.string()), "title": pa.array([title] * len(ids), pa.string())}
    )


@pytest.fixture
def folder(tmp_path):
    vocabulary = tmp_path / "vocabularies" / "items" / "item_id"
    vocabulary.parent.mkdir(parents=True)
    vocabulary.write_text("a\nb c\n")
    return tmp_path


def test_new_rows_come_after_those_that_were_added_before(folder):
    assert rows_to_add(folder, _items("n1")).equals(_items("n1"))
    pq.write_table(_items("n1", "n2", title="old"), added_items_file(folder))
    rows = rows_to_add(folder, _items("n3", "n1", title="new"))
    assert rows.to_pydict() == {"item_id": ["n2", "n3", "n1"], "title": ["old", "new", "new"]}


def test_trained_items_are_refused_or_left_out(folder):
    items = _items("n1", "b c", "a")
    with pytest.raises(InputError, match=r"2 of the 3 items are in the corpus that was trained \(b c, a\)"):
        rows_to_add(folder, items)
    assert rows_to_add(folder, items, only_new=True).equals(_items("n1"))


def test_a_file_without_new_items_is_refused(folder):
    for items in (_items(), _items("a")):
        with pytest.raises(InputError, match="no item that can be added"):
            rows_to_add(folder, items, only_new=True)
