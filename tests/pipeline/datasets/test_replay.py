"""A log that is cut into spans, and read back from them."""

from datetime import date, datetime, timezone

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config.data import CsvSource
from pipeline.datasets.registry import open_adapter
from pipeline.datasets.replay import Replay, write_spans
from pipeline.errors import InputError
from tests.pipeline.datasets.adapter_rows import typed_interactions, typed_items, typed_users

DAY = 86_400
FIRST = int(datetime(2025, 1, 1, tzinfo=timezone.utc).timestamp())
EVENTS, DAYS = 200, 40


@pytest.fixture
def source(tmp_path):
    """Forty days, busier and busier, in no order."""
    rng = np.random.default_rng(0)
    seconds = np.sort(np.sqrt(rng.random(EVENTS)) * DAYS * DAY).astype(int)
    seconds[[0, -1]] = 0, DAYS * DAY - 1
    log = pd.DataFrame(
        {
            "user_id": rng.integers(0, 9, EVENTS),
            "item_id": rng.integers(0, 7, EVENTS),
            "timestamp": FIRST + seconds,
            "stars": rng.integers(1, 6, EVENTS),
        }
    )
    log.sample(frac=1, random_state=0).to_csv(tmp_path / "log.csv", index=False)
    items = pd.DataFrame({"item_id": range(7), "title": [f"t{i}" for i in range(7)], "genre": "x"})
    items.to_csv(tmp_path / "items.csv", index=False)
    pd.DataFrame({"user_id": range(9), "sex": "f"}).to_csv(tmp_path / "users.csv", index=False)
    return CsvSource.model_validate(
        {
            "source": "csv",
            "interactions": {"path": tmp_path / "log.csv", "value": "stars"},
            "items": {"path": tmp_path / "items.csv", "categories": {"genre": "genre"}},
            "users": {"path": tmp_path / "users.csv", "categories": {"sex": "sex"}},
        }
    )


def _days(spans):
    return [(date.fromisoformat(span.name) - date(2025, 1, 1)).days for span in spans]


@pytest.mark.parametrize(("num_spans", "start"), [(4, 0.5), (3, 0.1), (2, 0.6)])
def test_every_event_is_in_the_span_of_its_time(source, tmp_path, num_spans, start):
    spans = write_spans(source, tmp_path / "spans", num_spans, start)
    days = _days(spans)
    length = days[-1] - days[-2]
    assert days[-1] + length == DAYS
    assert set(np.diff(days)) == {length}  # none of these is empty
    tables = [pq.read_table(span) for span in spans]
    for day, table in zip(days, tables, strict=True):
        times = (table["timestamp"].to_numpy() - FIRST) / DAY
        assert (times >= day).all()
        assert (times < day + length).all()
    assert sum(table.num_rows for table in tables) == EVENTS
    before = sum(table.num_rows for table in tables[:-num_spans]) / EVENTS
    assert before == pytest.approx(start, abs=0.15)


def test_what_is_read_back_is_what_was_there(source, tmp_path):
    spans = write_spans(source, tmp_path / "spans", 4, 0.5)
    adapter = Replay(source.model_dump(), str(tmp_path / "spans"), {"window": 4})
    original = open_adapter(source)
    assert adapter.layout() == original.layout()
    ours, theirs = (typed_interactions(x) for x in (adapter, original))
    assert ours.rows == sorted(theirs.rows, key=lambda row: row["timestamp"])
    for read in (typed_items, typed_users):
        assert read(adapter) == read(original)
    assert [span.folder for span in adapter.span_plan().window] == spans[-4:]
    adapter.check()


def test_a_log_that_is_too_short_is_refused(source, tmp_path):
    with pytest.raises(InputError, match="after 90% of the interactions there are fewer than 30 days"):
        write_spans(source, tmp_path / "spans", 30, 0.9)


def test_gaps_make_no_empty_spans(source, tmp_path):
    log = pd.read_csv(tmp_path / "log.csv")
    days = (log.timestamp - FIRST) // DAY
    log[(days < 20) | (days >= 30)].to_csv(tmp_path / "log.csv", index=False)
    spans = write_spans(source, tmp_path / "spans", 4, 0.05)
    assert all(pa.parquet.read_metadata(next(span.iterdir())).num_rows for span in spans)
