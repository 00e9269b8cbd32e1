"""RecTools: its models that need no torch."""

from __future__ import annotations

from typing import Any

import pandas as pd
from exchange import LIST_LENGTH, Exchange, Ratings
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel, ImplicitItemKNNWrapperModel, PopularModel, PureSVDModel


def _dataset(ratings: Ratings) -> Dataset:
    """As RecTools takes it."""
    log = pd.DataFrame(
        {
            Columns.User: ratings.user_ids[ratings.users],
            Columns.Item: ratings.item_ids[ratings.items],
            Columns.Weight: 1.0,
            Columns.Datetime: pd.to_datetime(ratings.times, unit="s"),
        }
    )
    return Dataset.construct(log)


def _lists(model: Any, ratings: Ratings, exchange: Exchange) -> dict[str, list[str]]:
    """Fits a model and asks it."""
    dataset = _dataset(ratings)
    model.fit(dataset)
    users = ratings.user_ids[exchange.queries(ratings)]
    answers = model.recommend(users, dataset, k=LIST_LENGTH, filter_viewed=True)
    answers = answers.sort_values([Columns.User, Columns.Rank])
    return answers.groupby(Columns.User)[Columns.Item].apply(list).to_dict()


def main() -> None:
    """Runs all models."""
    exchange = Exchange.from_arguments("rectools")
    exchange.expect(values=False)
    ratings = exchange.ratings()
    exchange.run("popularity", {}, lambda: _lists(PopularModel(), ratings, exchange))
    for settings in ({}, {"regularization": 300.0}):
        exchange.run("EASE", settings, lambda s=settings: _lists(EASEModel(**s), ratings, exchange))
    for settings in ({}, {"factors": 50}):
        seeded = {**settings, "random_state": exchange.seed}
        exchange.run("PureSVD", settings, lambda s=seeded: _lists(PureSVDModel(**s), ratings, exchange))
    for name, neighbours in (("cosine", CosineRecommender(100)), ("BM25", BM25Recommender(100))):
        exchange.run(
            f"item-kNN {name}",
            {"K": 100},
            lambda n=neighbours: _lists(ImplicitItemKNNWrapperModel(n), ratings, exchange),
        )


if __name__ == "__main__":
    main()
