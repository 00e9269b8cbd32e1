"""The pushed bundle, asked by a process that knows nothing of ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serving.layout import (
    EXACT,
    MODELS,
    RANKING,
    SCANN,
    VARIANTS,
    model_dir,
    models_dir,
    version_dir,
    versions,
)
from serving.ops import STOCK, lacking_ops, op_names, ops_by_library, read_saved_model
from tests.checkerboard import FIRST_SECOND, GENRES, NUM_ITEMS, NUM_USERS, genre_of_item, genre_of_user

pytestmark = pytest.mark.slow

ASK = Path(__file__).with_name("ask_bundle.py")
SOURCES = {"retrieval", "content", "item_knn", "ease", "ials", "content_factors", "popularity"}
SOURCES |= {"user_knn", "rating", "like", "above_usual"}
USERS = [f"u{i}" for i in range(NUM_USERS)]


class Answers:
    """Requests are collected, then answered by one process."""

    def __init__(self, bundle, variant=SCANN):
        models = models_dir(bundle, variant)
        self._command = [sys.executable, str(ASK), str(models), str(versions(bundle)[-1])]

    def __call__(self, *requests):
        lines = [
            json.dumps({"model": model, "signature": signature, "inputs": inputs})
            for model, signature, inputs in requests
        ]
        environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "TF_USE_LEGACY_KERAS")}
        done = subprocess.run(
            self._command,
            input="\n".join(lines),
            capture_output=True,
            text=True,
            cwd="/",
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        *answers, last = [json.loads(line) for line in done.stdout.splitlines()]
        assert last == "only TensorFlow, TF Text and ScaNN"
        return answers


NOW = {"timestamp": [1_700_000_100], "k": [NUM_ITEMS]}
# Of the first genre, which u1 does not like; the last two are padding.
SESSION = {
    "history_item_ids": [["i0", "i3", "i6", "", ""]],
    "history_timestamps": [[1_700_000_000, 1_700_000_010, 1_700_000_020, 0, 0]],
    "history_values": [[5.0, 5.0, 5.0, 0.0, 0.0]],
    **NOW,
}

REQUESTS = [
    # What everybody would like, by id.
    ("recommender", "for_users", {"user_id": USERS, "k": [5]}),
    # 1: an unknown user; 2: one with attributes and no interaction.
    ("recommender", "for_users", {"user_id": ["nobody", "u60"], "k": [5]}),
    # An unknown item in the history, beside a known one; and none of the optional features.
    (
        "recommender",
        "serving_default",
        {"examples": [{"user_id": "x", "history_item_ids": ["i1", "what is this"]}, {}]},
    ),
    # k above the corpus, and none at all.
    ("recommender", "top_k", {"examples": [{"history_item_ids": ["i1", "i4"]}], "k": [10 * NUM_ITEMS]}),
    ("recommender", "top_k", {"examples": [{"user_id": "u1"}], "k": [0]}),
    (
        "retrieval",
        "top_k",
        {"examples": [{"user_id": "u1", "timestamp": 1_600_000_000}], "k": [600]},
    ),
    ("retrieval", "serving_default", {"examples": [{"user_id": "u1"}]}),
    ("retrieval", "embed_queries", {"examples": [{"user_id": "u1"}, {}]}),
    # Items that training never saw, one of each genre, and one with other words.
    (
        "retrieval",
        "embed_items",
        {
            "examples": [
                {"item_id": f"new{i}", "title": f"{genre} number 99", "item_genre": genre}
                for i, genre in enumerate(GENRES)
            ]
            + [{"item_id": "new9", "title": "something else", "item_genre": GENRES[0]}]
        },
    ),
    ("retrieval", "embed_items", {"examples": [{"item_id": f"i{i}", "title": "t"} for i in range(2)]}),
    (
        "ranking",
        "score_candidates",
        {"examples": [{"user_id": "u1", "history_item_ids": ["i1"]}], "item_ids": [["i4", "nothing"]]},
    ),
    ("ranking", "serving_default", {"examples": [{"user_id": "u1", "item_id": "i4"}]}),
    ("recommender", "user_history", {"user_id": ["u1", "u60", "nobody"], "length": [100]}),
    # A batch of nobody.
    ("recommender", "top_k", {"examples": [], "k": [5]}),
    # 14, 15: the same histories as plain arrays and as examples.
    (
        "recommender",
        "for_histories",
        {
            "history_item_ids": [["i1", "i4", ""], ["i0", "i3", "i6"]],
            "history_values": [[5.0, 4.0, 0.0], [5.0, 5.0, 5.0]],
            "k": [6],
        },
    ),
    (
        "recommender",
        "top_k",
        {
            "examples": [
                {"history_item_ids": ["i1", "i4"], "history_values": [5.0, 4.0]},
                {"history_item_ids": ["i0", "i3", "i6"], "history_values": [5.0] * 3},
            ],
            "k": [6],
        },
    ),
    # 16: every control, a row for each user.
    (
        "recommender",
        "for_users",
        {
            "user_id": ["u0", "u1", "u2"],
            "k": [4, 9, 0],
            "exclude_item_ids": [["i1", "i4"]] * 3,
            "filter_seen": [True, False, True],
            "allow_categories": [[f"item_genre={GENRES[1]}"], [""], [""]],
            "deny_categories": [[""], [f"item_genre={GENRES[0]}"], [""]],
            "diversity": [0.0, 0.5, 0.5],
            "exploration": [0.0, 0.3, 0.3],
            "seed": [1, 2, 3],
        },
    ),
    ("retrieval", "similar_items", {"item_ids": ["i5", "what is this"], "k": [4]}),
    ("retrieval", "search_text", {"text": ["a long text", " "], "k": [4]}),
    (
        "ranking",
        "score_for_histories",
        {"history_item_ids": [["i1"]], "item_ids": [["i4", "nothing", ""]]},
    ),
    # 20: controls in the example.
    (
        "recommender",
        "serving_default",
        {"examples": [{"user_id": "x", "k": 3, "deny_categories": f"item_genre={GENRES[0]}"}, {}]},
    ),
    ("retrieval", "for_histories", {"history_item_ids": [["i1", "i4"]], "k": [6]}),
    # 22, 23: somebody unknown in a session, and somebody without a name who did the same.
    ("recommender", "for_sessions", {"user_id": ["nobody"], **SESSION}),
    ("recommender", "for_histories", SESSION),
    # 24, 25: a known user who did nothing since, and whoever asks without a session.
    ("recommender", "for_sessions", {"user_id": ["u1"], "history_item_ids": [[""]], **NOW}),
    ("recommender", "for_users", {"user_id": ["u1"], **NOW}),
    # 26: a session of a known user; 27: of one that the bundle knows already; 28: without times.
    ("recommender", "for_sessions", {"user_id": ["u1"], **SESSION}),
    (
        "recommender",
        "for_sessions",
        {"user_id": ["u1"], **SESSION, "history_timestamps": [[FIRST_SECOND - 3 + i for i in range(3)]]},
    ),
    ("recommender", "for_sessions", {"user_id": ["u1"], "history_item_ids": [["i0", "i3"]], **NOW}),
    # 29: a draw.
    ("recommender", "for_users", {"user_id": ["u1"], "exploration": [0.5], "seed": [7], "k": [5]}),
]


@pytest.fixture(scope="module")
def log(world):
    """What everybody did, oldest first."""
    return pd.read_csv(world.folder / "log.csv").sort_values("timestamp")


@pytest.fixture(scope="module")
def answers(world, log):
    histories = [{"history_item_ids": log[log.user_id == user].item_id.tolist()} for user in USERS]
    by_history = ("retrieval", "embed_queries", {"examples": histories})
    return Answers(world.bundle)(*REQUESTS, by_history)


def test_everybody_gets_items_of_the_liked_genre(answers):
    hits = [
        genre_of_item(item) == genre_of_user(user)
        for user, items in zip(USERS, answers[0]["item_ids"], strict=True)
        for item in items
    ]
    assert np.mean(hits) > 0.9


def test_nobody_gets_what_was_seen(answers):
    for ids, history in zip(answers[0]["item_ids"][1:2], answers[12]["item_ids"][:1], strict=True):
        assert len(history) >= 5
        assert not set(ids) & {item for item in history if item}


def test_users_without_history_get_an_answer(answers):
    unknown = answers[1]
    assert unknown["known"] == [False, True]
    assert unknown["rank"] == [[1, 2, 3, 4, 5]] * 2
    assert all(len(set(items)) == 5 for items in unknown["item_ids"])


def test_an_unknown_item_in_the_history_and_an_empty_request_get_an_answer(answers):
    assert np.shape(answers[2]["item_ids"]) == (2, 10)
    assert "i1" not in answers[2]["item_ids"][0]
    assert np.isfinite(answers[2]["order_score"]).all()


def test_k_above_the_corpus_gives_the_corpus_less_what_was_seen(answers):
    answer = answers[3]
    assert np.shape(answer["item_ids"]) == (1, NUM_ITEMS)
    left = NUM_ITEMS - 2
    assert answer["rank"][0] == [*range(1, left + 1), 0, 0]
    assert answer["item_ids"][0][left:] == ["", ""]
    assert set(answer["item_ids"][0][:left]) == {f"i{i}" for i in range(NUM_ITEMS)} - {"i1", "i4"}
    assert set(answers[5]["item_ids"][0]) == {f"i{i}" for i in range(NUM_ITEMS)}


def test_k_of_zero_gives_nothing(answers):
    assert answers[4]["item_ids"] == [[]]


def test_a_batch_of_nobody_gives_nothing(answers):
    assert answers[13]["item_ids"] == []


def test_recommendations_are_ordered_and_titled(answers):
    scores = np.array(answers[0]["order_score"])
    assert (np.diff(scores, axis=1) <= 1e-6).all()
    for items, titles in zip(answers[0]["item_ids"], answers[0]["titles"], strict=True):
        assert titles == [f"{genre_of_item(item)} number {item[1:]}" for item in items]


def test_every_task_is_answered(answers):
    for answer in (answers[0], answers[10], answers[11]):
        assert {"rating", "like", "above_usual"} <= set(answer)
    assert "order_score" in answers[0]
    likes = np.array(answers[0]["like"])
    assert ((likes >= 0) & (likes <= 1)).all()
    assert np.shape(answers[11]["rating"]) == (1,)
    assert np.shape(answers[10]["rating"]) == (1, 2)


def test_unseen_items_take_their_place_by_text_and_attributes(answers):
    embeddings = np.array(answers[8]["embeddings"])
    np.testing.assert_allclose(np.linalg.norm(embeddings[:, :-1], axis=1), 1, rtol=1e-5)
    assert not embeddings[:, -1].any()  # nobody knows how popular they will be
    # Other words, another place: not far away, since in this world the genre alone decides.
    assert np.abs(embeddings[0] - embeddings[3]).max() > 1e-4


def test_a_query_is_nearest_to_new_items_of_the_liked_genre(answers):
    similarity = np.array(answers[-1]["embeddings"]) @ np.array(answers[8]["embeddings"])[: len(GENRES)].T
    nearest = [GENRES[i] for i in similarity.argmax(axis=1)]
    assert np.mean([genre == genre_of_user(user) for genre, user in zip(nearest, USERS, strict=True)]) > 0.9


def _genres(items):
    return {genre_of_item(item) for item in items if item}


def test_plain_arrays_are_answered_as_examples_are(answers):
    arrays, examples = answers[14], answers[15]
    assert arrays.keys() == examples.keys()
    assert arrays["item_ids"] == examples["item_ids"]
    np.testing.assert_allclose(arrays["order_score"], examples["order_score"], rtol=1e-4)


def test_each_request_has_its_own_controls(answers):
    allowed, denied, nothing = answers[16]["item_ids"]
    assert answers[16]["rank"] == [[1, 2, 3, 4, *[0] * 5], [*range(1, 10)], [0] * 9]
    assert _genres(allowed) == {GENRES[1]}
    assert GENRES[0] not in _genres(denied)
    assert not {"i1", "i4"} & {*allowed, *denied}
    assert set(nothing) == {""}


def test_lists_say_how_likely_they_were(answers):
    allowed, denied, nothing = np.array(answers[16]["propensity"])
    assert allowed.tolist() == [1.0] * 4 + [0.0] * 5  # nothing was drawn
    assert not denied.any()  # diversity changed what was drawn
    assert not nothing.any()
    drawn = np.array(answers[29]["propensity"][0])
    assert ((drawn > 0.0) & (drawn < 1.0)).all()


def test_an_example_carries_controls_too(answers):
    first, second = answers[20]["item_ids"]
    assert answers[20]["rank"][0] == [1, 2, 3, *[0] * 7]
    assert GENRES[0] not in _genres(first)
    assert all(second)


def test_recommendations_say_why(answers):
    answer = answers[14]
    for history, because in zip((["i1", "i4"], ["i0", "i3", "i6"]), answer["because_item_ids"], strict=True):
        assert set(because) <= {*history, ""}  # nothing, where each event speaks against the item
    for item, title in zip(answer["because_item_ids"][0], answer["because_titles"][0], strict=True):
        assert title == (f"{genre_of_item(item)} number {item[1:]}" if item else "")
    liked = genre_of_item("i1")
    assert _genres(answer["item_ids"][0]) == {liked}
    for row, categories in zip(answer["reason_item_ids"][0], answer["shared_categories"][0], strict=True):
        assert row[0] in ("i1", "i4")
        assert set(row[1:]) <= {"i1", "i4", ""} - {row[0]}
        assert categories == [f"item_genre={liked}", ""]
    assert [row[0] for row in answer["reason_item_ids"][0]] == answer["because_item_ids"][0]
    weights = np.array(answer["reason_weights"][0])
    assert (weights[:, 0] >= weights[:, 1]).all()
    assert (weights[:, 0] > 0).all()
    assert answer["shared_category_weights"][0] == [[1.0, 0.0]] * 6
    assert np.shape(answer["similar_users"]) == np.shape(answer["text_similarity"]) == (2, 6)
    assert all(source in SOURCES for row in answer["source"] for source in row)
    assert set(answers[1]["because_item_ids"][0]) == {""}  # nobody has done nothing


def test_items_like_another_are_of_its_genre(answers):
    found, unknown = answers[17]["item_ids"]
    assert _genres(found) == {genre_of_item("i5")}
    assert "i5" not in found
    assert set(unknown) == {""}


def test_a_text_finds_items_and_a_blank_one_none(answers):
    assert answers[18]["rank"] == [[1, 2, 3, 4], [0] * 4]
    assert (np.diff(answers[18]["similarity"][0]) <= 1e-6).all()
    assert np.shape(answers[19]["rating"]) == (1, 3)


def test_retrieval_leaves_out_the_history_it_is_given(answers):
    assert not {"i1", "i4"} & set(answers[21]["item_ids"][0])
    assert set(answers[21]["because_item_ids"][0]) <= {"i1", "i4"}


def _assert_same_lists(one, other):
    assert one.keys() - {"known"} == other.keys() - {"known"}
    assert one["item_ids"] == other["item_ids"]
    for name in ("retrieval_score", "order_score", "rating"):
        np.testing.assert_allclose(one[name], other[name], rtol=1e-3, atol=1e-3, err_msg=name)


def test_an_unknown_user_in_a_session_gets_what_the_history_alone_gets(answers):
    assert answers[22]["known"] == [False]
    _assert_same_lists(answers[22], answers[23])


def test_a_known_user_without_a_session_gets_what_the_profile_gives(answers):
    assert answers[24]["known"] == [True]
    _assert_same_lists(answers[24], answers[25])


@pytest.mark.parametrize("session", [26, 28])
def test_a_session_counts_in_the_next_request(answers, session):
    """What the user just did is filtered, is named as a reason, and moves the query towards itself."""
    before, after = (
        {
            item: (score, because)
            for item, score, because in zip(
                answers[number]["item_ids"][0],
                answers[number]["retrieval_score"][0],
                answers[number]["because_item_ids"][0],
                strict=True,
            )
            if item
        }
        for number in (25, session)
    )
    done = {"i0", "i3"} if session == 28 else {"i0", "i3", "i6"}
    assert before.keys() - after.keys() == done
    of_genre = [item for item in after if genre_of_item(item) == GENRES[0]]
    assert len(of_genre) == NUM_ITEMS // len(GENRES) - len(done)
    assert {after[item][1] for item in of_genre} <= done
    shift = {item: after[item][0] - before[item][0] for item in after}
    others = [change for item, change in shift.items() if item not in of_genre]
    assert np.mean([shift[item] for item in of_genre]) > np.mean(others)


def test_events_that_the_bundle_knows_are_not_counted_again(answers):
    _assert_same_lists(answers[27], answers[25])


def test_histories_are_the_newest_first(answers, log):
    expected = log[log.user_id == "u1"][::-1]
    count = answers[12]["count"][0]
    assert count == len(expected)
    assert answers[12]["item_ids"][0][:count] == expected.item_id.tolist()
    assert answers[12]["values"][0][:count] == expected.stars.tolist()
    assert answers[12]["known"] == [True, True, False]
    assert answers[12]["count"][1:] == [0, 0]


def test_the_manifest_says_what_is_in_the_bundle(world):
    folder = world.bundle / "versions" / str(versions(world.bundle)[-1])
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["num_items"] == NUM_ITEMS
    assert manifest["index"] == "scann"
    assert manifest["variants"] == ["exact", "scann"]
    assert manifest["tasks"] == {"rating": "value", "like": "value_at_least", "above_usual": "above_usual"}
    assert set(manifest["signatures"]) == {"retrieval", "ranking", "recommender"}


def _signature_defs(world, variant, model):
    """The signatures of a SavedModel, without the names that its graph has for their tensors."""
    newest = version_dir(world.bundle, versions(world.bundle)[-1])
    (meta_graph,) = read_saved_model(model_dir(newest, variant, model)).meta_graphs
    for signature in meta_graph.signature_def.values():
        for tensor in (*signature.inputs.values(), *signature.outputs.values()):
            tensor.name = ""
    return dict(meta_graph.signature_def)


def test_both_variants_have_the_same_signatures(world):
    for model in MODELS:
        exact = _signature_defs(world, EXACT, model)
        assert exact.keys() > {"serving_default"}
        assert exact == _signature_defs(world, SCANN, model)


def test_every_op_of_the_exact_variant_is_one_of_a_stock_server(world):
    newest = version_dir(world.bundle, versions(world.bundle)[-1])
    for model in MODELS:
        ops = {v: op_names(read_saved_model(model_dir(newest, v, model))) for v in VARIANTS}
        assert len(ops[EXACT]) > 20
        assert lacking_ops(ops_by_library(ops[EXACT]), STOCK) == []
        lacking = lacking_ops(ops_by_library(ops[SCANN]), STOCK)
        assert bool(lacking) == (model != RANKING)
        assert all(op.startswith("Scann>") for op in lacking)


def test_both_variants_answer_alike(world, answers):
    # All of so small a corpus is scored again, exactly: also ScaNN finds the best.
    exact = Answers(world.bundle, EXACT)(*REQUESTS)
    for request, one, other in zip(REQUESTS, exact, answers[:-1], strict=True):
        assert one.keys() == other.keys()
        for name, listed in one.items():
            values, others, where = np.asarray(listed), np.asarray(other[name]), f"{request} {name}"
            assert values.shape == others.shape, where
            if values.dtype.kind == "f":
                np.testing.assert_allclose(values, others, rtol=1e-3, atol=1e-4, err_msg=where)
            else:
                assert not values.size or np.mean(values == others) > 0.95, where
