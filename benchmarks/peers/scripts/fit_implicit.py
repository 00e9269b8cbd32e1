"""implicit: alternating least squares, BPR and item neighbours.

The settings beside the defaults are those of its tutorial (ALS over BM25 weights), and what was best on a
tenth of the training split of MovieLens 100K, drawn at random: ALS of 32 and 64 factors, regularization 10,
30 and 100, alpha 5, 10 and 20; BPR of learning rates .01 to .05 and regularization .01 to .1; 20 to 200
neighbours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from exchange import LIST_LENGTH, Exchange, Ratings, lists_of
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender, bm25_weight

_MODELS: list[tuple[str, type, dict[str, Any], bool]] = [
    ("ALS", AlternatingLeastSquares, {}, False),
    ("ALS", AlternatingLeastSquares, {"factors": 64, "regularization": 0.05, "alpha": 2.0}, True),
    ("ALS", AlternatingLeastSquares, {"factors": 32, "regularization": 30.0, "alpha": 5.0}, False),
    ("ALS", AlternatingLeastSquares, {"factors": 64, "regularization": 30.0, "alpha": 5.0}, False),
    ("BPR", BayesianPersonalizedRanking, {}, False),
    ("BPR", BayesianPersonalizedRanking, {"factors": 32, "regularization": 0.05}, False),
    ("item-kNN cosine", CosineRecommender, {}, False),
    ("item-kNN TF-IDF", TFIDFRecommender, {"K": 200}, False),
    ("item-kNN BM25", BM25Recommender, {"K": 100}, False),
]


def _lists(
    kind: type, settings: dict[str, Any], weighted: bool, ratings: Ratings, exchange: Exchange
) -> dict[str, list[str]]:
    """Fits a model and asks it."""
    matrix = ratings.matrix()
    learnt = bm25_weight(matrix, K1=100, B=0.8).tocsr() if weighted else matrix
    has_seed = kind in (AlternatingLeastSquares, BayesianPersonalizedRanking)
    model = kind(**settings, **({"random_state": exchange.seed} if has_seed else {}), num_threads=1)
    model.fit(learnt, show_progress=False)
    queries = exchange.queries(ratings)
    items, scores = model.recommend(queries, matrix[queries], N=LIST_LENGTH, filter_already_liked_items=True)
    floor = np.finfo(np.float32).min
    return lists_of(ratings, queries, items, (items >= 0) & (scores > floor))


def main() -> None:
    """Runs all models."""
    exchange = Exchange.from_arguments("implicit")
    exchange.expect(values=False)
    ratings = exchange.ratings()
    for name, kind, settings, weighted in _MODELS:
        shown = {**settings, **({"weights": "bm25"} if weighted else {})}
        exchange.run(name, shown, lambda k=kind, s=settings, w=weighted: _lists(k, s, w, ratings, exchange))


if __name__ == "__main__":
    main()
