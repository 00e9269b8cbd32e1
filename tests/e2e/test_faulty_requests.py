"""Requests for the real bundle that name what there is not, ask too much, or are of the wrong type."""

import numpy as np
import pytest

from benchmarks.server_process import server_process
from serving.client import BadRequestError, Controls, GrpcClient, History, RecommenderClient, RestClient
from tests.checkerboard import NUM_ITEMS
from tests.e2e.ask_bundle import example

pytestmark = pytest.mark.slow

SECONDS = 120
LABEL = "stable"  # of the first run, whatever was pushed since
EVERYTHING = tuple(f"i{number}" for number in range(NUM_ITEMS))


@pytest.fixture(scope="module")
def server(world):
    with server_process("--bundle", world.bundle) as started:
        yield started


@pytest.fixture(params=["grpc", "rest"])
def client(request, server):
    made = GrpcClient(server.grpc) if request.param == "grpc" else RestClient(f"http://{server.rest}")
    with made as client:
        yield client
        # Whatever came before, the next call is answered.
        assert len(_recommender(client).recommend_for_user("u1").items) == 10


def _recommender(client):
    return RecommenderClient(client, label=LABEL, timeout=SECONDS)


def _items(client, **inputs):
    """What `top_k` of the recommender gives for a user, less empty places."""
    given = {**Controls().inputs(1), **inputs}
    given["examples"] = np.array([example({"user_id": "u1"})], np.object_)
    answer = client.predict("recommender", given, signature="top_k", label=LABEL, timeout=SECONDS)
    ranked = answer["rank"][0] > 0
    assert set(answer["item_ids"][0][~ranked]) <= {b"", ""}
    return [item.decode() if isinstance(item, bytes) else item for item in answer["item_ids"][0][ranked]]


def _default(client, *features):
    examples = [one if isinstance(one, bytes) else example(one) for one in features]
    inputs = {"examples": np.array(examples, np.object_)}
    return client.predict("recommender", inputs, label=LABEL, timeout=SECONDS)


def test_who_and_what_is_unknown(client):
    recommender = _recommender(client)
    nobody = recommender.recommend_for_user("nobody")
    assert (nobody.known, len(nobody.items)) == (False, 10)
    history = History(["nothing", "i1"], values=[5, 5], timestamps=[1_600_000_000, 1_600_000_001])
    assert len(recommender.recommend_for_history(history).items) == 10
    assert not recommender.similar_items("nothing").items
    assert len(recommender.score(history, ["nothing", "i1"])) == 2
    assert not recommender.recommend_for_user("u1", Controls(allow=("nothing=x",))).items


@pytest.mark.parametrize("k", [0, -1, -(2**31)])
def test_k_of_nothing(client, k):
    assert _items(client, k=np.array([k], np.int32)) == []


@pytest.mark.parametrize("k", [NUM_ITEMS + 1, 10 * NUM_ITEMS, 2**31 - 1])
def test_k_above_the_corpus(client, k):
    found = _items(client, k=np.array([k], np.int32), filter_seen=np.array([False]))
    assert sorted(found) == sorted(EVERYTHING)


def test_an_excluded_list_longer_than_the_corpus(client):
    others = tuple(f"other{number}" for number in range(1000))
    everything = np.array([EVERYTHING + others], np.object_)
    assert _items(client, exclude_item_ids=everything) == []
    assert len(_items(client, exclude_item_ids=everything[:, NUM_ITEMS:])) == 10


def test_features_that_are_missing_or_too_many(client):
    answer = _default(client, {}, {"user_id": "u1", "nothing": "x", "history_item_ids": []})
    assert (answer["rank"] > 0).all()
    assert answer["item_ids"].shape == (2, 10)


@pytest.mark.parametrize(
    "wrong",
    [
        {"user_id": 1},
        {"user_id": 1.5},
        {"history_item_ids": [1, 2]},
        {"timestamp": "now"},
        {"k": 1.5},
        b"x",
    ],
    ids=str,
)
def test_features_of_the_wrong_type(client, wrong):
    with pytest.raises(BadRequestError):
        _default(client, {"user_id": "u1"}, wrong)
