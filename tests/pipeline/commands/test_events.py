"""`recstack events`, and `recstack data erase-user` where there are events."""

import json
from datetime import date

import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.commands.events import export
from pipeline.config.run import load_config
from pipeline.privacy.pseudonyms import PseudonymKey, write_key
from tests.checkerboard import settings
from tests.e2e.conftest import recstack
from tests.gateway.events.samples import event, served
from tests.gateway.events.test_export import write


@pytest.fixture
def folder(tmp_path):
    """A configuration with pseudonyms, and a day of a log with two people."""
    write_key(tmp_path / "ids.key")
    privacy = {"key_file": "ids.key"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**settings(tmp_path), "privacy": privacy}))
    key = PseudonymKey.load(tmp_path / "ids.key")
    ann, bob = key.pseudonym("ann"), key.pseudonym("bob")
    events = [event(f"a{n}", user=ann, item_id=f"i{n}") for n in range(3)]
    write(
        tmp_path / "runs" / "checkerboard" / "events" / "log",
        [served(user=ann), *events, event("b", user=bob, kind="rating", value=3.0)],
        key=key.fingerprint,
    )
    return tmp_path


def _events(folder, command, *arguments):
    return recstack("events", command, "--config", folder / "config.yaml", *arguments)


def _span(folder):
    return folder / "runs" / "checkerboard" / "events" / "spans" / "2025-11-25" / "events.parquet"


def test_show_export_and_erase(folder):
    done = _events(folder, "show")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["2025-11-25", "0", "3", "0", "1", "0", "0", "0", "1", "2", "no"] in rows

    done = _events(folder, "export")
    assert done.returncode == 0, done.stderr
    assert "2025-11-25: 4 events" in done.stdout
    assert pq.read_metadata(_span(folder)).num_rows == 4
    assert "nothing to write" in _events(folder, "export").stdout

    done = _events(folder, "export-user", "--user", "ann")
    record = json.loads(done.stdout)
    assert [entry["item_id"] for entry in record["events"]] == ["i0", "i1", "i2"]
    assert len(record["served"]) == 1
    output = folder / "ann.json"
    assert _events(folder, "export-user", "--user", "ann", "--output", output).returncode == 0
    assert json.loads(output.read_text()) == record
    assert output.stat().st_mode & 0o777 == 0o600

    done = _events(folder, "erase", "--user", "ann")
    assert done.returncode == 0, done.stderr
    assert "erased: 7 events and lists" in done.stdout  # four in the log, three in the span
    assert json.loads(_events(folder, "export-user", "--user", "ann").stdout) == {"events": [], "served": []}
    assert pq.read_table(_span(folder))["event_id"].to_pylist() == ["b"]


def test_erasing_a_user_from_a_run_covers_log_and_spans(folder):
    assert _events(folder, "export").returncode == 0
    arguments = ("data", "erase-user", "--config", folder / "config.yaml", "--user", "ann")
    done = recstack(*arguments, "--verify")
    assert done.returncode == 4
    assert "events of the gateway" in done.stdout
    done = recstack(*arguments)
    assert done.returncode == 0, done.stderr
    assert recstack(*arguments, "--verify").returncode == 0
    assert pq.read_table(_span(folder))["event_id"].to_pylist() == ["b"]
    pseudonym = PseudonymKey.load(folder / "ids.key").pseudonym("ann").encode()
    files = [path for path in (folder / "runs").rglob("*") if path.is_file()]
    assert not [path for path in files if pseudonym in path.read_bytes()]
    # Otherwise the span would be of nobody's key.
    assert _events(folder, "erase", "--user", "bob").returncode == 0


def test_another_key_finds_nobody_and_says_so(folder):
    (folder / "ids.key").unlink()
    write_key(folder / "ids.key")
    for arguments in (("show",), ("export",), ("erase", "--user", "ann"), ("export-user", "--user", "ann")):
        done = _events(folder, *arguments)
        assert done.returncode == 2, arguments
        assert "give the key that it was written with" in done.stderr
    done = recstack("data", "erase-user", "--config", folder / "config.yaml", "--user", "ann")
    assert done.returncode == 2
    assert "give the key that it was written with" in done.stderr


def test_without_events_there_is_nothing_to_do(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings(tmp_path)))
    for arguments in (("show",), ("export",), ("erase", "--user", "a"), ("export-user", "--user", "a")):
        done = _events(tmp_path, *arguments)
        assert done.returncode == 2
        assert "there are no events in" in done.stderr


def test_a_file_that_is_there_is_not_overwritten(folder):
    (folder / "ann.json").write_text("mine")
    done = _events(folder, "export-user", "--user", "ann", "--output", folder / "ann.json")
    assert done.returncode == 2
    assert (folder / "ann.json").read_text() == "mine"


def test_what_is_too_old_is_removed_unread(folder, capsys):
    config = load_config(folder / "config.yaml")
    config = config.model_copy(update={"privacy": config.privacy.model_copy(update={"retention_days": 10})})
    export(config, today=date(2025, 12, 5))
    assert _span(folder).is_file()
    export(config, today=date(2025, 12, 6))
    assert "removed: 2 files and spans of days before 2025-11-26" in capsys.readouterr().out
    assert not _span(folder).exists()
