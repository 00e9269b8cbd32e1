"""The pipeline's input from a source and the gateway's events beside it."""

import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.canonical import prepare
from pipeline.config.run import RunConfig
from pipeline.errors import InputError
from pipeline.privacy.erasure_list import ErasureList
from pipeline.privacy.person import Person
from pipeline.privacy.pseudonyms import PseudonymKey, write_key
from pipeline.schema_files import curated_files
from tests.pipeline.feedback_span import write_feedback

FIRST, EVENTS = 1_700_000_000, 40
REQUEST = "a" * 32
DAY = "2025-11-25"


@pytest.fixture
def log(tmp_path):
    """A log in CSV with a value and a kind; an adapter of one's own, and MIND's files, of the same events."""
    rng = np.random.default_rng(0)
    log = pd.DataFrame(
        {
            "user_id": [f"u{n % 5}" for n in range(EVENTS)],
            "item_id": [f"i{n}" for n in rng.integers(0, 8, EVENTS)],
            "timestamp": FIRST + np.arange(EVENTS) * 1000,
            "stars": 3,
            "kind": "click",
        }
    )
    log.to_csv(tmp_path / "log.csv", index=False)
    items = pd.DataFrame({"item_id": [f"i{n}" for n in range(9)]})
    items.assign(title=items.item_id).to_csv(tmp_path / "items.csv", index=False)
    return log


def _settings(tmp_path, feedback=None, columns=(), **changes):
    return {
        "name": "test",
        "output": tmp_path / "runs",
        "privacy": {"user_ids": "raw"},
        "data": {
            "source": "csv",
            "interactions": {"path": tmp_path / "log.csv", **dict(columns)},
            "items": {"path": tmp_path / "items.csv"},
        },
        "features": {"history_length": 50, "crosses": []},
        "ranking": {"tasks": [{"name": "stars", "kind": "value"}]},
        "feedback": feedback,
        **changes,
    }


def _prepare(tmp_path, feedback=None, columns=(), **changes):
    return prepare(RunConfig.model_validate(_settings(tmp_path, feedback, columns, **changes)))


RATINGS = (("value", "stars"),)
TYPES = (("event_type", "kind"),)
ON_TYPES = {"ranking": {"tasks": [{"name": "click", "kind": "event", "event_type": "click"}]}}


def _rows(data):
    tables = [pq.read_table(data.root / "interactions" / split) for split in ("train", "eval", "test")]
    return pa.concat_tables(tables).to_pylist()


def _event(user, item, second, kind, **more):
    row = {"user_id": user, "item_id": item, "timestamp": FIRST + second, "event_type": kind}
    return {**row, **more}


def test_without_events_nothing_changes(tmp_path, log):
    before = _prepare(tmp_path, columns=RATINGS)
    after = _prepare(tmp_path, {}, columns=RATINGS)
    assert (after.root, after.reused) == (before.root, True)
    (tmp_path / "runs" / "test" / "events" / "spans").mkdir(parents=True)
    assert _prepare(tmp_path, {}, columns=RATINGS).reused


def test_ratings_become_interactions_of_a_source_with_values(tmp_path, log):
    spans = tmp_path / "runs" / "test" / "events" / "spans"
    events = [
        _event("u1", "i8", 5500, "rating", value=4.5),
        _event("new", "i1", 5501, "rating", value=2.0),
        _event("u1", "i7", 5502, "click"),
        _event("u1", "i7", 5503, "impression"),
    ]
    write_feedback(spans, DAY, events)
    data = _prepare(tmp_path, {}, columns=RATINGS)
    rows = _rows(data)
    assert len(rows) == EVENTS + 2
    rated = {
        (row["user_id"], row["item_id"]): row for row in rows if row["timestamp"] - FIRST in (5500, 5501)
    }
    assert rated["u1", "i8"]["value"] == 4.5
    assert rated["u1", "i8"]["history_item_ids"] == list(log.item_id[[1]])  # of u1, before
    assert rated["new", "i1"]["value"] == 2.0
    later = next(row for row in rows if row["timestamp"] - FIRST == 6000)
    assert later["history_item_ids"][-1] == "i8"
    assert data.summary["cleaning"]["interactions"]["read"] == EVENTS + 2
    assert _prepare(tmp_path, {}, columns=RATINGS).reused
    write_feedback(spans, "2025-11-26", [_event("u1", "i5", 5600, "rating", value=1.0)])
    assert len(_rows(_prepare(tmp_path, {}, columns=RATINGS))) == EVENTS + 3


def test_a_kind_may_stand_for_a_value(tmp_path, log):
    events = [
        _event("u1", "i8", 5500, "like", value=9.0),
        _event("u1", "i7", 5501, "rating", value=2.0),
        _event("u1", "i6", 5502, "purchase"),
        _event("u1", "i5", 5503, "purchase", value=3.5),
    ]
    write_feedback(tmp_path / "spans", DAY, events)
    kinds = {"like": {"value": 5}, "purchase": {"value": "event"}}
    data = _prepare(tmp_path, {"path": tmp_path / "spans", "kinds": kinds}, columns=RATINGS)
    found = {row["item_id"]: row["value"] for row in _rows(data) if 5500 <= row["timestamp"] - FIRST < 5600}
    assert found == {"i8": 5.0, "i5": 3.5}


def test_what_was_shown_teaches_unless_it_was_taken_up(tmp_path, log):
    other = "b" * 32
    shown = [_event("u1", f"i{n}", 5500, "impression", request_id=REQUEST, rank=n + 1) for n in range(4)]
    events = [
        *shown,
        _event("u1", "i0", 5510, "click", request_id=REQUEST),
        _event("u1", "i1", 5520, "click", request_id=other),
        _event("u1", "i4", 5500, "impression"),
        _event("u2", "i2", 5500, "click", request_id=REQUEST),  # another's
    ]
    write_feedback(
        tmp_path / "spans", DAY, [*events, _event("u1", "i3", 5530, "dismiss", request_id=REQUEST)]
    )
    write_feedback(tmp_path / "spans", "2025-11-26", [_event("u1", "i2", 5540, "like", request_id=REQUEST)])
    data = _prepare(tmp_path, {"path": tmp_path / "spans"}, columns=TYPES, **ON_TYPES)
    rows = [row for row in _rows(data) if row["user_id"] == "u1" and 5500 <= row["timestamp"] - FIRST < 5600]
    assert sorted((row["event_type"], row["item_id"]) for row in rows) == [
        ("click", "i0"),
        ("click", "i1"),
        ("dismiss", "i3"),
        ("impression", "i1"),
        ("impression", "i3"),
        ("impression", "i4"),
        ("like", "i2"),
    ]
    assert data.layout.exposure_types == ("impression", "dismiss")
    assert data.summary["cleaning"]["interactions"]["rules"]["taken_up"] == 2
    later = next(row for row in _rows(data) if row["timestamp"] - FIRST == 6000)
    assert later["history_item_ids"][-3:] == ["i0", "i1", "i2"]  # what was shown is no history


def test_what_two_lists_show_in_the_same_second_is_no_fault(tmp_path, log):
    lists = [_event("u1", "i8", 5500, "impression", request_id=name * 32) for name in "abcdef"]
    write_feedback(tmp_path / "spans", DAY, lists)
    data = _prepare(tmp_path, {"path": tmp_path / "spans"}, columns=TYPES, **ON_TYPES)
    assert data.summary["cleaning"]["interactions"]["rules"] == {"repeated_event": 5}
    assert len([row for row in _rows(data) if row["item_id"] == "i8"]) == 1


def test_clicks_and_impressions_of_news(tmp_path):
    folder = tmp_path / "news"
    folder.mkdir()
    lines = [f"{n}\tU{n % 3}\t11/12/2019 2:{n:02d}:00 PM\tN1\tN{n % 4}-1 N5-0" for n in range(30)]
    (folder / "behaviors.tsv").write_text("\n".join(lines) + "\n")
    news = [f"N{n}\tnews\tworld\tTitle\t\thttps://a\t[]\t[]" for n in range(7)]
    (folder / "news.tsv").write_text("\n".join(news) + "\n")
    noon = 1_573_560_000 - FIRST  # 2019-11-12 12:00
    events = [
        _event("U1", "N6", noon + 10_000, "impression", request_id=REQUEST),
        _event("U1", "N6", noon + 10_005, "click", request_id=REQUEST),
        _event("U1", "N4", noon + 10_000, "impression", request_id=REQUEST),
    ]
    spans = tmp_path / "runs" / "test" / "events" / "spans"
    write_feedback(spans, DAY, events)
    source = {"data": {"source": "mind", "folder": folder}, **ON_TYPES, "privacy": {}}
    data = _prepare(tmp_path, {}, **source)
    found = [row for row in _rows(data) if row["item_id"] in ("N6", "N4")]
    assert [(row["item_id"], row["event_type"]) for row in found] == [("N4", "skip"), ("N6", "click")]
    assert data.layout.exposure_types == ("skip",)
    config = RunConfig.model_validate(_settings(tmp_path, {}, **source))
    assert curated_files(config) is None  # it knows the published months alone


SHOP = """
import pyarrow as pa
from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.raw_file import RawFile
from pathlib import Path
from schemas.features import TableLayout

class Shop(DatasetAdapter):
    timestamp_unit = "%d.%m.%Y %H:%M"

    def __init__(self, folder):
        self.folder = Path(folder)

    def layout(self):
        return TableLayout(has_value=False, has_event_type=True)

    def interaction_files(self):
        return [RawFile(self.folder / "orders.csv")]

    def interactions(self, part):
        columns = {"user_id": "who", "item_id": "what", "timestamp": "placed"}
        for raw in part.file.read(columns, part):
            yield raw.with_column("event_type", "click")

    def items(self):
        yield from RawFile(self.folder / "items.csv").read({"item_id": "item_id", "title": "title"})
"""


def test_events_beside_an_adapter_of_ones_own(tmp_path, log, monkeypatch):
    (tmp_path / "shop_of_this_test.py").write_text(SHOP)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shop_of_this_test", raising=False)
    orders = [f"u{n % 5},i{n % 8},15.11.2023 {n % 24:02d}:{n:02d}" for n in range(EVENTS)]
    (tmp_path / "orders.csv").write_text("\n".join(["who,what,placed", *orders]) + "\n")
    noon = 1_700_049_600 - FIRST  # 2023-11-15 12:00
    write_feedback(tmp_path / "spans", DAY, [_event("u1", "i8", noon, "purchase")])
    source = {"source": "custom", "adapter": "shop_of_this_test:Shop", "options": {"folder": str(tmp_path)}}
    data = _prepare(tmp_path, {"path": tmp_path / "spans"}, data=source, **ON_TYPES)
    found = [row for row in _rows(data) if row["item_id"] == "i8"]
    assert [(row["timestamp"] - FIRST, row["event_type"]) for row in found] == [(noon, "purchase")]


def test_users_keep_their_pseudonyms_and_who_was_erased_stays_out(tmp_path, log):
    write_key(tmp_path / "ids.key")
    key = PseudonymKey.load(tmp_path / "ids.key")
    spans = tmp_path / "runs" / "test" / "events" / "spans"
    events = [
        _event(key.pseudonym(user), "i8", 5500, "rating", value=4.0) for user in ("u1", "u2", "somebody new")
    ]
    write_feedback(spans, DAY, events, key.fingerprint)
    private = {"columns": RATINGS, "privacy": {"key_file": tmp_path / "ids.key"}}
    data = _prepare(tmp_path, {}, **private)
    rated = {row["user_id"] for row in _rows(data) if row["item_id"] == "i8"}
    assert rated == {key.pseudonym(user) for user in ("u1", "u2", "somebody new")}
    assert data.summary["users"] == 6
    person = Person.of("u2", key)
    ErasureList.load(tmp_path / "runs" / "test").add(person, key, set(), set())
    rated = {row["user_id"] for row in _rows(_prepare(tmp_path, {}, **private)) if row["item_id"] == "i8"}
    assert rated == {key.pseudonym(user) for user in ("u1", "somebody new")}


def test_events_by_another_key_are_refused(tmp_path, log):
    write_feedback(tmp_path / "spans", DAY, [_event("u1", "i1", 1, "rating", value=1.0)], "0123456789abcdef")
    with pytest.raises(InputError, match="names users by the pseudonym key 0123456789abcdef"):
        _prepare(tmp_path, {"path": tmp_path / "spans"}, columns=RATINGS)


def test_files_that_are_no_events_are_refused(tmp_path, log):
    path = tmp_path / "spans" / DAY / "events.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"anything")
    with pytest.raises(InputError, match=r"cannot read .*events\.parquet"):
        _prepare(tmp_path, {"path": tmp_path / "spans"}, columns=RATINGS)
    log.to_parquet(path)
    with pytest.raises(InputError, match="was not written by `recstack events export`"):
        _prepare(tmp_path, {"path": tmp_path / "spans"}, columns=RATINGS)


def test_a_path_that_is_not_there_is_told(tmp_path, log):
    with pytest.raises(InputError, match="cannot read the spans"):
        _prepare(tmp_path, {"path": tmp_path / "nowhere"}, columns=RATINGS)


def test_a_span_whose_people_were_all_erased_is_empty(tmp_path, log):
    write_feedback(tmp_path / "spans", DAY, [])
    data = _prepare(tmp_path, {"path": tmp_path / "spans"}, columns=RATINGS)
    assert len(_rows(data)) == EVENTS
