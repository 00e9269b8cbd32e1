"""Whether a file holds a person, whatever its kind and wherever the id stands in it."""

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.components.encoding import encode_columns
from pipeline.privacy import traces
from pipeline.privacy.person import Person
from pipeline.privacy.traces import holds_person
from tests.pipeline.privacy.small_run import example, write_records

ANN = Person.of("ann@example.com", None)


def _holds(tmp_path, content, person=ANN, name="file"):
    (tmp_path / name).write_bytes(content)
    return holds_person(tmp_path / name, person)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_wherever_the_id_stands_between_two_chunks(tmp_path, monkeypatch, pack):
    monkeypatch.setattr(traces, "_CHUNK_BYTES", 128)
    for before in range(100, 300):
        for prefix, suffix, held in ((b" ", b" ", True), (b" ", b"x", False), (b"x", b" ", False)):
            content = b"." * before + prefix + b"ann@example.com" + suffix + b" " * 200
            assert _holds(tmp_path, pack(content)) is held, (before, prefix, suffix)


@pytest.mark.parametrize("content", [b"ann@example.com", b" ann@example.com", b"ann@example.com "])
def test_small_files(tmp_path, content):
    assert _holds(tmp_path, content)
    assert not _holds(tmp_path, b"")


def test_examples(tmp_path):
    write_records(tmp_path / "a.gz", [example({"user_id": str(n), "item_id": "7"}) for n in range(5)])
    assert holds_person(tmp_path / "a.gz", Person.of("3", None))
    assert not holds_person(tmp_path / "a.gz", Person.of("7", None))


def test_examples_as_the_pipeline_writes_them(tmp_path):
    users = pa.array([[str(n).encode()] for n in range(5)])
    examples = encode_columns({"item_id": pa.array([[b"7"]] * 5), "user_id": users})
    write_records(tmp_path / "a.gz", examples)
    assert holds_person(tmp_path / "a.gz", Person.of("3", None))
    assert not holds_person(tmp_path / "a.gz", Person.of("7", None))


def test_a_vocabulary_of_users_is_judged_by_lines_and_another_is_not(tmp_path):
    person = Person.of("7", None)
    for name in ("user_id", "user_ids.txt"):
        assert _holds(tmp_path, b"6\n7\n8\n", person, name)
        assert _holds(tmp_path, b"6\n7", person, name)
        assert not _holds(tmp_path, b"6\n77\n", person, name)
    assert not _holds(tmp_path, b"6\n7\n8\n", person, "item_id")


def test_a_table_is_judged_by_its_users(tmp_path):
    pq.write_table(pa.table({"user_id": ["6", None], "item_id": ["7", "8"]}), tmp_path / "a.parquet")
    assert holds_person(tmp_path / "a.parquet", Person.of("6", None))
    assert not holds_person(tmp_path / "a.parquet", Person.of("7", None))
    pq.write_table(pa.table({"item_id": ["7"]}), tmp_path / "items.parquet")
    assert not holds_person(tmp_path / "items.parquet", Person.of("7", None))


def test_quarantine_is_judged_by_what_it_quotes(tmp_path):
    folder = tmp_path / "quarantine"
    folder.mkdir()
    row = {"user_id": pa.array([None], pa.string()), "item_id": ["3"], "file": ["4"], "detail": ["7,1"]}
    pq.write_table(pa.table(row), folder / "a.parquet")
    assert holds_person(folder / "a.parquet", Person.of("7", None))
    for other in ("17", "3", "4"):
        assert not holds_person(folder / "a.parquet", Person.of(other, None))


def test_a_damaged_file_counts_as_one_that_holds_them(tmp_path):
    packed = gzip.compress(bytes(1000))
    assert _holds(tmp_path, packed[:-20])
    assert _holds(tmp_path, packed[:10] + b"junk" * 10)
    pq.write_table(pa.table({"user_id": ["6"]}), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    assert _holds(tmp_path, whole[:-30], name="cut.parquet")
    assert _holds(tmp_path, b"", name="empty.parquet")
