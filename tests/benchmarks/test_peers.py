"""Peers: the files that they read, the judge of what they answer, and environments that are not there."""

import hashlib
import json
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.peers import __main__ as command
from benchmarks.peers.environments import PEERS, REQUIREMENTS, SCRIPTS, Environments, PeerError, run_bounded
from benchmarks.peers.judging import judge_answers
from benchmarks.peers.split_files import lists_split, read_split_file, write_files, write_folds
from benchmarks.protocols import split_by_protocol
from benchmarks.rating_folds import draw_folds, part
from schemas.features import TableLayout

TABLE = pa.table(
    {
        "user_id": ["u1", "u1", "u2", "u2", "u2", "u3"],
        "item_id": ["01", "b", "01", "c", "d", "NA"],
        "timestamp": pa.array([5, 6, 7, 8, 9, 10], pa.int64()),
        "value": pa.array([1, 2, 3, 4, 5, 1], pa.float32()),
    }
)
TESTED = pa.array([False, True, False, True, True, False])


@pytest.fixture
def lists_folder(tmp_path):
    write_files(TABLE.filter(pa.compute.invert(TESTED)), TABLE.filter(TESTED), tmp_path, False)
    return tmp_path


def _pairs(table):
    return set(zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), strict=True))


def _answer(folder, *lines):
    path = folder / "peer.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return judge_answers(folder, path)


def test_files_hold_what_is_learnt_from_and_ask_without_the_answers(lists_folder):
    assert read_split_file(lists_folder / "train.csv").to_pylist() == [
        {"user": "u1", "item": "01", "value": 1.0, "time": 5},
        {"user": "u2", "item": "01", "value": 3.0, "time": 7},
        {"user": "u3", "item": "NA", "value": 1.0, "time": 10},
    ]
    queries = (lists_folder / "queries.csv").read_text(encoding="utf-8")
    assert queries.replace('"', "").split() == ["user", "u1", "u2"]
    assert not (lists_folder / "pairs.csv").exists()


def test_files_of_a_protocol_are_its_split():
    rng = np.random.default_rng(0)
    drawn = [rng.permutation(30)[:12] for _ in range(9)]
    rows = [(f"u{u}", f"i{i}", 100 + 10 * n) for u, items in enumerate(drawn) for n, i in enumerate(items)]
    users, items, times = zip(*rows, strict=True)
    columns = {"user_id": users, "item_id": items, "timestamp": pa.array(times, pa.int64())}
    log, layout = pa.table(columns), TableLayout(has_value=False)
    for protocol in ("random-75", "leave-last-out"):
        train, test = lists_split(log, layout, protocol, 7, 4)
        split = split_by_protocol(log, layout, protocol, 7, 4)
        asked = split.tables["test"]["user_id"].to_numpy()[split.query]
        expected = set(zip(asked, split.relevant.to_pylist(), strict=True))
        assert _pairs(test) == expected
        assert _pairs(train) == {(user, item) for user, item, _ in rows} - expected
        assert (len(set(train["timestamp"].to_pylist())) == 1) == (protocol == "random-75")


def test_folds_are_those_of_the_rating_protocol(tmp_path):
    folders = write_folds(TABLE, 7, tmp_path, num_folds=3)
    folds = draw_folds(TABLE.num_rows, 7, 3)
    assert [folder.name for folder in folders] == ["fold-0", "fold-1", "fold-2"]
    for fold, folder in enumerate(folders):
        for table, name in zip(part(TABLE, folds, fold), ("train.csv", "test.csv"), strict=True):
            assert read_split_file(folder / name)["item"].to_pylist() == table["item_id"].to_pylist()
        assert "value" not in (folder / "pairs.csv").read_text(encoding="utf-8")


def test_lists_of_a_peer_are_judged(lists_folder):
    lists = {"u1": ["b"], "u2": ["01", "zz", "d", "c"], "nobody": ["b"]}
    (result,) = _answer(lists_folder, {"model": "m", "answer": lists})
    # "01" is in u2's training, and "zz" in no file: "d" and "c" are first and second.
    assert result == {
        "model": "m",
        "figures": {"recall_at_20": 1.0, "hit_rate_at_10": 1.0, "ndcg_at_10": pytest.approx(1.0)},
    }
    (worse,) = _answer(lists_folder, {"model": "m", "answer": {"u2": ["NA", "d"]}})
    ideal = 1 + 1 / np.log2(3)
    assert worse["figures"]["recall_at_20"] == 0.25  # u1 has no list
    assert worse["figures"]["ndcg_at_10"] == pytest.approx(1 / np.log2(3) / ideal / 2)


def test_an_item_twice_is_an_error_that_costs_no_other_model(lists_folder):
    good, bad = {"model": "good", "answer": {"u1": ["b"]}}, {"model": "bad", "answer": {"u1": ["b", "b"]}}
    results = _answer(lists_folder, bad, good)
    assert results[0]["error"] == "a list holds an item twice"
    assert results[1]["figures"]["hit_rate_at_10"] == 0.5


def test_values_of_a_peer_are_judged(tmp_path):
    write_files(TABLE, TABLE.slice(0, 3), tmp_path, True)
    results = _answer(
        tmp_path,
        {"model": "m", "answer": [1.0, 4.0, 2.0]},
        {"model": "short", "answer": [1.0]},
        {"model": "nan", "answer": [1.0, float("nan"), 2.0]},
    )
    assert results[0]["figures"] == {"rmse": pytest.approx(np.sqrt(5 / 3)), "mae": pytest.approx(1.0)}
    assert results[1]["error"] == "3 values were asked for, and 1 came"
    assert results[2]["error"] == "1 values are no finite numbers"


def test_a_missing_environment_says_what_to_do(tmp_path):
    with pytest.raises(PeerError, match="no environment of implicit.txt; run without --no-install"):
        Environments(tmp_path, install=False).python("implicit")
    with pytest.raises(PeerError, match="no peer is called 'nobody'; there are implicit, lenskit"):
        Environments(tmp_path).python("nobody")


def test_an_environment_of_other_requirements_is_not_taken(tmp_path):
    requirements, python = tmp_path / "requirements", tmp_path / "fake" / "bin" / "python"
    requirements.mkdir()
    python.parent.mkdir(parents=True)
    python.touch()
    (requirements / "fake.txt").write_text("one==1", encoding="utf-8")
    stamp = tmp_path / "fake" / "requirements.sha256"
    stamp.write_text(hashlib.sha256(b"one==1").hexdigest(), encoding="utf-8")
    environments = Environments(tmp_path, install=False, requirements=requirements)
    assert environments.python("fake") == python
    (requirements / "fake.txt").write_text("one==2", encoding="utf-8")
    with pytest.raises(PeerError, match="no environment of fake.txt"):
        environments.python("fake")


def test_programs_are_bounded_and_their_faults_told():
    with pytest.raises(PeerError, match=r"took more than 0.2 s"):
        run_bounded([sys.executable, "-c", "import time; time.sleep(60)"], 0.2)
    with pytest.raises(PeerError, match=r"ended with 3: told"):
        run_bounded([sys.executable, "-c", "import sys; print('told', file=sys.stderr); sys.exit(3)"], 60)


FAKE = """
from exchange import Exchange, lists_of
import numpy as np

exchange = Exchange.from_arguments("numpy")
ratings = exchange.ratings()
queries = exchange.queries(ratings)
assert ratings.matrix().sum() == 3.0
items = np.argsort(-np.bincount(ratings.items), kind="stable")[np.newaxis].repeat(len(queries), 0)
exchange.run("popular", {}, lambda: lists_of(ratings, queries, items, items >= 0))
exchange.run("broken", {"x": 1}, lambda: 1 / 0)
"""


def test_a_fake_peer_runs_and_what_fails_is_told(lists_folder, tmp_path, monkeypatch):
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "exchange.py").write_bytes((SCRIPTS / "exchange.py").read_bytes())
    (scripts / "fit_fake.py").write_text(FAKE, encoding="utf-8")
    monkeypatch.setattr(command, "SCRIPTS", scripts)
    monkeypatch.setattr(Environments, "python", lambda self, peer: sys.executable)
    results = command.run_peer("fake", [lists_folder], 1, Environments(tmp_path), 60.0, 1)
    assert [result["model"] for result in results] == ["popular", "broken"]
    assert results[0]["figures"]["hit_rate_at_10"] == 0.0  # "01" is what both have
    assert results[0]["version"] == version("numpy")
    assert results[0]["peak_mb"] > 1
    assert results[1]["error"] == "ZeroDivisionError: division by zero"
    (entry,) = command.summarise(results)
    assert (entry["model"], entry["folds"]) == ("popular", 1)


def test_a_script_that_is_asked_for_what_it_does_not_answer_says_so(lists_folder, tmp_path, monkeypatch):
    (tmp_path / "exchange.py").write_bytes((SCRIPTS / "exchange.py").read_bytes())
    script = "from exchange import Exchange\nExchange.from_arguments('fake').expect(values=True)\n"
    (tmp_path / "fit_fake.py").write_text(script, encoding="utf-8")
    monkeypatch.setattr(command, "SCRIPTS", tmp_path)
    monkeypatch.setattr(Environments, "python", lambda self, peer: sys.executable)
    (result,) = command.run_peer("fake", [lists_folder], 1, Environments(tmp_path), 60.0, 1)
    assert result["error"].endswith("fake answers values alone in this benchmark")


def test_a_peer_that_cannot_be_installed_does_not_stop_the_others(lists_folder, tmp_path):
    environments = Environments(tmp_path / "environments", install=False)
    (result,) = command.run_peer("implicit", [lists_folder], 1, environments, 1.0, 1)
    assert "is no environment of implicit.txt" in result["error"]


def test_every_peer_has_pinned_hashed_requirements_without_an_index_and_a_script():
    assert len(PEERS) == 6
    for peer in PEERS:
        text = (REQUIREMENTS / f"{peer}.txt").read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text
        wanted = (REQUIREMENTS / f"{peer}.in").read_text(encoding="utf-8").split()[0]
        assert f"{wanted} \\" in text
        compile((SCRIPTS / f"fit_{peer}.py").read_bytes(), peer, "exec")


def test_scripts_import_nothing_of_ours():
    found = subprocess.run(
        ["grep", "-nE", r"^(from|import) (benchmarks|pipeline|schemas|trainer|serving)", "-r", SCRIPTS],
        capture_output=True,
        text=True,
    )
    assert found.stdout == ""
