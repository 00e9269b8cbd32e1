"""Prepared data: counts after an erasure, keys, and what killed preparations left."""

import json
import threading

import pyarrow.parquet as pq
import pytest

from pipeline.errors import InputError
from pipeline.locking import exclusive
from pipeline.privacy import spans
from pipeline.privacy.person import Person
from pipeline.privacy.person_rows import remove_rows
from pipeline.privacy.pseudonyms import PseudonymKey
from pipeline.privacy.spans import check_keys, clear_staging, recount
from tests.pipeline.privacy.small_run import write_span

KEY = PseudonymKey(bytes(32))


@pytest.fixture
def span(tmp_path):
    write_span(tmp_path / "data" / "s1", ["ann", "bob", "eve"])
    return tmp_path / "data" / "s1"


def _summary(span):
    return json.loads((span / "summary.json").read_text())


def test_counting_what_did_not_change_changes_nothing(span):
    before = (span / "summary.json").stat().st_ino
    recount(span)
    assert (span / "summary.json").stat().st_ino == before


@pytest.mark.parametrize("waiting", [1, 1 << 20])
def test_counts_are_those_of_the_tables(span, monkeypatch, waiting):
    monkeypatch.setattr(spans, "_WAITING_VALUES", waiting)
    for path in span.rglob("*.parquet"):
        if "user_id" in pq.read_schema(path).names:
            remove_rows(path, Person.of("ann", None))
    for _ in range(2):
        recount(span)
        summary = _summary(span)
        assert summary["users"] == 2
        assert summary["items"] == 4
        assert summary["splits"]["train"] == {"interactions": 4, "users": 2, "items": 2}
        assert summary["splits"]["test"] == {"interactions": 2, "users": 2, "items": 1}
        assert summary["event_types"] == {"view": 4}


def test_a_folder_without_a_summary_is_left_alone(tmp_path):
    recount(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_data_of_another_key_are_refused(span):
    run_dir = span.parent.parent
    for key in (None, KEY):
        check_keys(run_dir, key)  # nothing is recorded: nothing can be said
    (span / "summary.json").write_text(json.dumps({"pseudonym_key": KEY.fingerprint}))
    check_keys(run_dir, KEY)
    with pytest.raises(InputError, match=f"s1 has pseudonyms of the key {KEY.fingerprint}, and no key was"):
        check_keys(run_dir, None)
    with pytest.raises(InputError, match="was given: nobody can be found there"):
        check_keys(run_dir, PseudonymKey(b"\1" * 32))
    manifest = run_dir / "bundle" / "versions" / "1" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"pseudonym_key": "0" * 16}))
    with pytest.raises(InputError, match="versions/1 has pseudonyms of the key 0000"):
        check_keys(run_dir, KEY)
    (span / "summary.json").write_text("{")
    with pytest.raises(InputError, match="summary.json is damaged"):
        check_keys(run_dir, KEY)


def test_what_a_killed_preparation_left_goes(span):
    (span.parent / "s2.lock").touch()
    write_span(span.parent / "s2.staging", ["ann"])
    clear_staging(span.parent)
    assert sorted(path.name for path in span.parent.iterdir()) == ["s1", "s2.lock"]


def test_a_preparation_under_way_is_waited_for(span):
    lock = span.parent / "s2.lock"
    with exclusive(lock):
        thread = threading.Thread(target=clear_staging, args=[span.parent])
        thread.start()
        write_span(span.parent / "s2.staging", ["ann"])
        thread.join(0.3)
        assert thread.is_alive()
        (span.parent / "s2.staging").rename(span.parent / "s2")
    thread.join()
    assert (span.parent / "s2" / "summary.json").is_file()
