"""What the gate refuses, and what it says."""

import math

import pytest
from pydantic import ValidationError

from pipeline.config.gate import GateConfig, ListThreshold
from serving.evaluation_record import ALL, OVERALL, Bounded, Evaluation, IndexReport, Skew
from serving.gate import judge, read_evaluation, write_verdict

RECALL, NDCG = "recall@20", "ndcg@10"
SLICES = {OVERALL: (ALL,), "user": ("cold", "warm"), "item": ("cold", "warm")}
VALUES = {
    "popularity": (0.1, 0.03),
    "item_knn": (0.2, 0.06),
    "retrieval": (0.3, 0.08),
    "recommender": (0.32, 0.09),
    "previous": (0.31, 0.085),
}


def _lists(requests=1000):
    """Recommender to slice feature to slice value to figures."""
    lists = {
        model: {
            feature: {
                group: {
                    "requests": requests,
                    "users": requests // 2,
                    "metrics": {
                        RECALL: {"value": recall, "low": recall - 0.01, "high": recall + 0.01},
                        NDCG: {"value": ndcg, "low": ndcg - 0.005, "high": ndcg + 0.005},
                    },
                }
                for group in groups
            }
            for feature, groups in SLICES.items()
        }
        for model, (recall, ndcg) in VALUES.items()
    }
    return lists


def _evaluation(lists=None, rmse=0.9, recall=0.95, skew=1e-6):
    ranking = {
        "rating": {
            OVERALL: {
                ALL: {"examples": 9, "metrics": {"rmse": {"value": rmse}}, "baselines": {"item_mean": 1.0}}
            }
        },
        "like": {OVERALL: {ALL: {"examples": 9, "metrics": {"auc": {"value": 0.7}}}}},
    }
    measured = [
        {"kind": "exact", "recall_at_10": 1.0, "milliseconds_per_query": 0.2},
        {"kind": "scann", "recall_at_10": recall, "milliseconds_per_query": 0.1},
    ]
    return Evaluation(
        lists=lists or _lists(),
        previous=3,
        ranking=ranking,
        index=IndexReport(chosen="scann", num_items=5, measured=measured),
        skew={"ranking/like": Skew(requests=10, largest=skew, tolerance=1e-3)},
    )


def _with(model, feature, group, metric, value, half=0.01, requests=1000):
    lists = _lists(requests)
    lists[model][feature][group]["metrics"][metric] = {
        "value": value,
        "low": value - half,
        "high": value + half,
    }
    return _evaluation(lists)


def test_good_figures_pass():
    assert judge(_evaluation(), GateConfig()) == []


@pytest.mark.parametrize(
    ("evaluation", "reason"),
    [
        (
            _with("retrieval", OVERALL, ALL, RECALL, 0.2),
            "retrieval: recall@20 is 0.2000, item_knn's 0.2000",
        ),
        (_with("popularity", OVERALL, ALL, NDCG, 0.5), "recommender: ndcg@10 is 0.0900, popularity's 0.5000"),
        (
            _with("retrieval", OVERALL, ALL, NDCG, math.nan),
            "retrieval: ndcg@10 is nan, popularity's 0.0300",
        ),
        (_evaluation(rmse=1.0), "ranking: rating has RMSE 1.0000, the per-item mean 1.0000"),
        (_evaluation(rmse=math.nan), "ranking: rating has RMSE nan, the per-item mean 1.0000"),
        (_evaluation(recall=0.8), "index: recall@10 against exact search is 0.8000, below 0.9"),
        (
            _evaluation(skew=0.02),
            "skew: ranking/like differs by 0.02 of its spread between raw requests and training's features, "
            "more than 0.001",
        ),
        (
            _with("recommender", OVERALL, ALL, RECALL, 0.28),
            "recommender: recall@20 is 0.2800, version 3's 0.3100: more than 5% are lost",
        ),
        (
            _with("recommender", "user", "cold", RECALL, 0.2),
            "recommender: recall@20 for user 'cold' is 0.2000, version 3's 0.3100: more than 15% are lost",
        ),
    ],
)
def test_a_figure_that_falls_short_is_named(evaluation, reason):
    assert reason in judge(evaluation, GateConfig())


def test_nothing_is_lost_against_no_bundle():
    lists = _lists()
    del lists["previous"]
    lists["recommender"]["user"]["cold"]["metrics"][RECALL] = {"value": 0.01}
    assert judge(_evaluation(lists), GateConfig()) == []


def test_a_loss_within_the_bounds_is_none():
    assert judge(_with("recommender", "user", "cold", RECALL, 0.25, half=0.07), GateConfig()) == []
    assert judge(_with("recommender", "user", "cold", RECALL, 0.25, half=0.05), GateConfig())


def test_a_small_slice_is_not_judged():
    ruined = _with("recommender", "user", "cold", RECALL, 0.0, requests=50)
    assert judge(ruined, GateConfig()) == []
    assert judge(ruined, GateConfig(min_slice_requests=50))


def test_a_slice_that_nobody_is_in_is_not_judged():
    lists = _lists()
    for slices in lists.values():
        del slices["user"]["cold"]
    assert judge(_evaluation(lists), GateConfig()) == []


@pytest.mark.parametrize(
    ("threshold", "reason"),
    [
        ({"at_least": 0.4}, "recommender: recall@20 is 0.3200, below 0.4"),
        ({"at_most": 0.3}, "recommender: recall@20 is 0.3200, above 0.3"),
        (
            {"at_least": 0.4, "slice": {"item": "warm"}},
            "recommender: recall@20 for item 'warm' is 0.3200, below 0.4",
        ),
        ({"at_least": 0.2, "at_most": 0.4, "beats": ["retrieval"]}, None),
    ],
)
def test_thresholds_of_ones_own(threshold, reason):
    gate = GateConfig(lists=[{"metric": RECALL, **threshold}])
    assert judge(_evaluation(), gate) == ([reason] if reason else [])


def test_what_the_configuration_does_not_ask_for_is_not_judged():
    lenient = GateConfig(lists=(), beat_item_mean=False, min_index_recall=0)
    assert judge(_with("retrieval", OVERALL, ALL, RECALL, 0.0), lenient) == []


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        ({"metric": "recall@7", "at_least": 0.1}, "Input should be 'recall@20'"),
        ({"metric": RECALL}, "give one at least of"),
        ({"metric": RECALL, "model": "retrieval", "lose_at_most": 0.1}, "is for the recommender"),
        ({"metric": RECALL, "at_least": 0.1, "slice": {"user": "cold", "item": "cold"}}, "at most 1 item"),
    ],
)
def test_a_threshold_that_cannot_be(threshold, message):
    with pytest.raises(ValidationError, match=message):
        ListThreshold(**threshold)


@pytest.mark.parametrize("reasons", [(), ("retrieval: too low",)])
def test_the_verdict_is_stored_with_figures_and_reasons(tmp_path, reasons):
    evaluation, blessing = tmp_path / "evaluation", tmp_path / "blessing"
    evaluation.mkdir()
    blessing.mkdir()
    judged = _with("retrieval", "user", "cold", NDCG, math.nan)
    judged = judged.model_copy(update={"blessed": not reasons, "reasons": reasons})
    write_verdict(judged, str(evaluation), str(blessing))
    stored = read_evaluation(str(evaluation))
    assert stored.reasons == reasons
    assert stored.blessed is (not reasons)
    assert stored.ranking == judged.ranking
    assert math.isnan(stored.lists["retrieval"]["user"]["cold"].metrics[NDCG].value)
    assert stored.lists["retrieval"]["user"]["cold"].metrics[RECALL] == Bounded(
        value=0.3, low=0.29, high=0.31
    )
    assert [path.name for path in blessing.iterdir()] == ["NOT_BLESSED" if reasons else "BLESSED"]
