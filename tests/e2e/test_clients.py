"""`recstack serve` on a real bundle, asked by the typed clients and by every example."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving.client import (
    AsyncGrpcClient,
    AsyncRecommenderClient,
    Controls,
    GrpcClient,
    History,
    MicroBatcher,
    RecommenderClient,
    RestClient,
)
from tests.checkerboard import GENRES, genre_of_item, genre_of_user

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120
# Of the second genre.
HISTORY = History(["i1", "i4", "i7"], values=[5, 5, 5], timestamps=[1_600_000_000 + i for i in range(3)])
READY = re.compile(r"gRPC on (\S+), REST on ([^;]+);")


@dataclass(frozen=True)
class Addresses:
    """Of the server."""

    grpc: str
    url: str


@pytest.fixture(scope="module")
def served(world):
    """The server as a process of its own; it must end well when it is told to."""
    command = [sys.executable, "-m", "pipeline", "serve", "--bundle", world.bundle]
    command += ["--grpc-port", "0", "--rest-port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
        env={**os.environ, "COLUMNS": "300"},
    ) as process:  # fmt: skip
        found = READY.search(process.stdout.readline())
        assert found
        yield Addresses(found[1], f"http://{found[2]}")
        process.terminate()
        assert process.wait(timeout=SECONDS) == 0


@pytest.fixture(params=["grpc", "rest"])
def recommender(request, served):
    made = GrpcClient(served.grpc) if request.param == "grpc" else RestClient(served.url)
    with made as client:
        yield RecommenderClient(client, label="stable", timeout=SECONDS)


def _genres(found):
    return [genre_of_item(item.item_id) for item in found.items]


def test_a_user(recommender):
    found = recommender.recommend_for_user("u4", Controls(k=4))
    assert found.known
    assert [item.rank for item in found.items] == [1, 2, 3, 4]
    assert _genres(found) == [genre_of_user("u4")] * 4
    first = found.items[0]
    assert first.title == f"{genre_of_user('u4')} number {first.item_id[1:]}"
    assert {"retrieval_score", "order_score", "rating", "like"} < set(first.scores)
    assert first.because_title.startswith(genre_of_user("u4"))
    reasons = {reason.kind: reason for reason in first.reasons}
    assert reasons["history"].item_ids[0] == first.because_item_id
    assert reasons["category"].words == (f"item_genre={genre_of_user('u4')}",)
    assert not set(first.scores) & {"text_similarity", "similar_users"}


def test_users_and_one_who_is_not_known(recommender):
    known, nobody = recommender.recommend_for_users(["u5", "nobody"], Controls(k=3))
    assert (known.known, nobody.known) == (True, False)
    assert _genres(known) == [genre_of_user("u5")] * 3
    assert len(nobody.items) == 3


def test_what_a_user_did_recently(recommender):
    recent = History(["i2"], values=[5], timestamps=[1_700_000_000])  # of a genre that u4 does not like
    found = recommender.recommend_for_user("u4", Controls(k=60), timestamp=1_700_000_100, recent=recent)
    assert found.known
    because = {item.item_id: item.because_item_id for item in found.items}
    assert "i2" not in because
    assert because["i5"] == "i2"


def test_controls(recommender):
    wanted = recommender.recommend_for_user("u4", Controls(k=5))
    without = recommender.recommend_for_user("u4", Controls(k=5, exclude=(wanted.items[0].item_id,)))
    assert wanted.items[0].item_id not in [item.item_id for item in without.items]
    other = next(genre for genre in GENRES if genre != genre_of_user("u4"))
    assert (
        _genres(recommender.recommend_for_user("u4", Controls(k=5, allow=(f"item_genre={other}",))))
        == [other] * 5
    )
    denied = Controls(k=5, deny=(f"item_genre={genre_of_user('u4')}",))
    assert genre_of_user("u4") not in _genres(recommender.recommend_for_user("u4", denied))
    explored = [
        recommender.recommend_for_user("u4", Controls(exploration=5.0, seed=seed)) for seed in (1, 1, 2)
    ]
    assert explored[0] == explored[1] != explored[2]
    assert all(item.propensity == 1.0 for item in wanted.items)
    assert all(0.0 < item.propensity < 1.0 for item in explored[0].items)
    diverse = recommender.recommend_for_user("u4", Controls(exploration=5.0, diversity=0.5))
    assert {item.propensity for item in diverse.items} == {None}


@pytest.mark.parametrize("model", ["recommender", "retrieval"])
def test_a_history(model, recommender):
    found = recommender.recommend_for_history(HISTORY, Controls(k=3), model=model)
    assert _genres(found) == ["western"] * 3
    assert not {item.item_id for item in found.items} & set(HISTORY.item_ids)
    assert {item.because_item_id for item in found.items} <= set(HISTORY.item_ids)


def test_items_and_texts(recommender):
    similar = recommender.similar_items("i2", Controls(k=3))
    assert len(similar.items) == 3
    assert "i2" not in [item.item_id for item in similar.items]
    assert len(recommender.search_text("a long text about horror", Controls(k=3)).items) == 3


def test_scores_are_those_of_the_list(recommender):
    now = 1_600_001_000
    found = recommender.recommend_for_history(HISTORY, Controls(k=3), timestamp=now)
    scores = recommender.score(HISTORY, [item.item_id for item in found.items], timestamp=now)
    assert list(scores) == [item.item_id for item in found.items]
    for item in found.items:
        of_tasks = {name: item.scores[name] for name in scores[item.item_id]}
        assert {"rating", "like"} <= set(of_tasks)
        assert scores[item.item_id] == pytest.approx(of_tasks, rel=1e-4)


def test_both_interfaces_answer_alike(served):
    with GrpcClient(served.grpc) as grpc_client, RestClient(served.url) as rest_client:
        over_grpc, over_rest = (
            RecommenderClient(client, timeout=SECONDS).recommend_for_history(HISTORY)
            for client in (grpc_client, rest_client)
        )
    assert len(over_grpc.items) == len(over_rest.items) == 10
    assert (over_grpc.version, over_rest.version) == (1, None)
    for one, other in zip(over_grpc.items, over_rest.items, strict=True):
        assert (one.item_id, one.title, one.because_title) == (
            other.item_id,
            other.title,
            other.because_title,
        )
        assert one.scores == pytest.approx(other.scores, rel=1e-6)


def test_joined_calls_of_different_sizes_are_answered_as_alone(served):
    controls = [Controls(k=2), Controls(k=7, exclude=("i1", "i4")), Controls(k=4, exclude=("i7",))]
    histories = [HISTORY, History(["i0"], values=[5], timestamps=[1_600_000_000])]

    async def run():
        async with AsyncGrpcClient(served.grpc) as client:
            batcher = MicroBatcher(client, pad_variable_lengths=True, timeout=SECONDS)
            recommender = AsyncRecommenderClient(batcher, timeout=SECONDS)
            users = [recommender.recommend_for_user("u4", control) for control in controls]
            users += [recommender.recommend_for_user("u4", recent=history) for history in histories]
            people = [recommender.recommend_for_history(history, controls[1]) for history in histories]
            found = await asyncio.gather(*users, *people)
            await batcher.close()
            return found

    with GrpcClient(served.grpc) as client:
        alone = RecommenderClient(client, timeout=SECONDS)
        expected = [alone.recommend_for_user("u4", control) for control in controls]
        expected += [alone.recommend_for_user("u4", recent=history) for history in histories]
        expected += [alone.recommend_for_history(history, controls[1]) for history in histories]
    for joined, single in zip(asyncio.run(run()), expected, strict=True):
        assert [item.item_id for item in joined.items] == [item.item_id for item in single.items]
        assert joined.version == single.version == 1


@pytest.mark.parametrize(
    ("command", "needs_url"),
    [
        ([sys.executable, "examples/recommend.py"], False),
        ([sys.executable, "examples/recommend_with_stubs.py"], False),
        (["node", "examples/recommend.mjs"], True),
        (["examples/recommend.sh"], True),
    ],
    ids=["python", "stubs", "node", "curl"],
)
def test_examples(command, needs_url, served):
    needed = "curl" if command[0].endswith(".sh") else command[0]
    if shutil.which(needed) is None:
        pytest.skip(f"{needed} is not here")
    done = _run([*command, "u4", "3", served.url if needs_url else served.grpc])
    assert done.returncode == 0, done.stderr
    if command[0].endswith(".sh"):
        found = json.loads(done.stdout)["outputs"]["item_ids"][0]
    else:
        found = [line.split("\t")[1] for line in done.stdout.splitlines()]
    with GrpcClient(served.grpc) as client:
        expected = RecommenderClient(client, timeout=SECONDS).recommend_for_user("u4", Controls(k=3))
    assert found == [item.item_id for item in expected.items]


def test_the_example_of_many(served):
    done = _run([sys.executable, "examples/recommend_many.py", served.grpc, "u4", "u5"])
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == ["u4", "u5"]
    assert all(genre_of_item(item) == genre_of_user(row[0]) for row in rows for item in row[1:])


def _run(command):
    """Runs an example of this clone."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env=env, timeout=SECONDS, check=False
    )
