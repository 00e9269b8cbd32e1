"""What the gate refuses, and what it says."""

import copy
import json

import pytest

from pipeline.config.run import GateConfig
from serving.gate import judge, read_evaluation, write_verdict

GOOD = {
    "retrieval": {
        "popularity": {"recall_at_20": 0.1, "ndcg_at_10": 0.03},
        "item_knn": {"recall_at_20": 0.2, "ndcg_at_10": 0.06},
        "retrieval": {"recall_at_20": 0.3, "ndcg_at_10": 0.08},
        "recommender": {"recall_at_20": 0.3, "ndcg_at_10": 0.08},
    },
    "ranking": {
        "rating": {"metric": "rmse", "value": 0.9, "baseline": 1.0},
        "like": {"metric": "auc", "value": 0.7, "baseline": None},
    },
    "index": {
        "chosen": "scann",
        "measured": [{"kind": "exact", "recall_at_10": 1.0}, {"kind": "scann", "recall_at_10": 0.95}],
    },
}


def _with(*path, value):
    figures = copy.deepcopy(GOOD)
    inner = figures
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return figures


def test_good_figures_pass():
    assert judge(GOOD, GateConfig()) == []


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        (
            _with("retrieval", "retrieval", "recall_at_20", value=0.2),
            "retrieval: recall_at_20 is 0.2000, item_knn's 0.2000",
        ),
        (
            _with("retrieval", "popularity", "ndcg_at_10", value=0.5),
            "retrieval: ndcg_at_10 is 0.0800, popularity's 0.5000",
        ),
        (
            _with("retrieval", "retrieval", "ndcg_at_10", value=float("nan")),
            "retrieval: ndcg_at_10 is nan, popularity's 0.0300",
        ),
        (
            _with("ranking", "rating", "value", value=1.0),
            "ranking: rating has RMSE 1.0000, the per-item mean 1.0000",
        ),
        (
            _with("index", "measured", 1, "recall_at_10", value=0.8),
            "index: recall@10 against exact search is 0.8000, below 0.9",
        ),
    ],
)
def test_a_figure_that_falls_short_is_named(figures, reason):
    assert reason in judge(figures, GateConfig())


def test_what_the_configuration_does_not_ask_for_is_not_judged():
    lenient = GateConfig(beat_baselines=False, beat_item_mean=False, min_index_recall=0)
    bad = _with("retrieval", "retrieval", "recall_at_20", value=0.0)
    assert judge(bad, lenient) == []


@pytest.mark.parametrize("reasons", [[], ["retrieval: too low"]])
def test_the_verdict_is_stored_with_figures_and_reasons(tmp_path, reasons):
    evaluation, blessing = tmp_path / "evaluation", tmp_path / "blessing"
    evaluation.mkdir()
    blessing.mkdir()
    write_verdict(GOOD, reasons, str(evaluation), str(blessing))
    stored = read_evaluation(str(evaluation))
    assert stored["reasons"] == reasons
    assert stored["blessed"] is (not reasons)
    assert json.loads(json.dumps(stored["ranking"])) == GOOD["ranking"]
    assert [path.name for path in blessing.iterdir()] == ["NOT_BLESSED" if reasons else "BLESSED"]
