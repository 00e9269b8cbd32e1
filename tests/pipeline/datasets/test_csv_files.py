"""Anybody's own files, as the configuration maps them."""

import logging

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config.data import CsvSource
from pipeline.datasets.csv_files import CsvFiles
from pipeline.datasets.registry import open_adapter
from pipeline.datasets.validation import check_tables
from pipeline.errors import InputError

INTERACTIONS = "who,what,when,stars,kind\n007,a,1997-12-04T15:55:49Z,4,view\n8,b,1997-12-05,3.5,buy\n"
ITEMS = "what,name,about,tags,maker,price\na,Ä,long,x|y,m,1.5\nb,B,,,,\n"
USERS = "who,sex,age\n007,f,30\n8,,\n"


@pytest.fixture
def source(tmp_path):
    """A source that maps everything; its files can be written anew."""
    for name, text in (("log", INTERACTIONS), ("items", ITEMS), ("users", USERS)):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return CsvSource.model_validate(
        {
            "source": "csv",
            "interactions": {
                "path": tmp_path / "log.csv",
                "user_id": "who",
                "item_id": "what",
                "timestamp": "when",
                "timestamp_unit": "iso",
                "value": "stars",
                "event_type": "kind",
            },
            "items": {
                "path": tmp_path / "items.csv",
                "item_id": "what",
                "title": "name",
                "text": "about",
                "categories": {"tags": {"column": "tags", "separator": "|"}, "maker": "maker"},
                "numbers": {"price": "price"},
            },
            "users": {
                "path": tmp_path / "users.csv",
                "user_id": "who",
                "categories": {"sex": "sex"},
                "numbers": {"age": "age"},
            },
        }
    )


def _with(source, part, **changes):
    return source.model_copy(update={part: getattr(source, part).model_copy(update=changes)})


def test_every_kind_of_column(source):
    adapter = open_adapter(source)
    adapter.check()
    layout = adapter.layout()
    tables = adapter.load()
    check_tables(tables, layout)
    assert layout.user_categories == ("user_sex",)
    assert layout.user_numbers == ("user_age",)
    assert layout.item_categories == ("item_tags", "item_maker")
    assert layout.item_numbers == ("item_price",)
    assert (layout.has_value, layout.has_event_type, layout.has_text) == (True, True, True)
    assert tables.interactions.to_pylist() == [
        {"user_id": "007", "item_id": "a", "timestamp": 881250949, "value": 4.0, "event_type": "view"},
        {"user_id": "8", "item_id": "b", "timestamp": 881280000, "value": 3.5, "event_type": "buy"},
    ]
    full = {"title": "Ä", "text": "long", "item_tags": ["x", "y"], "item_maker": ["m"], "item_price": 1.5}
    bare = {"title": "B", "text": None, "item_tags": None, "item_maker": None, "item_price": None}
    assert tables.items.to_pylist() == [{"item_id": "a", **full}, {"item_id": "b", **bare}]
    assert tables.users.to_pylist() == [
        {"user_id": "007", "user_sex": "f", "user_age": 30.0},
        {"user_id": "8", "user_sex": None, "user_age": None},
    ]


def test_the_least_mapping(tmp_path):
    (tmp_path / "log.csv").write_text("user_id;item_id;timestamp\n1;a;5\n")
    pq.write_table(pa.table({"item_id": ["a"], "title": ["A"]}), tmp_path / "items.parquet")
    source = CsvSource.model_validate(
        {
            "source": "csv",
            "interactions": {"path": tmp_path / "log.csv", "separator": ";"},
            "items": {"path": tmp_path / "items.parquet"},
        }
    )
    adapter = CsvFiles(source)
    adapter.check()
    tables = adapter.load()
    check_tables(tables, adapter.layout())
    assert not adapter.layout().has_value
    assert tables.interactions.to_pylist() == [{"user_id": "1", "item_id": "a", "timestamp": 5}]
    assert tables.users.num_rows == 0


def test_categories_in_a_parquet_list_column(source, tmp_path):
    columns = {"what": ["a", "b"], "name": ["A", "B"], "tags": [["x", "y"], []]}
    pq.write_table(pa.table(columns), tmp_path / "items.parquet")
    source = _with(
        source,
        "items",
        path=tmp_path / "items.parquet",
        text=None,
        numbers={},
        categories={"tags": "tags"},
    )
    assert CsvFiles(source).load().items["item_tags"].to_pylist() == [["x", "y"], None]


def test_items_without_a_row_get_one(source, caplog):
    source.interactions.path.write_text(INTERACTIONS + "8,NEW,1997-12-06,1,buy\n9,NEW,1997-12-06,1,buy\n")
    with caplog.at_level(logging.WARNING):
        tables = CsvFiles(source).load()
    row = tables.items.to_pylist()[-1]
    assert row == {
        "item_id": "NEW",
        "title": "NEW",
        "text": None,
        "item_tags": None,
        "item_maker": None,
        "item_price": None,
    }
    assert [record.getMessage() for record in caplog.records] == [
        "1 items have interactions but no row in the items file; their ids stand for their titles"
    ]
    check_tables(tables, CsvFiles(source).layout())


@pytest.mark.parametrize(
    ("part", "changes", "message"),
    [
        ("interactions", {"value": "rating"}, "log.csv has no column 'rating'; it has who, what, when"),
        ("items", {"numbers": {"price": "cost"}}, "items.csv has no column 'cost'; it has what, name"),
        ("users", {"user_id": "user"}, "users.csv has no column 'user'; it has who, sex, age"),
    ],
)
def test_missing_columns_are_found_before_reading(source, part, changes, message):
    with pytest.raises(InputError, match=message):
        CsvFiles(_with(source, part, **changes)).check()


def test_a_missing_file_is_found_before_reading(source, tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*none\.csv"):
        CsvFiles(_with(source, "users", path=tmp_path / "none.csv")).check()


@pytest.mark.parametrize(
    ("part", "text", "message"),
    [
        ("interactions", INTERACTIONS.replace("1997-12-05", "soon"), r"log\.csv: 1 row .* line 3: 'soon'"),
        ("interactions", INTERACTIONS.replace("3.5", ""), r"log\.csv: 1 row has no 'stars'.* line 3"),
        ("interactions", INTERACTIONS.replace("buy", ""), r"log\.csv: 1 row has no 'kind'.* line 3"),
        ("items", ITEMS + "a,again,,,,\n", r"items\.csv: 1 row has a 'what' that an earlier .* line 4: 'a'"),
        ("items", ITEMS + "c,Hello, you,,,,\n", r"items\.csv: 1 row has another number of cells .* line 4"),
        ("items", ITEMS.replace("1.5", "dear"), r"items\.csv: 1 row has a 'price' .* line 2: 'dear'"),
        ("users", USERS + "8,m,3\n", r"users\.csv: 1 row has a 'who' that an earlier .* line 4: '8'"),
        ("users", USERS + ",m,3\n", r"users\.csv: 1 row has no 'who'.* line 4"),
    ],
)
def test_bad_values_are_found_with_their_line(source, part, text, message):
    getattr(source, part).path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        CsvFiles(source).load()


def test_fingerprint(source, tmp_path):
    first = CsvFiles(source).fingerprint()
    assert CsvFiles(source).fingerprint() == first
    (tmp_path / "moved.csv").write_text(USERS)
    assert CsvFiles(_with(source, "users", path=tmp_path / "moved.csv")).fingerprint() == first
    assert CsvFiles(_with(source, "interactions", value=None)).fingerprint() != first
    source.users.path.write_text(USERS + "9,f,20\n")
    assert CsvFiles(source).fingerprint() != first
