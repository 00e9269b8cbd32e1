"""When a run is due."""

from datetime import date, datetime, timedelta, timezone

import pytest

from pipeline.errors import InputError
from pipeline.triggers import LastRun, has_news, is_scheduled, read_last_run, write_last_run

BEGAN = datetime(2026, 11, 25, 3, tzinfo=timezone.utc)
LAST = LastRun(date(2026, 11, 24), BEGAN, 3)


def test_what_was_written_is_read(tmp_path):
    assert read_last_run(tmp_path / "last_run.json") is None
    write_last_run(tmp_path / "last_run.json", LAST)
    assert read_last_run(tmp_path / "last_run.json") == LAST


@pytest.mark.parametrize(
    "content", ["", "[]", '{"newest": "yesterday", "began": 0}', '{"newest": "2026-11-24"}']
)
def test_a_damaged_record_is_refused(tmp_path, content):
    (tmp_path / "last_run.json").write_text(content)
    with pytest.raises(InputError, match="last_run.json, which says what the last run was.*remove it"):
        read_last_run(tmp_path / "last_run.json")


def test_a_later_span_is_news():
    assert has_news(date(2026, 11, 25), LAST)
    assert not has_news(date(2026, 11, 24), LAST)
    assert not has_news(date(2026, 11, 23), LAST)
    assert has_news(date(2026, 11, 23), None)


def test_a_run_is_scheduled_so_long_after_the_last_began():
    day = timedelta(hours=24)
    assert is_scheduled(None, BEGAN, day)
    assert is_scheduled(LAST, BEGAN + day, day)
    assert not is_scheduled(LAST, BEGAN + day - timedelta(seconds=1), day)
