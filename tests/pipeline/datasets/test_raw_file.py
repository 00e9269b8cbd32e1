"""Raw CSV and Parquet files, good and bad."""

import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.datasets import raw_file
from pipeline.datasets.raw_file import RawFile, raw_files
from pipeline.errors import InputError


@pytest.fixture
def csv(tmp_path):
    def write(text, name="a.csv", **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return RawFile(path, **options)

    return write


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(raw_file, "_BLOCK_BYTES", (64, 1024))


def _rows(file, *names, part=None):
    """Rows as (number, cells) and faults as (rule, number), of all tables together."""
    rows, faults = [], []
    for raw in file.read({name: name for name in names}, part):
        assert raw.file == file.path.name
        cells = zip(*(raw.table[name].to_pylist() for name in names), strict=True)
        rows += [(int(number), *row) for number, row in zip(raw.rows, cells, strict=True)]
        faults += [(fault.rule, int(number)) for fault in raw.faults.faults for number in fault.rows]
    return rows, faults


def _details(file, *names):
    return [f.details for raw in file.read({name: name for name in names}) for f in raw.faults.faults]


def test_cells_are_kept_exactly(csv):
    file = csv('id,t\n007,NA\n1e5, é \n"x,""y""",null\n,"two\nlines"\nУ,😀\nu,\nU , \n')
    assert _rows(file, "id", "t") == (
        [
            (1, "007", "NA"),
            (2, "1e5", " é "),
            (3, 'x,"y"', "null"),
            (4, "", "two\nlines"),
            (5, "У", "😀"),
            (6, "u", ""),
            (7, "U ", " "),
        ],
        [],
    )


def test_columns_get_new_names_and_one_may_serve_twice(csv):
    (raw,) = csv("id,t\n1,a\n").read({"title": "t", "text": "t"})
    assert raw.table.to_pydict() == {"title": ["a"], "text": ["a"]}


def test_byte_order_mark_separator_and_blank_lines(csv):
    file = csv(b"\xef\xbb\xbf\r\nid|t\r\n\r\n1|a\r\n\r\n\r\n2|b\r\n", separator="|")
    assert file.columns() == ["id", "t"]
    assert _rows(file, "id") == ([(1, "1"), (2, "2")], [])


@pytest.mark.parametrize("text", ["id,t\n1,a\n2,b", "id,t\r1,a\r2,b\r", "\n\nid,t\n1,a\n\n2,b\n\n\n"])
def test_ends_of_lines(csv, text):
    assert _rows(csv(text), "t") == ([(1, "a"), (2, "b")], [])


def test_compressed(csv):
    assert _rows(csv(gzip.compress(b"id,t\n1,a\n"), "a.csv.gz"), "t") == ([(1, "a")], [])


@pytest.mark.parametrize("text", ["id,t\n", "id,t"])
def test_a_header_and_nothing_else(csv, text):
    assert _rows(csv(text), "id") == ([], [])


def test_a_file_without_a_header(csv):
    header = ("id", "t")
    assert _rows(csv("1,a\n2\n3,c", header=header), "id", "t") == (
        [(1, "1", "a"), (3, "3", "c")],
        [("unparsable_row", 2)],
    )
    assert _rows(csv("", header=header), "id") == ([], [])


def test_a_file_without_quotes(csv):
    file = csv('id\tt\n1\tHe said "no\n2\t"x"\n', separator="\t", quoted=False)
    assert _rows(file, "t") == ([(1, 'He said "no'), (2, '"x"')], [])


def test_rows_of_another_width_are_left_out_by_their_numbers(csv):
    file = csv('id,t\n1,"two\nlines"\n\n2,Hello, World\n3\n4,d\n5,e,\n')
    assert _rows(file, "id") == (
        [(1, "1"), (4, "4")],
        [("unparsable_row", 2), ("unparsable_row", 3), ("unparsable_row", 5)],
    )
    assert [text for details in _details(file, "id") for text in details] == ["2,Hello, World", "3", "5,e,"]


@pytest.mark.usefixtures("small_blocks")
def test_numbers_and_rows_across_blocks_are_those_of_a_plain_reader(csv):
    rng = np.random.default_rng(0)
    lines = [f'{i},"{"x" * rng.integers(0, 20)}\n"' + ",more" * (rng.random() < 0.2) for i in range(300)]
    rows, faults = _rows(csv("id,t\n" + "\n".join(lines)), "id")
    broken = [i + 1 for i, line in enumerate(lines) if line.endswith("more")]
    assert faults == [("unparsable_row", number) for number in broken]
    assert rows == [(i + 1, str(i)) for i in range(300) if i + 1 not in broken]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("junk", [False, True])
def test_a_row_longer_than_a_block_is_read_in_larger_ones_and_none_twice(csv, junk):
    lines = [b"%d,x" % i + (b"y" * 300 if i == 20 else b"") + b",z" * (i % 7 == 3) for i in range(40)]
    if junk:
        lines[5] = b"5,\xff"
    rows, faults = _rows(csv(b"id,t\n" + b"\n".join(lines)), "id", "t")
    broken = {i + 1: "unparsable_row" for i in range(3, 40, 7)} | ({6: "not_utf8"} if junk else {})
    assert sorted(faults) == sorted((rule, number) for number, rule in broken.items())
    assert [row[:2] for row in rows] == [(i + 1, str(i)) for i in range(40) if i + 1 not in broken]


@pytest.mark.usefixtures("small_blocks")
def test_a_row_longer_than_the_largest_block(csv):
    file = csv("id,t\n1,a\n2," + "x" * 5000 + "\n")
    with pytest.raises(InputError, match=r"a\.csv has a row longer than .* MB after row 1; mend the file"):
        _rows(file, "id")


def test_cells_that_are_no_utf8_cost_their_row_alone(csv):
    file = csv("id,t,u\n1,a,a\n2,é,a\n3,c,é\n".encode("latin-1") + "4,é,a\n".encode())
    assert _rows(file, "id", "t") == ([(1, "1", "a"), (3, "3", "c"), (4, "4", "é")], [("not_utf8", 2)])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # Arrow's, of what we mend
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_rows_of_another_width_that_are_no_utf8(csv, name):
    lines = [b"1,a", b"2,\xff,c", b"3,\xe9", b"\xfe", "5,用".encode(), b"6,f,g"]
    content = b"id,t\n" + b"\n".join(lines)
    file = csv(gzip.compress(content) if name.endswith("gz") else content, name)
    rows, faults = _rows(file, "id", "t")
    assert rows == [(1, "1", "a"), (5, "5", "用")]
    assert sorted(faults, key=lambda fault: fault[1]) == [
        ("unparsable_row", 2),
        ("not_utf8", 3),
        ("unparsable_row", 4),
        ("unparsable_row", 6),
    ]
    assert "2,\ufffd,c" in [text for details in _details(file, "id", "t") for text in details]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("small_blocks")
def test_every_row_of_junk_is_told_once(csv):
    rng = np.random.default_rng(0)
    lines = [b"%d,x" % i for i in range(300)]
    for place in rng.choice(300, 100, replace=False):
        lines[place] = bytes(rng.choice([*range(97, 110), 44, 200, 255], 20).astype(np.uint8))
    rows, faults = _rows(csv(b"id,t\n" + b"\n".join(lines)), "id", "t")
    assert sorted([row[0] for row in rows] + [number for _, number in faults]) == list(range(1, 301))
    assert {row[0] for row in rows} >= {i + 1 for i, line in enumerate(lines) if line == b"%d,x" % i}


def test_a_reader_that_is_left_early_lets_go(csv):
    file = csv("id,t\n" + "1,a\n" * 3_000_000)
    tables = file.read({"id": "id"})
    assert next(tables).table.num_rows > 0
    tables.close()  # a reader that waits for somebody to read on would never come back
    assert next(tables, None) is None


def test_parquet_keeps_types(tmp_path):
    table = pa.table({"id": [7, None], "c": [["a"], []], "d": pa.array(["x", "y"]).dictionary_encode()})
    pq.write_table(table, tmp_path / "a.parquet")
    file = RawFile(tmp_path / "a.parquet")
    assert file.columns() == ["id", "c", "d"]
    (raw,) = file.read({"id": "id", "c": "c", "d": "d"})
    assert raw.table.to_pydict() == {"id": [7, None], "c": [["a"], []], "d": ["x", "y"]}
    assert raw.table["id"].type == pa.int64()


def test_bytes_in_parquet_are_text_or_a_fault(tmp_path):
    table = pa.table({"id": [b"a", b"\xff", None], "t": ["x", "y", "z"]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert _rows(RawFile(tmp_path / "a.parquet"), "id", "t") == (
        [(1, "a", "x"), (3, None, "z")],
        [("not_utf8", 2)],
    )


def test_parts_of_a_parquet_file_cover_it_once_with_its_row_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(raw_file, "_ROWS_PER_TABLE", 25)
    pq.write_table(pa.table({"n": range(1, 104)}), tmp_path / "a.parquet", row_group_size=10)
    file = RawFile(tmp_path / "a.parquet")
    parts = file.parts()
    assert [part.row_groups for part in parts] == [(0, 1, 2), (3, 4, 5), (6, 7, 8), (9, 10)]
    rows = [row for part in parts for row in _rows(file, "n", part=part)[0]]
    assert rows == [(n, n) for n in range(1, 104)]
    assert _rows(file, "n")[0] == rows
    assert file.num_rows() == 103


def test_a_parquet_file_without_rows(tmp_path):
    pq.write_table(pa.table({"n": pa.array([], pa.int64())}), tmp_path / "a.parquet")
    file = RawFile(tmp_path / "a.parquet")
    assert [_rows(file, "n", part=part) for part in file.parts()] == [([], [])]


def test_a_csv_file_is_one_part_and_its_rows_are_guessed(csv):
    file = csv("id,t\n" + "1234567,1234567,12345678901,1234567890\n" * 100)
    (part,) = file.parts()
    assert part.name == "a.csv"
    assert 50 < file.num_rows() < 200


def test_files_of_a_folder_by_name(tmp_path):
    for name in ("b.csv", "a.parquet", "c.tsv.gz", "notes.txt", ".hidden.csv", "_temporary.csv"):
        (tmp_path / name).touch()
    (tmp_path / "d.csv").mkdir()
    assert [file.path.name for file in raw_files(tmp_path)] == ["a.parquet", "b.csv", "c.tsv.gz"]
    assert [file.path for file in raw_files(tmp_path / "b.csv")] == [tmp_path / "b.csv"]


def test_a_folder_without_files(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="has no CSV or Parquet file"):
        raw_files(tmp_path)


def test_a_missing_column_is_named_with_those_that_exist(csv):
    file = csv("id,t\n")
    with pytest.raises(InputError, match=r"a\.csv has no column 'user'; it has id, t"):
        file.require(["id", "user"])
    with pytest.raises(InputError, match="has no column 'user'"):
        _rows(file, "user")


def test_a_column_twice(csv):
    with pytest.raises(InputError, match="more than one column 'id'"):
        csv("id,id\n1,2\n").require(["id"])


_UNREADABLE = {
    "nothing": ("a.csv", b"", "is empty; it needs a header"),
    "blank lines": ("a.csv", b"\n\n", "is empty; it needs a header"),
    "a header that is no UTF-8": ("a.csv", b"i\xff,t\n1,a\n", "is not a UTF-8 CSV file"),
    "UTF-16": ("a.csv", "id,t\n1,a\n".encode("utf-16"), "is not a UTF-8 CSV file"),
    "junk": ("a.csv", np.random.default_rng(0).bytes(9999), "is not a UTF-8 CSV file"),
    "not compressed": ("a.csv.gz", b"id,t\n", "cannot read .*incorrect header"),
    "cut": ("a.csv.gz", gzip.compress(b"id,t\n" + b"1,a\n" * 9999)[:60], "cannot read .*Truncated"),
    "nothing compressed": ("a.csv.gz", gzip.compress(b""), "is empty; it needs a header"),
    "no Parquet": ("a.parquet", b"", "is not a Parquet file"),
    "CSV called Parquet": ("a.parquet", b"id,t\n1,a\n", "is not a Parquet file"),
}


@pytest.mark.parametrize("case", _UNREADABLE)
def test_unreadable_content(csv, case):
    name, content, message = _UNREADABLE[case]
    with pytest.raises(InputError, match=message):
        _rows(csv(content, name), "id")


def test_a_parquet_file_that_was_cut(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"n": range(1000)}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"a\.parquet is not a Parquet file"):
        RawFile(path).parts()


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
def test_no_such_file(tmp_path, name):
    with pytest.raises(InputError, match=rf"cannot read .*{name}: .*No such file"):
        RawFile(tmp_path / name).columns()
    with pytest.raises(InputError, match=rf"cannot read .*{name}: .*No such file"):
        RawFile(tmp_path / name).num_rows()


def test_a_folder_in_place_of_a_file(tmp_path):
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(InputError, match=r"cannot read .*a\.csv: Is a directory"):
        RawFile(tmp_path / "a.csv").columns()


def test_a_separator_of_two_characters(csv):
    with pytest.raises(InputError, match="must be one character, not '::'"):
        csv("id::t\n", separator="::").columns()
