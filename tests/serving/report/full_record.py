"""An evaluation with every part that the record has."""

from serving.evaluation_record import (
    Bounded,
    CalibrationBin,
    Evaluation,
    IndexFigures,
    IndexReport,
    ListFigures,
    RankingFigures,
    Skew,
)

_RECOMMENDERS = {
    "popularity": 0.10,
    "item_knn": 0.20,
    "retrieval": 0.25,
    "recommender": 0.30,
    "previous": 0.28,
}
_SLICES = {
    "overall": ["all"],
    "user_activity": ["1-10", "11-50"],
    "item_popularity": ["head", "tail"],
    "item_genre": ["<script>alert('slice')</script>", "western"],
}


def lists_of(recall: float, requests: int = 1000) -> ListFigures:
    """Figures of lists; NDCG is half the recall."""
    metrics = {"recall@20": _around(recall), "ndcg@10": _around(recall / 2), "coverage": Bounded(value=0.5)}
    return ListFigures(requests=requests, users=requests // 10, metrics=metrics)


def full_record(blessed: bool = True, recall: float = 0.3) -> Evaluation:
    """An evaluation.

    Args:
      blessed: The verdict.
      recall: Recall@20 of the recommender.
    """
    recalls = {**_RECOMMENDERS, "recommender": recall}
    lists = {
        name: {
            feature: {value: lists_of(figure, 1000 // (place + 1)) for place, value in enumerate(values)}
            for feature, values in _SLICES.items()
        }
        for name, figure in recalls.items()
    }
    errors = {"rmse": _around(0.95), "mae": _around(0.75), "mean_label": Bounded(value=3.5)}
    of_value = RankingFigures(examples=900, metrics=errors, baselines={"item_mean": 1.02, "global_mean": 1.1})
    probabilities = {"auc": _around(0.8), "calibration": Bounded(value=1.01)}
    of_like = RankingFigures(examples=800, metrics=probabilities)
    return Evaluation(
        lists=lists,
        previous=3,
        ranking={
            "rating": {"overall": {"all": of_value}, "user_activity": {"1-10": of_value}},
            "like": {"overall": {"all": of_like}},
        },
        calibration={"like": tuple(calibration_bins())},
        index=IndexReport(
            chosen="scann",
            num_items=1682,
            measured=(_index("exact", 1.0, 0.2), _index("scann", 0.97, 0.1, 8)),
            curve=tuple(_index("scann", 0.7 + 0.1 * step, 0.05 * (step + 1), 2**step) for step in range(4)),
        ),
        explanations=ListFigures(
            requests=200,
            users=90,
            metrics={"named_fall": _around(0.81), "random_fall": Bounded(value=-0.012)},
        ),
        skew={"ranking/like": Skew(requests=100, largest=2e-7, tolerance=1e-4)},
        blessed=blessed,
        reasons=() if blessed else ("lists: recall@20 <b>is too low</b>",),
    )


def calibration_bins() -> list[CalibrationBin]:
    """Ten bins, each off by a twentieth."""
    return [
        CalibrationBin(examples=80, mean_prediction=0.05 + 0.1 * place, mean_label=0.1 + 0.1 * place)
        for place in range(10)
    ]


def _around(value: float) -> Bounded:
    return Bounded(value=value, low=value - 0.01, high=value + 0.01)


def _index(kind, recall: float, milliseconds: float, leaves: int | None = None) -> IndexFigures:
    return IndexFigures(kind=kind, recall_at_10=recall, milliseconds_per_query=milliseconds, leaves=leaves)
