"""Erasure: what goes, what stays, and that a kill at any moment does no harm."""

import hashlib
import json
import os
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import InputError
from pipeline.privacy import erasure
from pipeline.privacy.erasure import erase, remove_superseded
from pipeline.privacy.erasure_list import ErasureList
from pipeline.privacy.person import Person
from pipeline.privacy.pseudonyms import PseudonymKey
from pipeline.privacy.survey import Area, survey
from tests.pipeline.privacy.small_run import write_artifacts, write_run, write_span

KEY = PseudonymKey(bytes(32))
PEOPLE = ["2", "7", "9"]  # `2` is an item's id as well
AWAITING = ["Bundler/bundle/7", "Indexer/index/6", "RetrievalTrainer/model/5"]


@pytest.fixture(params=["raw", "pseudonyms"])
def key(request):
    return KEY if request.param == "pseudonyms" else None


@pytest.fixture
def run_dir(tmp_path, key):
    write_run(tmp_path / "run", [Person.of(user, key).stored for user in PEOPLE])
    return tmp_path / "run"


def _names(run_dir):
    return {path.relative_to(run_dir).as_posix() for path in run_dir.rglob("*") if path.is_file()}


def _contents(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("user", ["7", "2"])
def test_a_person_goes_and_others_stay(run_dir, key, user):
    person = Person.of(user, key)
    others = [Person.of(other, key).stored for other in PEOPLE if other != user]
    span = run_dir / "data" / "0123456789abcdef"
    items = _contents(span / "items")
    before = _names(run_dir)
    found = erase(run_dir, person, key)

    for folder in ("interactions/train", "interactions/eval", "interactions/test", "quarantine", "."):
        for path in (span / folder).glob("*.parquet"):
            users = pq.read_table(path)["user_id"].to_pylist()
            assert person.stored not in users
    kept = pq.read_table(span / "interactions" / "train")
    assert sorted(set(kept["user_id"].to_pylist())) == sorted(others)
    assert kept.num_rows == 4
    assert _contents(span / "items") == items
    summary = json.loads((span / "summary.json").read_text())
    assert summary["users"] == 2
    assert summary["splits"]["train"]["interactions"] == 4

    gone = {
        name.rsplit("/", 1)[0].split("/Split")[0].split("/assets")[0] for name in before - _names(run_dir)
    }
    assert gone == {
        "artifacts/interactions.ExampleGen/examples/1",
        "artifacts/interactions.StatisticsGen/statistics/3",
        "artifacts/interactions.Materializer/transformed_examples/4",
        "artifacts/interactions.Transform/transform_graph/9",
    }
    assert found.removable() == []
    assert [str(folder) for folder in found.folders(Area.MODELS)] == [
        f"artifacts/{name}" for name in AWAITING
    ]
    assert [str(folder) for folder in found.folders(Area.VERSIONS)] == [
        "bundle/versions/1",
        "bundle/versions/2",
    ]
    assert not survey(run_dir, Person.of("77", key), None).num_holders


def test_doing_it_again_changes_nothing(run_dir, key):
    person = Person.of("7", key)
    first = erase(run_dir, person, key)
    before = _contents(run_dir)
    second = erase(run_dir, person, key)
    after = _contents(run_dir)
    assert second.holders == first.holders
    assert {name for name in after if before.get(name) != after[name]} <= {
        (run_dir / "erased.json").relative_to(run_dir)
    }


def test_quarantined_rows_that_only_quote_the_person_go(run_dir, key):
    person = Person.of("2", key)
    path = run_dir / "data" / "0123456789abcdef" / "quarantine" / "shard-00000.parquet"
    assert f"{person.stored},9,view" in pq.read_table(path)["detail"].to_pylist()
    erase(run_dir, person, key)
    others = [Person.of(user, key).stored for user in PEOPLE if user != "2"]
    assert pq.read_table(path)["user_id"].to_pylist() == others  # the item `2` is not the person


def test_nobody_knows_them(run_dir, key):
    before = _contents(run_dir)
    with pytest.raises(InputError, match="nothing under .* holds that user"):
        erase(run_dir, Person.of("77", key), key)
    assert _contents(run_dir) == before


def test_they_stay_out_of_later_preparations(run_dir, key):
    erase(run_dir, Person.of("7", key), key)
    people = ErasureList.load(run_dir)
    stored = [Person.of(user, key).stored for user in PEOPLE]
    assert people.mask(pa.array(stored)).tolist() == [user == "7" for user in PEOPLE]
    assert people.digest()
    people.check(key)


@pytest.mark.parametrize("step", range(1, 12))
def test_a_kill_leaves_whole_files_and_the_next_time_finishes(run_dir, key, monkeypatch, step):
    """Killed before the n-th file is replaced or folder removed."""
    person = Person.of("7", key)
    reference = run_dir.with_name("reference")
    shutil.copytree(run_dir, reference, symlinks=True)
    erase(reference, person, key)

    class KillError(BaseException):
        pass

    done = 0

    def counted(function):
        def call(*arguments, **options):
            nonlocal done
            done += 1
            if done == step:
                raise KillError
            return function(*arguments, **options)

        return call

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", counted(os.replace))
        patched.setattr(erasure.shutil, "rmtree", counted(shutil.rmtree))
        with pytest.raises(KillError):
            erase(run_dir, person, key)
    for path in (run_dir / "data").rglob("*.parquet"):
        pq.read_table(path)
    found = erase(run_dir, person, key)
    assert found.removable() == []
    assert found.folders(Area.MODELS) == survey(
        reference, person, ErasureList.load(reference).find(person)
    ).folders(Area.MODELS)
    ours, expected = _contents(run_dir), _contents(reference)
    assert {n for n in expected if n.name != "erased.json"} == {n for n in ours if n.name != "erased.json"}
    assert all(ours[name] == expected[name] for name in expected if name.name != "erased.json")


def test_what_a_killed_preparation_left_goes(run_dir, key):
    staging = run_dir / "data" / "ffff.staging"
    shutil.copytree(run_dir / "data" / "0123456789abcdef", staging)
    (run_dir / "data" / "ffff.lock").touch()
    (staging / "users.parquet").write_bytes(b"PAR1 half")
    erase(run_dir, Person.of("7", key), key)
    assert not staging.exists()


def test_what_a_killed_training_would_go_on_from_goes(run_dir, key):
    """It names nobody, but has learnt of everybody."""
    folder = run_dir / "checkpoints" / "RetrievalTrainer" / "digest"
    folder.mkdir(parents=True)
    (folder / "checkpoint").write_bytes(bytes(100))
    erase(run_dir, Person.of("7", key), key)
    assert not (run_dir / "checkpoints").exists()


def test_a_report_goes_which_shows_histories_without_names(run_dir, key):
    (run_dir / "report.html").write_text("<ol><li>Alien")
    erase(run_dir, Person.of("7", key), key)
    assert not (run_dir / "report.html").exists()


def test_what_was_only_validated_goes_as_a_whole_if_it_holds_the_person(run_dir, key):
    write_span(run_dir / "validation" / "data" / "s1", [Person.of(user, key).stored for user in ("7", "9")])
    erase(run_dir, Person.of("2", key), key)
    assert (run_dir / "validation").is_dir()
    erase(run_dir, Person.of("7", key), key)
    assert not (run_dir / "validation").exists()


def test_a_damaged_table_is_named_and_nothing_is_passed_over(run_dir, key):
    (run_dir / "data" / "0123456789abcdef" / "users.parquet").write_bytes(b"PAR1 half")
    with pytest.raises(InputError, match="users.parquet is damaged"):
        erase(run_dir, Person.of("7", key), key)


def test_log_lines_that_name_somebody_beyond_doubt_go(tmp_path):
    write_run(tmp_path, ["ann@example.com", "bob@example.com"])
    log = tmp_path / "run.log"
    log.write_text("step 1\nno history of ann@example.com\nno history of bob@example.com\n")
    found = erase(tmp_path, Person.of("ann@example.com", None), None)
    assert log.read_text() == "step 1\nno history of bob@example.com\n"
    assert found.removable() == []


def test_what_cannot_be_mended_is_reported(tmp_path):
    write_run(tmp_path, ["ann@example.com"])
    (tmp_path / "notes.txt").write_text("ann@example.com complained")
    found = erase(tmp_path, Person.of("ann@example.com", None), None)
    assert [str(path) for path in found.removable()] == ["notes.txt"]


@pytest.mark.parametrize("broken", ["missing", "junk"])
def test_without_metadata_all_that_may_have_been_made_of_people_counts(tmp_path, broken):
    write_run(tmp_path, PEOPLE, with_metadata=False)
    if broken == "junk":
        (tmp_path / "metadata.sqlite").write_bytes(b"no database" * 100)
    found = erase(tmp_path, Person.of("7", None), None)
    assert [str(folder) for folder in found.folders(Area.MODELS)] == [
        f"artifacts/{name}" for name in AWAITING
    ]
    assert (tmp_path / "artifacts" / "items.ExampleGen" / "examples" / "2").is_dir()
    assert not (tmp_path / "artifacts" / "interactions.Materializer" / "transformed_examples" / "4").exists()


def test_models_go_once_newer_ones_do_not_hold_the_person(run_dir, key):
    person = Person.of("7", key)
    found = erase(run_dir, person, key)
    assert remove_superseded(run_dir, found) == []
    # A retrain: the same steps, with higher numbers, without the person.
    again = run_dir.with_name("again")
    write_artifacts(again, [Person.of(user, key).stored for user in PEOPLE if user != "7"])
    for name in AWAITING:
        number = int(name.rsplit("/", 1)[1]) + 10
        shutil.copytree(again / name, (run_dir / "artifacts" / name).with_name(str(number)))
    found = survey(run_dir, person, ErasureList.load(run_dir).find(person))
    assert [str(folder) for folder in remove_superseded(run_dir, found)] == [
        f"artifacts/{n}" for n in AWAITING
    ]
    found = survey(run_dir, person, ErasureList.load(run_dir).find(person))
    assert found.holders[Area.MODELS] == []


def test_artifacts_that_are_younger_than_the_erasure_are_not_those_that_were_meant(run_dir, key):
    person = Person.of("7", key)
    erase(run_dir, person, key)
    entry = ErasureList.load(run_dir).find(person)
    model = run_dir / "artifacts" / "Indexer" / "index" / "6" / "saved_model.pb"
    assert model.relative_to(run_dir) in survey(run_dir, person, entry).holders[Area.MODELS]
    later = entry.artifacts["artifacts/Indexer/index/6"] + 10
    os.utime(model, (later, later))
    assert model.relative_to(run_dir) not in survey(run_dir, person, entry).holders[Area.MODELS]
