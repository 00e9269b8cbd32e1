"""`recstack data erase-user`: exit codes, and what is said."""

import json

import pytest
import yaml

from pipeline.privacy.pseudonyms import PseudonymKey, write_key
from serving.layout import serving_dir
from serving.tf_serving.labels import Labels, write_labels
from tests.checkerboard import settings, write_checkerboard, write_config
from tests.e2e.conftest import recstack
from tests.pipeline.privacy.small_run import write_run, write_version

PEOPLE = ["ann", "bob", "eve"]


@pytest.fixture
def folder(tmp_path):
    """A run with pseudonyms, and its configuration."""
    write_key(tmp_path / "ids.key")
    key = PseudonymKey.load(tmp_path / "ids.key")
    privacy = {"key_file": "ids.key"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**settings(tmp_path), "privacy": privacy}))
    write_run(tmp_path / "runs" / "checkerboard", [key.pseudonym(user) for user in PEOPLE])
    return tmp_path


def _erase(folder, *arguments):
    return recstack("data", "erase-user", "--config", folder / "config.yaml", *arguments)


def test_erase_retrain_and_remove(folder):
    assert _erase(folder, "--user", "ann", "--verify").returncode == 4
    done = _erase(folder, "--user", "ann")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["prepared", "data", "11", "0"] in rows
    for said in (
        "artifacts/Indexer/index/6",
        "bundle/versions/2",
        "RetrievalTrainer, Indexer",
        "recstack run",
    ):
        assert said in done.stdout

    done = _erase(folder, "--user", "ann", "--verify")
    assert done.returncode == 4
    assert "the user is still found in " in done.stderr

    done = _erase(folder, "--user", "ann", "--remove-versions")
    assert done.returncode == 0
    assert "removed: version 1 of the bundle" in done.stdout
    assert "removed: version 2" not in done.stdout

    key = PseudonymKey.load(folder / "ids.key")
    write_version(folder / "runs" / "checkerboard" / "bundle", 3, [key.pseudonym("bob")])
    bundle = folder / "runs" / "checkerboard" / "bundle"
    serving_dir(bundle).mkdir()
    write_labels(bundle, Labels(stable=2, canary=3))
    done = _erase(folder, "--user", "ann", "--remove-versions")
    assert (
        "kept: version 2 of the bundle, which has a label; move that with `recstack promote`" in done.stdout
    )
    write_labels(bundle, Labels(stable=3, canary=3))
    done = _erase(folder, "--user", "ann", "--remove-versions")
    assert "removed: version 2 of the bundle" in done.stdout
    assert [path.name for path in (bundle / "versions").iterdir()] == ["3"]
    assert all(link.resolve(strict=True) for link in (bundle / "models").glob("*/*/*"))
    written = (folder / "runs" / "checkerboard" / "erased.json").read_text()
    assert "ann" not in written
    assert key.pseudonym("ann") not in written


def test_somebody_whom_nobody_knows(folder):
    done = _erase(folder, "--user", "zoe", "--verify")
    assert done.returncode == 0
    assert "nothing holds the user, who was never erased here" in done.stdout
    done = _erase(folder, "--user", "zoe")
    assert done.returncode == 2
    assert "nothing under " in done.stderr


def test_what_a_person_must_look_at(folder):
    key = PseudonymKey.load(folder / "ids.key")
    (folder / "runs" / "checkerboard" / "notes.txt").write_text(f"{key.pseudonym('ann')}: asked twice")
    done = _erase(folder, "--user", "ann")
    assert done.returncode == 4
    assert "the user is still found in 1 file: notes.txt; remove them by hand" in done.stderr


def test_without_the_runs_key_nothing_is_claimed(folder):
    summary = folder / "runs" / "checkerboard" / "data" / "0123456789abcdef" / "summary.json"
    content = json.loads(summary.read_text())
    fingerprint = PseudonymKey.load(folder / "ids.key").fingerprint
    summary.write_text(json.dumps({**content, "pseudonym_key": fingerprint}))
    assert _erase(folder, "--user", "zoe", "--verify").returncode == 0
    (folder / "ids.key").unlink()
    write_key(folder / "ids.key")
    done = _erase(folder, "--user", "ann", "--verify")
    assert done.returncode == 2
    assert f"has pseudonyms of the key {fingerprint}" in done.stderr


@pytest.mark.slow
def test_who_is_erased_does_not_come_back_with_the_next_preparation(tmp_path):
    write_checkerboard(tmp_path)
    write_key(tmp_path / "ids.key")
    privacy = {"user_ids": "pseudonyms", "key_file": str(tmp_path / "ids.key")}
    write_config(tmp_path, {"privacy": privacy})
    shown = recstack("data", "show", "--config", tmp_path / "config.yaml")
    assert "840 interactions of 60 users" in shown.stdout, shown.stderr
    done = _erase(tmp_path, "--user", "u7")
    assert done.returncode == 0, done.stderr
    assert "nothing holds the user" in done.stdout
    shown = recstack("data", "show", "--config", tmp_path / "config.yaml")
    assert "826 interactions of 59 users" in shown.stdout, shown.stderr
    assert _erase(tmp_path, "--user", "u7", "--verify").returncode == 0
    for path in (tmp_path / "runs" / "checkerboard" / "data").glob("*/summary.json"):
        assert json.loads(path.read_text())["users"] == 59


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"name": "other"}, ["--user", "ann"], "nothing was run: there is no folder"),
        ({"privacy": {}}, ["--user", "ann"], "user ids are kept as pseudonyms, and there is no key"),
        ({"privacy": {"key_file": "none.key"}}, ["--user", "ann"], "cannot read the key file"),
        ({}, ["--user", ""], "--user is empty"),
        ({}, ["--user", "ann", "--verify", "--remove-versions"], "--verify changes nothing"),
    ],
)
def test_used_wrongly(folder, change, arguments, message):
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **change}))
    done = _erase(folder, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
