"""LensKit: item neighbours and alternating least squares, for lists and for values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from exchange import LIST_LENGTH, Exchange, Ratings
from lenskit.algorithms import Predictor, Recommender
from lenskit.algorithms.als import BiasedMF, ImplicitMF
from lenskit.algorithms.basic import Fallback, PopScore
from lenskit.algorithms.bias import Bias
from lenskit.algorithms.item_knn import ItemItem


def _log(ratings: Ratings) -> pd.DataFrame:
    """As LensKit takes it."""
    return pd.DataFrame(
        {
            "user": ratings.user_ids[ratings.users],
            "item": ratings.item_ids[ratings.items],
            "rating": ratings.values.astype(np.float64),
        }
    )


def _lists(algorithm: Any, ratings: Ratings, exchange: Exchange) -> dict[str, list[str]]:
    """Fits a model and asks it; a recommender leaves out what a user has."""
    recommender = Recommender.adapt(algorithm)
    recommender.fit(_log(ratings))
    users = ratings.user_ids[exchange.queries(ratings)].tolist()
    return {user: recommender.recommend(user, LIST_LENGTH)["item"].tolist() for user in users}


def _values(algorithm: Any, ratings: Ratings, exchange: Exchange) -> list[float]:
    """Fits a model and asks it; where it has no estimate, the biases are it."""
    predictor = Predictor.adapt(Fallback(algorithm, Bias()))
    predictor.fit(_log(ratings))
    pairs = pd.DataFrame(exchange.columns("pairs.csv"))
    estimates = np.empty(len(pairs))
    for user, rows in pairs.groupby("user", sort=False).indices.items():
        estimates[rows] = predictor.predict_for_user(user, pairs["item"].to_numpy()[rows]).to_numpy()
    return estimates.tolist()


def main() -> None:
    """Runs all models."""
    exchange = Exchange.from_arguments("lenskit")
    ratings = exchange.ratings()
    seed = {"rng_spec": exchange.seed}
    if exchange.asks_for_values:
        exchange.run("biases", {}, lambda: _values(Bias(), ratings, exchange))
        exchange.run("ItemItem", {"nnbrs": 20}, lambda: _values(ItemItem(20), ratings, exchange))
        exchange.run("BiasedMF", {"features": 50}, lambda: _values(BiasedMF(50, **seed), ratings, exchange))
        return
    exchange.run("popularity", {}, lambda: _lists(PopScore(), ratings, exchange))
    for count in (20, 100):
        settings = {"nnbrs": count, "feedback": "implicit"}
        exchange.run("ItemItem", settings, lambda s=settings: _lists(ItemItem(**s), ratings, exchange))
    for settings in ({"features": 50}, {"features": 32, "reg": 30.0, "weight": 5.0}):
        exchange.run(
            "ImplicitMF", settings, lambda s=settings: _lists(ImplicitMF(**s, **seed), ratings, exchange)
        )


if __name__ == "__main__":
    main()
