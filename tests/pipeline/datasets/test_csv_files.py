"""Anybody's own files, as the configuration maps them."""

import pickle

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config.data import CsvSource
from pipeline.datasets.csv_files import CsvFiles
from pipeline.datasets.registry import open_adapter
from pipeline.datasets.validation import check_layout
from pipeline.errors import InputError
from tests.pipeline.datasets.adapter_rows import typed_interactions, typed_items, typed_users

INTERACTIONS = (
    "who,what,when,stars,kind,secs\n007,a,1997-12-04T15:55:49Z,4,view,9.5\n8,b,1997-12-05,3.5,buy,\n"
)
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
                "dwell_seconds": "secs",
                "exposure_types": ["shown"],
                "prior_types": ["before"],
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
    check_layout(layout)
    assert layout.user_categories == ("user_sex",)
    assert layout.user_numbers == ("user_age",)
    assert layout.item_categories == ("item_tags", "item_maker")
    assert layout.item_numbers == ("item_price",)
    assert (layout.has_value, layout.has_event_type, layout.has_text, layout.has_dwell) == (True,) * 4
    assert (layout.exposure_types, layout.prior_types) == (("shown",), ("before",))
    first = {"user_id": "007", "item_id": "a", "timestamp": 881250949, "value": 4.0, "event_type": "view"}
    second = {"user_id": "8", "item_id": "b", "timestamp": 881280000, "value": 3.5, "event_type": "buy"}
    assert typed_interactions(adapter).rows == [
        {**first, "dwell_seconds": 9.5},
        {**second, "dwell_seconds": None},
    ]
    full = {"title": "Ä", "text": "long", "item_tags": ["x", "y"], "item_maker": ["m"], "item_price": 1.5}
    bare = {"title": "B", "text": None, "item_tags": None, "item_maker": None, "item_price": None}
    assert typed_items(adapter).rows == [{"item_id": "a", **full}, {"item_id": "b", **bare}]
    assert typed_users(adapter).rows == [
        {"user_id": "007", "user_sex": "f", "user_age": 30.0},
        {"user_id": "8", "user_sex": None, "user_age": None},
    ]
    assert not adapter.ids_are_public


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
    assert not adapter.layout().has_value
    assert typed_interactions(adapter).rows == [{"user_id": "1", "item_id": "a", "timestamp": 5}]
    assert typed_users(adapter).rows == []


def test_categories_in_a_parquet_list_column(source, tmp_path):
    columns = {"what": ["a", "b"], "name": ["A", "B"], "tags": [["x", "y"], []]}
    pq.write_table(pa.table(columns), tmp_path / "items.parquet")
    path = tmp_path / "items.parquet"
    source = _with(source, "items", path=path, text=None, numbers={}, categories={"tags": "tags"})
    assert [row["item_tags"] for row in typed_items(CsvFiles(source)).rows] == [["x", "y"], None]


def test_a_folder_of_files(source, tmp_path):
    folder = tmp_path / "log"
    folder.mkdir()
    header, *rows = INTERACTIONS.splitlines()
    (folder / "2.csv").write_text(f"{header}\n{rows[0]}\n")
    reordered = "kind,secs,extra,who,what,when,stars\nbuy,,?,8,b,1997-12-05,3.5\n,,?,8,b,1997-12-05,3.5\n"
    (folder / "1.csv").write_text(reordered)
    adapter = CsvFiles(_with(source, "interactions", path=folder))
    adapter.check()
    assert [part.name for part in adapter.parts()] == ["1.csv", "2.csv"]
    typed = typed_interactions(adapter)
    assert [row["user_id"] for row in typed.rows] == ["8", "007"]
    assert typed.rejects == [("1.csv", 2, "missing_key")]


def test_a_file_of_a_folder_that_lacks_a_column_is_found_before_reading(source, tmp_path):
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "1.csv").write_text(INTERACTIONS)
    (folder / "2.csv").write_text("who,what,when,stars\n8,b,1997-12-05,3.5\n")
    with pytest.raises(InputError, match=r"2\.csv has no column 'kind'; it has who, what, when, stars"):
        CsvFiles(_with(source, "interactions", path=folder)).check()


def test_parts_of_a_parquet_file_may_be_read_in_any_order_elsewhere(source, tmp_path):
    n = 300_000
    columns = {
        "who": ["u"] * n,
        "what": ["a"] * n,
        "when": range(n),
        "stars": [1.0] * n,
        "kind": ["view"] * n,
    }
    table = pa.table({**columns, "secs": pa.nulls(n, pa.float32())})
    pq.write_table(table, tmp_path / "log.parquet", row_group_size=70_000)
    source = _with(source, "interactions", path=tmp_path / "log.parquet", timestamp_unit="s")
    adapter = pickle.loads(pickle.dumps(CsvFiles(source)))  # as it travels to Beam's workers
    parts = pickle.loads(pickle.dumps(adapter.parts()))
    assert len(parts) == 3
    numbers = [n for part in reversed(parts) for raw in adapter.interactions(part) for n in raw.rows]
    assert sorted(numbers) == list(range(1, 300_001))


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
    ("part", "text", "rejects"),
    [
        ("interactions", INTERACTIONS.replace("1997-12-05", "soon"), [("log.csv", 2, "unparsable_value")]),
        ("interactions", INTERACTIONS.replace("3.5", ""), [("log.csv", 2, "missing_key")]),
        ("interactions", INTERACTIONS.replace("buy", ""), [("log.csv", 2, "missing_key")]),
        ("interactions", INTERACTIONS.replace("9.5", "x"), [("log.csv", 1, "unparsable_attribute")]),
        ("items", ITEMS + "c,Hello, you,,,,\n", [("items.csv", 3, "unparsable_row")]),
        ("items", ITEMS.replace("1.5", "dear"), [("items.csv", 1, "unparsable_attribute")]),
        ("users", USERS + ",m,3\n", [("users.csv", 3, "missing_key")]),
    ],
)
def test_bad_values_are_rejected_with_their_row(source, part, text, rejects):
    getattr(source, part).path.write_text(text, encoding="utf-8")
    typed = {"interactions": typed_interactions, "items": typed_items, "users": typed_users}[part]
    assert typed(CsvFiles(source)).rejects == rejects


def test_a_clock_in_milliseconds(source):
    source.interactions.path.write_text("who,what,when,stars,kind,secs\n8,b,881280000999,3.5,buy,\n")
    milliseconds = CsvFiles(_with(source, "interactions", timestamp_unit="ms"))
    assert typed_interactions(milliseconds).rows[0]["timestamp"] == 881280000
    # Taken for seconds it lies in the year 29896, which the cleaning rules reject; see docs/data.md.
    seconds = CsvFiles(_with(source, "interactions", timestamp_unit="s"))
    assert typed_interactions(seconds).rows[0]["timestamp"] == 881280000999


def test_fingerprint(source, tmp_path):
    first = CsvFiles(source).fingerprint()
    assert CsvFiles(source).fingerprint() == first
    (tmp_path / "moved.csv").write_text(USERS)
    assert CsvFiles(_with(source, "users", path=tmp_path / "moved.csv")).fingerprint() == first
    assert CsvFiles(_with(source, "interactions", value=None)).fingerprint() != first
    source.users.path.write_text(USERS + "9,f,20\n")
    assert CsvFiles(source).fingerprint() != first
