"""The figures that go into a manifest."""

import math

from serving.evaluation_record import Evaluation
from serving.overall_figures import overall_figures


def _evaluation():
    def lists(value):
        return {
            "requests": 5,
            "users": 4,
            "metrics": {"recall@20": {"value": value, "low": 0.0, "high": 1.0}},
        }

    def ranking(**metrics):
        return {"examples": 3, "metrics": {name: {"value": value} for name, value in metrics.items()}}

    measured = [
        {"kind": "exact", "recall_at_10": 1.0, "milliseconds_per_query": 0.1},
        {"kind": "scann", "recall_at_10": 0.9, "milliseconds_per_query": 0.2},
    ]
    return {
        "lists": {
            "recommender": {"overall": {"all": lists(0.3)}, "user": {"ann": lists(0.1)}},
            "retrieval": {"overall": {"all": lists(0.2)}},
            "popularity": {"overall": {"all": lists(0.1)}},
        },
        "explanations": {"requests": 5, "users": 4, "metrics": {"named_fall": {"value": 0.4}}},
        "ranking": {"like": {"overall": {"all": ranking(auc=0.7, user_auc=math.nan)}}, "rating": {}},
        "index": {"chosen": "scann", "num_items": 9, "measured": measured},
    }


def test_our_own_overall_and_no_others():
    assert overall_figures(Evaluation.model_validate(_evaluation())) == {
        "recommender/recall@20": 0.3,
        "retrieval/recall@20": 0.2,
        "explanations/named_fall": 0.4,
        "ranking/like/auc": 0.7,
        "index/recall_at_10": 0.9,
        "index/milliseconds_per_query": 0.2,
    }


def test_nothing_is_made_up():
    empty = {
        **_evaluation(),
        "lists": {},
        "explanations": None,
        "ranking": {},
        "index": {"chosen": "exact", "num_items": 9, "measured": []},
    }
    assert overall_figures(Evaluation.model_validate(empty)) == {}
