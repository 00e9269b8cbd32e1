"""Raw CSV and Parquet files, good and bad."""

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.datasets.raw_file import RawFile
from pipeline.errors import InputError


@pytest.fixture
def csv(tmp_path):
    def write(text, name="a.csv", separator=","):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return RawFile(path, separator)

    return write


def _values(file, name):
    return file.read([name])[name].values.to_pylist()


def test_cells_are_kept_exactly(csv):
    file = csv('id,t\n007,NA\n1e5, é \n"x,""y""",null\n,"two\nlines"\n')
    assert _values(file, "id") == ["007", "1e5", 'x,"y"', ""]
    assert _values(file, "t") == ["NA", " é ", "null", "two\nlines"]


def test_byte_order_mark_separator_and_blank_lines(csv):
    file = csv(b"\xef\xbb\xbfid|t\r\n1|a\r\n\r\n2|b\r\n", separator="|")
    assert file.columns() == ["id", "t"]
    assert _values(file, "id") == ["1", "2"]


def test_compressed(csv):
    assert _values(csv(gzip.compress(b"id,t\n1,a\n"), "a.csv.gz"), "t") == ["a"]


def test_parquet_keeps_types(tmp_path):
    pq.write_table(pa.table({"id": [7, None], "c": [["a"], []]}), tmp_path / "a.parquet")
    file = RawFile(tmp_path / "a.parquet")
    assert file.columns() == ["id", "c"]
    assert _values(file, "id") == [7, None]
    assert _values(file, "c") == [["a"], []]


def test_a_missing_column_is_named_with_those_that_exist(csv):
    with pytest.raises(InputError, match=r"a\.csv has no column 'user'; it has id, t"):
        csv("id,t\n").require(["id", "user"])


def test_a_column_twice(csv):
    with pytest.raises(InputError, match="more than one column 'id'"):
        csv("id,id\n1,2\n").require(["id"])


def test_rows_of_another_width_are_refused(csv):
    file = csv('id,t\n1,"two\nlines"\n\n2,Hello, World\n3\n')
    with pytest.raises(
        InputError, match=r"2 rows have another number .* 2; the first is line 5 with 3: '2,He"
    ):
        file.read(["id"])


def test_lines_are_those_of_an_editor(csv):
    file = csv('id,t\n1,"two\nlines"\n\n2,b\n')
    assert file.place(0) == "line 2"
    assert file.place(1) == "line 5"
    assert csv("", "a.parquet").place(1) == "row 2"


def test_a_cell_too_long_for_pythons_reader_gives_a_row(csv):
    assert csv("id\n" + "x" * 200_000 + "\ny\n").place(1) == "row 2"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty; it needs a header"),
        ("a.csv", b"id,t\n\xff,a\n", "is not a UTF-8 CSV file"),
        ("a.csv", b"\xff\xfei\x00d\x00", "is not a UTF-8 CSV file"),
        ("a.csv.gz", b"id,t\n", "cannot read|is not a UTF-8 CSV"),
        ("a.parquet", b"id,t\n1,a\n", "is not a Parquet file"),
    ],
)
def test_unreadable_content(csv, name, content, message):
    with pytest.raises(InputError, match=message):
        csv(content, name).read(["id"])


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
def test_no_such_file(tmp_path, name):
    with pytest.raises(InputError, match=rf"cannot read .*{name}: .*No such file"):
        RawFile(tmp_path / name).columns()


def test_a_separator_of_two_characters(csv):
    with pytest.raises(InputError, match="must be one character, not '::'"):
        csv("id::t\n", separator="::").columns()
