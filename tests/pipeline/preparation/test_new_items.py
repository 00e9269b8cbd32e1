"""Items from a file of their own."""

import pytest

from pipeline.config.run import RunConfig
from pipeline.errors import InputError
from pipeline.preparation.new_items import read_new_items
from schemas.features import TableLayout

LAYOUT = TableLayout(item_categories=("item_genre",), item_numbers=("item_minutes",), has_text=True)


def _config(data):
    return RunConfig.model_validate({"name": "x", "data": data})


CSV = _config(
    {
        "source": "csv",
        "interactions": {"path": "log.csv"},
        "items": {
            "path": "items.csv",
            "item_id": "code",
            "title": "name",
            "text": "plot",
            "categories": {"genre": {"column": "kinds", "separator": "/"}},
            "numbers": {"minutes": "length"},
        },
    }
)
OTHER = _config({"source": "movielens_100k"})


def test_a_file_is_read_with_the_configured_columns(tmp_path):
    file = tmp_path / "new.csv"
    file.write_text(
        "code,name,plot,kinds,length\n7,Seven,,a/b,90\n,Nobody,,a,1\n8,Eight,long,,bad\n7,Again,,,\n"
    )
    items = read_new_items(file, CSV, LAYOUT)
    assert items.table.to_pydict() == {
        "item_id": ["7", "8"],
        "title": ["Seven", "Eight"],
        "text": [None, "long"],
        "item_genre": [["a", "b"], None],
        "item_minutes": [90.0, None],
    }
    assert items.counts.read == 4
    rejects = [(row["rule"], row["row"]) for table in items.rejects for row in table.to_pylist()]
    assert sorted(rejects) == [("duplicate", 4), ("missing_key", 2), ("unparsable_attribute", 3)]


def test_of_other_sources_it_is_the_canonical_table(tmp_path):
    file = tmp_path / "new.csv"
    file.write_text("item_id,title,item_genre,else\n7,Seven,a|b,x\n8,,,\n")
    items = read_new_items(file, OTHER, LAYOUT)
    assert items.table.to_pydict() == {
        "item_id": ["7", "8"],
        "title": ["Seven", ""],
        "text": [None, None],
        "item_genre": [["a", "b"], None],
        "item_minutes": [None, None],
    }


def test_a_file_without_titles_is_refused(tmp_path):
    file = tmp_path / "new.csv"
    file.write_text("item_id,item_genre\n7,a\n")
    with pytest.raises(InputError, match="no column 'title'"):
        read_new_items(file, OTHER, LAYOUT)
