"""Questions with all their inputs, and answers read from outputs."""

import asyncio

import numpy as np
import pytest
from pydantic import ValidationError

from serving.client import (
    AsyncRecommenderClient,
    Controls,
    GrpcClient,
    History,
    Outputs,
    Reason,
    Recommendation,
    Recommendations,
    RecommenderClient,
)
from serving.client.history import history_inputs
from serving.client.recommendation import read_lists
from serving.client.user_history import PastItem, UserHistory, read_histories

OUTPUTS = {
    "item_ids": [["a", "b"], ["c", ""]],
    "titles": [["A", "B"], ["Ö", ""]],
    "rank": np.int32([[1, 2], [1, 0]]),
    "retrieval_score": np.float32([[0.5, 0.25], [1, 0]]),
    "rating": np.float32([[4, 3], [2, 0]]),
    "propensity": np.float32([[0.25, 0], [1, 0]]),
    "because_item_ids": [["x", ""], ["", ""]],
    "because_titles": [["X", ""], ["", ""]],
    "source": [["retrieval", "neighbours"], ["popular", ""]],
    "known": np.array([True, False]),
    "reason_item_ids": [[["x", "y"], ["", ""]], [["", ""], ["", ""]]],
    "reason_titles": [[["X", "Y"], ["", ""]], [["", ""], ["", ""]]],
    "reason_weights": np.float32([[[2, 0.5], [0, 0]], [[0, 0], [0, 0]]]),
    "shared_categories": [[["g=a", ""], ["", ""]], [["g=b", "g=c"], ["", ""]]],
    "shared_category_weights": np.float32([[[0.75, 0], [0, 0]], [[1, 0.5], [0, 0]]]),
    "text_similarity": np.float32([[0.5, -0.25], [0, 0]]),
    "similar_users": np.float32([[0, 3], [0, 0]]),
}
CONTROLS = {
    "k": np.int32,
    "exclude_item_ids": np.object_,
    "filter_seen": np.bool_,
    "explain": np.bool_,
    "allow_categories": np.object_,
    "deny_categories": np.object_,
    "diversity": np.float32,
    "exploration": np.float32,
    "seed": np.int64,
}


def _outputs():
    def encoded(values):
        return np.vectorize(str.encode, otypes=[np.object_])(np.array(values, np.object_))

    return Outputs(
        {name: encoded(values) if isinstance(values, list) else values for name, values in OUTPUTS.items()},
        version=3,
    )


class Recorder:
    """Answers every call alike, and keeps it."""

    def __init__(self, outputs):
        self.outputs = outputs

    def predict(self, model, inputs, **arguments):
        self.model, self.inputs, self.arguments = model, inputs, arguments
        return self.outputs


def test_lists_are_read_without_empty_places():
    first, second = read_lists(_outputs())
    assert first.items == (
        Recommendation(
            "a", "A", 1, {"retrieval_score": 0.5, "rating": 4.0}, "x", "X", "retrieval", 0.25,
            (
                Reason("history", 2.0, ("x", "y"), ("X", "Y")),
                Reason("category", 0.75, words=("g=a",)),
                Reason("text", 0.5),
            ),
        ),
        Recommendation(
            "b", "B", 2, {"retrieval_score": 0.25, "rating": 3.0}, None, None, "neighbours", None,
            (Reason("similar_users", 3.0),),
        ),
    )  # fmt: skip
    assert second.items[0].reasons == (Reason("category", 1.0, words=("g=b", "g=c")),)
    assert [item.title for item in second.items] == ["Ö"]
    assert (first.known, second.known) == (True, False)
    assert (first.version, second.version) == (3, 3)


def test_lists_of_retrieval_have_no_reasons():
    names = ("item_ids", "titles", "rank", "retrieval_score")
    outputs = Outputs({name: _outputs()[name] for name in names})
    first, _ = read_lists(outputs)
    assert first == Recommendations(
        items=(
            Recommendation("a", "A", 1, {"retrieval_score": 0.5}),
            Recommendation("b", "B", 2, {"retrieval_score": 0.25}),
        )
    )


def test_a_history_is_asked_for_by_pseudonym_and_read():
    texts = {"item_ids": [[b"a", b"b", b""]], "titles": [["Ä".encode(), b"", b""]]}
    outputs = Outputs(
        {
            "known": np.array([True]),
            "count": np.int32([2]),
            "values": np.float32([[4, 2.5, 0]]),
            **{name: np.array(rows, np.object_) for name, rows in texts.items()},
        }
    )
    recorder = Recorder(outputs)
    client = RecommenderClient(recorder, label="stable", pseudonym=lambda user: f"p-{user}")
    items = (PastItem("a", "Ä", 4.0), PastItem("b", "", 2.5))
    assert client.user_history("ann", 3) == UserHistory(known=True, items=items)
    assert recorder.inputs["user_id"].tolist() == ["p-ann"]
    assert recorder.inputs["length"].tolist() == [3]
    assert (recorder.model, recorder.arguments["signature"]) == ("recommender", "user_history")
    assert recorder.arguments["label"] == "stable"


def test_a_history_of_data_without_values_has_none():
    outputs = Outputs(
        {
            "known": np.array([True, False]),
            "count": np.int32([1, 0]),
            "item_ids": np.array([[b"a"], [b""]], np.object_),
            "titles": np.array([[b"A"], [b""]], np.object_),
        }
    )
    assert read_histories(outputs) == (
        UserHistory(known=True, items=(PastItem("a", "A", None),)),
        UserHistory(known=False, items=()),
    )


def test_all_controls_are_sent_a_row_each():
    inputs = Controls(k=3, exclude=("a", "b"), deny=("item_genre=Horror",)).inputs(2)
    assert {name: array.dtype for name, array in inputs.items()} == CONTROLS
    assert inputs["k"].tolist() == [3, 3]
    assert inputs["exclude_item_ids"].tolist() == [["a", "b"]] * 2
    assert inputs["allow_categories"].shape == (2, 0)
    assert inputs["filter_seen"].tolist() == [True, True]


@pytest.mark.parametrize("wrong", [{"k": 0}, {"diversity": 1.5}, {"exploration": -1}, {"size": 3}])
def test_controls_are_checked(wrong):
    with pytest.raises(ValidationError):
        Controls(**wrong)


def test_histories_are_filled_up():
    histories = [
        History(["a"], values=[4], timestamps=[9]),
        History(["b", "c"], values=[1, 2], timestamps=[7, 8]),
    ]
    inputs = history_inputs(histories)
    assert inputs["history_item_ids"].tolist() == [["a", ""], ["b", "c"]]
    assert (inputs["history_values"].dtype, inputs["history_values"].tolist()) == (
        np.float32,
        [[4, 0], [1, 2]],
    )
    assert (inputs["history_timestamps"].dtype, inputs["history_timestamps"].shape) == (np.int64, (2, 2))
    assert set(inputs) == {"history_item_ids", "history_values", "history_timestamps"}


def test_histories_are_checked():
    with pytest.raises(ValueError, match="a history of 1 items has 2 values"):
        History(["a"], values=[1, 2])
    with pytest.raises(ValueError, match="some histories have event_types"):
        history_inputs([History(["a"], event_types=["view"]), History(["a"])])


def test_users_are_asked_for_by_pseudonym():
    recorder = Recorder(_outputs())
    client = RecommenderClient(recorder, label="stable", pseudonym=str.upper, timeout=2.0)
    assert len(client.recommend_for_users(["ann", "bob"], timestamp=5)) == 2
    assert recorder.inputs["user_id"].tolist() == ["ANN", "BOB"]
    assert recorder.inputs["timestamp"].tolist() == [5, 5]
    assert set(recorder.inputs) == {"user_id", "timestamp", *CONTROLS}
    asked = {"signature": "for_users", "version": None, "label": "stable", "timeout": 2.0}
    assert recorder.arguments == asked


def test_a_version_is_asked_for_by_its_number():
    recorder = Recorder(_outputs())
    RecommenderClient(recorder, version=7).recommend_for_user("ann")
    assert (recorder.arguments["version"], recorder.arguments["label"]) == (7, None)
    with GrpcClient("127.0.0.1:1") as client, pytest.raises(ValueError, match="for a version or for a label"):
        RecommenderClient(client, version=7, label="stable").recommend_for_user("ann")


def test_a_version_is_asked_for_by_its_number_and_awaited():
    class Awaited(Recorder):
        async def predict(self, model, inputs, **arguments):
            return super().predict(model, inputs, **arguments)

    recorder = Awaited(_outputs())
    asyncio.run(AsyncRecommenderClient(recorder, version=7).recommend_for_user("ann"))
    assert (recorder.arguments["version"], recorder.arguments["label"]) == (7, None)


def test_what_users_did_recently_goes_with_the_request():
    recorder = Recorder(_outputs())
    client = RecommenderClient(recorder)
    recent = [History(["a", "b"], timestamps=[7, 8]), History([], timestamps=[])]
    assert len(client.recommend_for_users(["ann", "bob"], recent=recent)) == 2
    assert recorder.arguments["signature"] == "for_sessions"
    assert recorder.inputs["history_item_ids"].tolist() == [["a", "b"], ["", ""]]
    assert recorder.inputs["history_timestamps"].tolist() == [[7, 8], [0, 0]]
    lists = {"history_item_ids", "history_timestamps"}
    assert set(recorder.inputs) == {"user_id", "timestamp", *lists, *CONTROLS}
    with pytest.raises(ValueError, match="2 users have 1 histories"):
        client.recommend_for_users(["ann", "bob"], recent=recent[:1])


def test_each_question_is_for_its_signature():
    recorder = Recorder(_outputs())
    client = RecommenderClient(recorder)
    asked = {
        ("recommender", "for_users"): lambda: client.recommend_for_user("ann"),
        ("recommender", "for_sessions"): lambda: client.recommend_for_user("ann", recent=History(["a"])),
        ("recommender", "for_histories"): lambda: client.recommend_for_history(History(["a"])),
        ("retrieval", "for_histories"): lambda: client.recommend_for_history(
            History(["a"]), model="retrieval"
        ),
        ("retrieval", "similar_items"): lambda: client.similar_items("a"),
        ("retrieval", "search_text"): lambda: client.search_text("space"),
    }
    for expected, ask in asked.items():
        assert ask().items[0].item_id == "a"
        assert (recorder.model, recorder.arguments["signature"]) == expected
        assert set(CONTROLS) <= set(recorder.inputs)


def test_scores_by_item_and_task():
    recorder = Recorder(Outputs({"rating": np.float32([[4, 3]])}))
    scores = RecommenderClient(recorder).score(History(["x"]), ["a", "b"])
    assert scores == {"a": {"rating": 4.0}, "b": {"rating": 3.0}}
    assert recorder.model == "ranking"
    assert recorder.inputs["item_ids"].tolist() == [["a", "b"]]
