"""Rows are taken out whole, and nothing else changes."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import InputError
from pipeline.privacy.person import Person
from pipeline.privacy.person_rows import remove_rows

ANN = Person.of("ann", None)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_only_the_persons_rows_go(tmp_path, kind):
    users = ["bob", "ann", None, "Ann", "ann"] * 100
    table = pa.table(
        {
            "user_id": pa.array(users, kind),
            "history": [["ann"]] * 500,
            "value": pa.array(np.arange(500), pa.float32()),
        }
    )
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, row_group_size=70)
    path.chmod(0o640)
    schema = pq.read_schema(path)
    assert remove_rows(path, ANN) == 200
    left = pq.read_table(path)
    assert left.schema == schema
    keep = [row for row, user in enumerate(users) if user != "ann"]
    assert left["value"].to_pylist() == keep
    assert left["user_id"].to_pylist() == [users[row] for row in keep]
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]


def test_nobody_may_be_left(tmp_path):
    pq.write_table(pa.table({"user_id": ["ann"], "n": [1]}), tmp_path / "a.parquet")
    assert remove_rows(tmp_path / "a.parquet", ANN) == 1
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 0


def test_a_damaged_table_stays_as_it_is(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 no table")
    with pytest.raises(InputError, match="a.parquet is damaged, and nobody can be taken out of it"):
        remove_rows(path, ANN)
    assert path.read_bytes() == b"PAR1 no table"
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]
