"""A planted world: who recommends well wins, and a ruined slice is found."""

from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf

from pipeline.config.evaluation import EvaluationConfig
from pipeline.config.gate import GateConfig
from pipeline.errors import InputError
from serving.evaluation_record import ALL, OVERALL, Evaluation, IndexFigures, IndexReport
from serving.gate import PREVIOUS, judge
from serving.list_evaluation.evaluate import evaluate_lists
from serving.list_evaluation.listers import LIST_LENGTH
from serving.list_evaluation.model_lister import ModelLister, without_seen
from serving.list_evaluation.requests import ListRequests
from tests.serving.list_evaluation.small_split import (
    FIRST_NEW_USER,
    ITEM_IDS,
    NUM_ITEMS,
    SETTINGS,
    likes,
)

CONFIG = EvaluationConfig(bootstrap_samples=200, slices=("user_city",))
SPEC = {"user_id": tf.io.FixedLenFeature([], tf.string), "history_item_ids": tf.io.RaggedFeature(tf.string)}


class PlantedModel:
    """Answers as a SavedModel does, from what it is told of users.

    Attributes:
      asked: Lengths of the lists that were asked for.
    """

    def __init__(self, favours, drops_seen):
        top_k = partial(self._top_k)
        names = {"examples": tf.string, "k": tf.int32, "filter_seen": tf.bool}
        specs = {name: tf.TensorSpec([None], dtype, name=name) for name, dtype in names.items()}
        top_k.structured_input_signature = ((), specs)
        self.signatures = {"top_k": top_k}
        self.asked = []
        self._favours, self._drops_seen = favours, drops_seen
        embeddings = np.random.default_rng(0).standard_normal((NUM_ITEMS + 1, 9)).astype(np.float32)
        self.retrieval = self.corpus = self
        self.embeddings = tf.constant(embeddings)

    def _top_k(self, examples, k, filter_seen):
        assert bool(filter_seen[0]) == self._drops_seen
        k = int(k[0])
        self.asked.append(k)
        parsed = tf.io.parse_example(examples, SPEC)
        lists = []
        histories = parsed["history_item_ids"].to_list()
        for user, history in zip(parsed["user_id"].numpy(), histories, strict=True):
            favoured = self._favours(user.decode())
            order = [*favoured, *(item for item in range(NUM_ITEMS) if item not in set(favoured))]
            ids = [ITEM_IDS[item] for item in order]
            if self._drops_seen:
                ids = [item for item in ids if item not in set(history)]
            lists.append((ids + [b""] * NUM_ITEMS)[: min(k, NUM_ITEMS)])
        return {"item_ids": tf.constant(lists)}


def _good(user):
    return likes(user)


def _ruined_for_new_users(user):
    """What new users want least comes first."""
    if int(user[1:]) < FIRST_NEW_USER:
        return likes(user)
    return tuple(item for item in range(NUM_ITEMS) if item not in likes(user))


def _models(favours):
    return {"retrieval": PlantedModel(_good, False), "recommender": PlantedModel(favours, True)}


def _evaluate(data, folders, favours=_good, config=CONFIG, seed=0, previous=None):
    return evaluate_lists(data, _models(favours), SETTINGS.feature_set, folders[1], config, seed, previous)


@pytest.fixture(scope="module")
def lists(data, folders):
    return _evaluate(data, folders)


def _recall(figures, feature=OVERALL, value=ALL):
    return figures[feature][value].metrics["recall@20"]


def _text(figures):
    """As text, in which what is not a number equals itself."""
    return {f: {v: part.model_dump_json() for v, part in values.items()} for f, values in figures.items()}


def test_every_recommender_has_the_same_slices_and_metrics(lists, data):
    assert list(lists) == ["popularity", "item_knn", "retrieval", "recommender"]
    num_requests = int((data.is_new & data.is_engaged).sum())
    shapes = []
    for figures in lists.values():
        assert set(figures) == {
            OVERALL,
            "user",
            "user_activity",
            "item",
            "item_popularity",
            "item_age",
            "user_city",
        }
        assert figures[OVERALL][ALL].requests == num_requests
        for feature in figures:
            assert sum(part.requests for part in figures[feature].values()) == num_requests
        parts = [(f, v, part) for f, values in figures.items() for v, part in values.items()]
        shapes.append([(f, v, part.requests, part.users, sorted(part.metrics)) for f, v, part in parts])
    assert all(shape == shapes[0] for shape in shapes)
    accuracy = {"recall@20", "hit_rate@10", "ndcg@10", "mrr@20"}
    beyond = {"coverage@20", "novelty@20", "diversity@20", "popularity_bias@20"}
    assert set(shapes[0][0][4]) == accuracy | beyond


def test_who_recommends_well_wins(lists):
    good, popular = _recall(lists["recommender"]), _recall(lists["popularity"])
    assert good.low > popular.high
    # New items are half of the north's and the south's; of the others' eighty any may be the next.
    assert _recall(lists["recommender"], "user_city", "north").value > 0.4
    assert _recall(lists["item_knn"], "item", "cold").value == 0
    assert lists["popularity"][OVERALL][ALL].metrics["popularity_bias@20"].value > 0


def test_retrieval_that_lists_what_was_seen_is_as_good(lists):
    """It favours the same, and what was seen is left out here."""
    assert _text(lists["retrieval"]) == _text(lists["recommender"])


def test_a_ruined_slice_is_found(lists, data, folders):
    ruined = _evaluate(data, folders, _ruined_for_new_users)["recommender"]
    good = lists["recommender"]
    assert _recall(ruined, "user", "warm") == _recall(good, "user", "warm")
    assert _recall(ruined, "user", "cold").high < _recall(good, "user", "cold").low
    assert _recall(ruined).value < _recall(good).value


def test_the_gate_refuses_who_ruins_a_slice_and_takes_who_mends_it(lists, data, folders):
    ruined = _evaluate(data, folders, _ruined_for_new_users)
    kept = {"metric": "recall@20", "slice": {"user": "cold"}, "lose_at_most": 0.15}
    gate = GateConfig(lists=[kept], min_slice_requests=1)
    reasons = judge(_against(ruined, lists["recommender"]), gate)
    assert [reason.partition(" is ")[0] for reason in reasons] == ["recommender: recall@20 for user 'cold'"]
    assert judge(_against(lists, ruined["recommender"]), gate) == []
    assert judge(_against(lists, lists["recommender"]), gate) == []


def _against(lists, previous):
    """A record of lists alone."""
    exact = IndexFigures(kind="exact", recall_at_10=1, milliseconds_per_query=1)
    index = IndexReport(chosen="exact", num_items=NUM_ITEMS, measured=(exact,))
    return Evaluation(lists={**lists, PREVIOUS: previous}, previous=1, ranking={}, index=index)


def test_figures_have_bounds_and_coverage_has_none(lists):
    metrics = lists["recommender"][OVERALL][ALL].metrics
    for name, figure in metrics.items():
        assert (figure.low is None) == (name == "coverage@20")
        if figure.low is not None:
            assert figure.low <= figure.value <= figure.high


def test_undefined_is_not_a_number(lists):
    """Who has no history has no popularity to compare with."""
    figure = lists["popularity"]["user_activity"]["0"].metrics["popularity_bias@20"]
    assert np.isnan(figure.value)
    assert figure.low is None


def test_the_seed_decides_and_a_sample_is_drawn(data, folders):
    config = CONFIG.model_copy(update={"max_requests": 50})
    first, again, other = (_evaluate(data, folders, config=config, seed=seed) for seed in (1, 1, 2))
    assert all(_text(first[name]) == _text(again[name]) for name in first)
    assert _text(first["recommender"]) != _text(other["recommender"])
    requests = ListRequests(data, 50, seed=1)
    assert len(requests) == 50
    assert (np.diff(requests.queries) > 0).all()
    assert (data.is_new & data.is_engaged)[requests.queries].all()


def test_nothing_new_cannot_be_judged(data):
    class NothingNew:
        is_new = np.zeros(1234, bool)
        is_engaged = np.ones(1234, bool)

        def __len__(self):
            return 1234

    with pytest.raises(InputError, match=r"in the test split \(1,234 interactions\) nobody did"):
        ListRequests(NothingNew(), 10, seed=0)


def test_an_unknown_slice_is_refused(data, folders):
    with pytest.raises(InputError, match="'user_town', .* there are user_city, item_genre, event_type"):
        _evaluate(data, folders, config=EvaluationConfig(slices=("user_town",)))


def test_a_model_is_asked_for_as_much_as_was_seen(data):
    requests = ListRequests(data, 1000, seed=0)
    model = PlantedModel(_good, drops_seen=False)
    lister = ModelLister(model, data.item_ids, drops_seen=False)
    for block in requests.blocks():
        lists = lister(block)
        assert model.asked[-1] == LIST_LENGTH + block.seen.getnnz(axis=1).max()
        assert (lists >= 0).all()
        assert not block.seen.toarray()[np.arange(len(lists))[:, np.newaxis], lists].any()


def test_what_was_seen_gives_up_its_place_and_what_is_unknown_keeps_it():
    lists = np.array([[4, -1, 2, 3], [0, 1, 2, -1]])
    seen = sp.csr_matrix(np.array([[0, 0, 1, 0, 1], [0, 0, 0, 0, 0]]))
    before = lists.copy()
    assert without_seen(lists, seen, 3).tolist() == [[-1, 3, -1], [0, 1, 2]]
    assert without_seen(lists, seen, 6)[1].tolist() == [0, 1, 2, -1, -1, -1]
    np.testing.assert_array_equal(lists, before)


class Served(tf.Module):
    """An earlier version: it lists the same to everybody, and something that is gone."""

    def __init__(self, ids, feature="user_id", dtype=tf.string):
        super().__init__()
        self.ids = tf.Variable(ids)
        self._spec = {feature: tf.io.FixedLenFeature([], dtype)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="examples"),
            tf.TensorSpec([None], tf.int32, name="k"),
        ]
    )
    def top_k(self, examples, k):
        (feature,) = tf.io.parse_example(examples, self._spec).values()
        return {"item_ids": tf.tile(self.ids[tf.newaxis, : k[0]], [tf.shape(feature)[0], 1])}


class TestPrevious:
    def _save(self, folder, *arguments):
        served = Served([b"gone", *ITEM_IDS[1:60]], *arguments)
        tf.saved_model.save(served, str(folder), signatures={"top_k": served.top_k})
        return folder

    def test_it_is_asked_the_same_and_answers_by_id(self, data, folders, lists, tmp_path):
        found = _evaluate(data, folders, previous=self._save(tmp_path / "served"))
        assert list(found) == [*lists, "previous"]
        overall = found["previous"][OVERALL][ALL]
        assert overall.requests == lists["recommender"][OVERALL][ALL].requests
        requests = ListRequests(data, CONFIG.max_requests, seed=0)
        seen = data.seen(requests.queries).toarray()
        hits = []
        for target, had in zip(requests.targets, seen, strict=True):
            # Twenty are asked for. The first is gone, and what was seen leaves its place to nobody.
            hits.append(target in [item for item in range(1, 20) if not had[item]])
        assert overall.metrics["recall@20"].value == pytest.approx(np.mean(hits))
        assert overall.metrics["coverage@20"].value == 19 / NUM_ITEMS

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [(("user_mood",), "user_mood"), (("timestamp", tf.string), "timestamp")],
        ids=["a feature that requests lack", "a feature of another type"],
    )
    def test_one_that_does_not_take_the_requests_is_left_out(
        self, data, folders, lists, tmp_path, caplog, arguments, reason
    ):
        found = _evaluate(data, folders, previous=self._save(tmp_path / "served", *arguments))
        assert list(found) == list(lists)
        assert "previous is left out of the evaluation: the served version does not take" in caplog.text
        assert reason in caplog.text

    def test_nor_is_one_without_the_signature_or_none_at_all(self, data, folders, lists, tmp_path, caplog):
        tf.saved_model.save(tf.Module(), str(tmp_path / "empty"))
        for folder in (tmp_path / "empty", tmp_path / "nowhere"):
            assert list(_evaluate(data, folders, previous=folder)) == list(lists)
        assert caplog.text.count("previous is left out of the evaluation") == 2
