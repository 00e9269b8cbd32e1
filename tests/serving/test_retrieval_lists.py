"""Lists by the towers and the index: against NumPy, and a batch against each request alone."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from schemas.features import TableLayout, declare_features
from serving.category_filter import CategoryFilter
from serving.event_contributions import EventContributions
from serving.index import ExactIndex
from serving.reasons import Reasons
from serving.request_controls import CONTROL_SPECS, controls_for
from serving.retrieval_lists import RetrievalLists
from serving.shared_categories import SharedCategories
from serving.signature_function import default_input
from tests.serving.history_encoder import query_side

NUM_ITEMS, DIM, TEXT_DIM = 30, 4, 3
RNG = np.random.default_rng(0)
IDS = np.array([f"i{i}" for i in range(NUM_ITEMS)])
EMBEDDINGS = RNG.normal(size=[NUM_ITEMS + 1, DIM + 1]).astype(np.float32)
EMBEDDINGS[:, :-1] /= np.linalg.norm(EMBEDDINGS[:, :-1], axis=1, keepdims=True)  # and the popularity
UNITS = EMBEDDINGS[:-1, :-1]
TEXTS = RNG.normal(size=[NUM_ITEMS + 1, TEXT_DIM]).astype(np.float32)
TEXTS /= np.linalg.norm(TEXTS, axis=1, keepdims=True)
QUERY = RNG.normal(size=DIM + 1).astype(np.float32)  # of somebody without a history
HISTORIES = [["i1", "i2", "nothing"], [], ["i5"], ["i1", "", "i7"]]


def _lookup(item_ids):
    rows = tf.argmax(item_ids[..., tf.newaxis] == IDS, axis=-1, output_type=tf.int32)
    is_known = tf.reduce_any(item_ids[..., tf.newaxis] == IDS, axis=-1)
    return tf.where(item_ids == "", -1, tf.where(is_known, rows, NUM_ITEMS))


@pytest.fixture(scope="module")
def lists():
    corpus = SimpleNamespace(
        item_ids=tf.constant(IDS),
        titles=tf.constant([f"title {i}" for i in range(NUM_ITEMS)]),
        embeddings=tf.constant(EMBEDDINGS),
        lookup_items=_lookup,
    )
    retrieval = SimpleNamespace(
        corpus=corpus,
        queries=query_side(EMBEDDINGS, _lookup, QUERY),
        text_embeddings=tf.constant(TEXTS),
        embed_texts=lambda texts: tf.gather(TEXTS, tf.strings.length(texts)),
    )
    kinds = pa.table({"item_id": IDS, "kind": [[f"k{i % 3}"] for i in range(NUM_ITEMS)]})
    item_ids = np.char.encode(IDS).astype(object)
    contributions = EventContributions(retrieval.queries, declare_features(TableLayout()))
    reasons = Reasons(corpus, contributions, SharedCategories(kinds, item_ids))
    index = ExactIndex(EMBEDDINGS[:-1])
    return RetrievalLists(retrieval, index, CategoryFilter(kinds, item_ids), reasons)


def _controls(size, **said):
    given = {spec.name: tf.constant(default_input(spec), spec.dtype) for spec in CONTROL_SPECS}
    given |= {name: tf.constant(said[name], given[name].dtype) for name in said}
    return controls_for(tf.constant(size), given)


def _asked(lists, chosen, **said):
    raw = {
        "history_item_ids": tf.ragged.constant(
            [HISTORIES[i] for i in chosen], tf.string, ragged_rank=1
        ).to_sparse(),
    }
    return {n: v.numpy() for n, v in lists.for_requests(raw, _controls(len(chosen), **said)).items()}


def _ids(row):
    return [item.decode() for item in row]


def test_the_best_unseen_with_their_reasons(lists):
    answer = _asked(lists, [0, 1], k=[5])
    assert answer["rank"].tolist() == [[1, 2, 3, 4, 5]] * 2
    for place, query in enumerate([0, 1]):
        events = [int(item[1:]) if item in IDS else NUM_ITEMS for item in HISTORIES[query]]
        scores = EMBEDDINGS[:-1] @ (QUERY + EMBEDDINGS[events].sum(axis=0))
        order = [i for i in np.argsort(-scores) if IDS[i] not in HISTORIES[query]][:5]
        assert _ids(answer["item_ids"][place]) == IDS[order].tolist()
        np.testing.assert_allclose(answer["retrieval_score"][place], scores[order], rtol=1e-5)
    for item, because in zip(_ids(answer["item_ids"][0]), _ids(answer["because_item_ids"][0]), strict=True):
        falls = {event: EMBEDDINGS[int(item[1:])] @ EMBEDDINGS[int(event[1:])] for event in ("i1", "i2")}
        assert because == (max(falls, key=falls.get) if max(falls.values()) > 0 else "")
    assert set(_ids(answer["because_item_ids"][1])) == {""}


MANY = {
    "k": [3, 0, 7, 100],
    "exclude_item_ids": [["i3", ""], ["i0", "i1"], ["", ""], ["what", "i9"]],
    "filter_seen": [True, True, False, True],
    "allow_categories": [["kind=k1"], [""], [""], ["kind=k0"]],
    "deny_categories": [[""], [""], ["kind=k0"], [""]],
    "diversity": [0.0, 0.5, 0.7, 0.0],
    "exploration": [0.4, 0.0, 0.0, 0.0],
    "seed": [5, 6, 7, 8],
    "explain": [True, True, False, False],
}


def test_a_request_gets_the_same_whoever_asks_beside_it(lists):
    together = _asked(lists, [0, 1, 2, 3], **MANY)
    for request in range(4):
        alone = _asked(
            lists, [request], **{name: values[request : request + 1] for name, values in MANY.items()}
        )
        width = alone["rank"].shape[1]
        for name, values in alone.items():
            found = together[name][request, :width]
            if values.dtype == np.float32:
                np.testing.assert_allclose(found, values[0], rtol=1e-5, err_msg=name)
            else:
                assert found.tolist() == values[0].tolist(), name
        assert not together["rank"][request, width:].any()
    counts = np.count_nonzero(together["rank"], axis=1)
    # The last wants all of its kind, without what it has seen or excludes: i0 to i27 in threes, less i9.
    assert counts.tolist() == [3, 0, 7, 9]
    assert not set(_ids(together["item_ids"][3])) & {"i9"}


def test_who_wants_no_reasons_gets_none_and_the_same_list(lists):
    explained, plain = (_asked(lists, [0], k=[5], explain=[wanted]) for wanted in (True, False))
    for name, values in explained.items():
        assert values.any(), name
        if name.startswith(("because", "reason", "shared")):
            assert not plain[name].any(), name
            assert plain[name].shape == values.shape
        else:
            np.testing.assert_array_equal(plain[name], values, err_msg=name)


def test_lists_say_how_likely_they_were(lists):
    answer = _asked(lists, [0, 1], k=[5], exploration=[0.0, 0.4], seed=[1])
    assert (answer["propensity"][0] == 1.0).all()
    assert ((answer["propensity"][1] > 0.0) & (answer["propensity"][1] < 1.0)).all()
    for found in (
        lists.similar_items(tf.constant(["i4"]), _controls(1, exploration=[0.4])),
        lists.for_texts(tf.constant(["abc"]), _controls(1, exploration=[0.4])),
    ):
        assert ((found["propensity"] > 0.0) & (found["propensity"] < 1.0)).numpy().all()


def test_an_excluded_list_longer_than_the_corpus_leaves_nothing(lists):
    answer = _asked(lists, [0], exclude_item_ids=[[*IDS, *IDS, "x"]])
    assert answer["item_ids"].shape == (1, 10)
    assert not answer["rank"].any()
    assert set(_ids(answer["item_ids"][0])) == {""}
    assert not answer["retrieval_score"].any()


def test_k_of_zero_or_less_and_a_batch_of_nobody(lists):
    assert _asked(lists, [0, 1], k=[0, -3], diversity=[0.5], exploration=[0.5])["rank"].shape == (2, 0)
    assert _asked(lists, [])["rank"].shape == (0, 0)


def test_similar_items_are_those_of_the_largest_cosine(lists):
    answer = lists.similar_items(tf.constant(["i4", "nothing", ""]), _controls(3, k=[6, 6, 6]))
    cosines = UNITS @ UNITS[4]
    order = [i for i in np.argsort(-cosines) if i != 4][:6]
    assert _ids(answer["item_ids"].numpy()[0]) == IDS[order].tolist()
    np.testing.assert_allclose(answer["similarity"].numpy()[0], cosines[order], rtol=1e-5)
    assert answer["rank"].numpy()[1:].tolist() == [[0] * 6] * 2
    own = lists.similar_items(tf.constant(["i4"]), _controls(1, k=[2], filter_seen=[False]))
    assert _ids(own["item_ids"].numpy()[0])[0] == "i4"


def test_a_text_finds_the_items_of_like_texts_in_the_allowed_categories(lists):
    texts = tf.constant(["abc", "  "])
    answer = lists.for_texts(texts, _controls(2, k=[4], allow_categories=[["kind=k2"]]))
    scores = TEXTS[:-1] @ TEXTS[3]
    order = [i for i in np.argsort(-scores) if i % 3 == 2][:4]
    assert _ids(answer["item_ids"].numpy()[0]) == IDS[order].tolist()
    np.testing.assert_allclose(answer["similarity"].numpy()[0], scores[order], rtol=1e-5)
    assert not answer["rank"].numpy()[1].any()
