"""No raw user id in any byte that a run writes."""

import gzip
import os
import sqlite3

import pandas as pd
import pytest

from pipeline.privacy.pseudonyms import PseudonymKey
from tests.checkerboard import write_checkerboard, write_config
from tests.e2e.conftest import recstack

pytestmark = pytest.mark.slow


def _telling(user_id):
    """An id that cannot stand anywhere by chance."""
    return f"{user_id}.secret@example.org"


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    """A run with pseudonyms on people whose ids give them away; some rows are bad."""
    folder = tmp_path_factory.mktemp("private")
    write_checkerboard(folder)
    for name in ("log", "users"):
        table = pd.read_csv(folder / f"{name}.csv")
        table["user_id"] = table.user_id.map(_telling)
        table.to_csv(folder / f"{name}.csv", index=False)
    with (folder / "log.csv").open("a") as file:
        file.write(f"{_telling('u1')},i1,five,1600000000\n")  # no number
        file.write(f"{_telling('u2')},i1\n")  # too few cells
        file.write(f"{_telling('u3')},i1,5,99\n")  # 1970
    with (folder / "users.csv").open("a") as file:
        file.write(f"{_telling('u1')},north,40\n")  # a second row
    assert recstack("data", "key", "--output", folder / "secret.key").returncode == 0
    config = write_config(folder, {"privacy": {"user_ids": "pseudonyms", "key_file": "secret.key"}})
    done = recstack("run", "--config", config)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, config, done


def _contents(folder):
    """Every file's bytes, what is compressed also as it was."""
    for directory, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(directory, name)
            with open(path, "rb") as file:
                content = file.read()
            yield path, content
            if content[:2] == b"\x1f\x8b":
                yield path, gzip.decompress(content)


def test_no_byte_of_the_run_holds_an_id_or_the_key(private):
    folder, _, done = private
    key = (folder / "secret.key").read_text().strip()
    files = 0
    for path, content in _contents(folder / "runs"):
        files += 1
        assert b"secret@example" not in content, path
        assert key.encode() not in content, path
        assert bytes.fromhex(key) not in content, path
    assert files > 100
    assert "secret@example" not in done.stdout + done.stderr


def test_columns_of_parquet_files_hold_no_id(private):
    # Parquet compresses its pages, so that bytes alone prove nothing.
    folder, _, _ = private
    paths = list((folder / "runs").rglob("*.parquet"))
    assert len(paths) > 5
    for path in paths:
        assert "secret@example" not in pd.read_parquet(path).to_csv(), path
    rules = pd.concat(pd.read_parquet(path) for path in paths if "quarantine" in path.parts)
    assert set(rules.rule) == {"unparsable_value", "unparsable_row", "impossible_time", "duplicate"}
    pseudonym = PseudonymKey.load(folder / "secret.key").pseudonym(_telling("u1"))
    assert set(rules[rules.rule == "unparsable_value"].user_id) == {pseudonym}


def test_ml_metadata_holds_no_id(private):
    folder, _, _ = private
    with sqlite3.connect(folder / "runs" / "checkerboard" / "metadata.sqlite") as database:
        assert "secret@example" not in "\n".join(database.iterdump())


def test_people_are_recommended_to_by_their_ids(private):
    _, config, _ = private
    user = _telling("u3")
    known = recstack("recommend", "--config", config, "--user", user, "--k", 3)
    assert known.returncode == 0, known.stderr
    assert f"user {user}: last interactions" in known.stdout
    unknown = recstack("recommend", "--config", config, "--user", "u3", "--k", 3)
    assert "user u3 is not known" in unknown.stdout


def test_another_key_is_refused(private, tmp_path):
    folder, config, _ = private
    assert recstack("data", "key", "--output", tmp_path / "other.key").returncode == 0
    bundle = folder / "runs" / "checkerboard" / "bundle"
    refused = recstack("recommend", "--bundle", bundle, "--user", "u3")
    assert refused.returncode == 2
    assert "this bundle knows users by pseudonyms" in refused.stderr
    config.write_text(config.read_text().replace("secret.key", str(tmp_path / "other.key")))
    refused = recstack("recommend", "--config", config, "--user", "u3")
    assert refused.returncode == 2
    assert "and the key" in refused.stderr
