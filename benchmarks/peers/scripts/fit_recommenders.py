"""Recommenders: SAR, the model of its quick start."""

from __future__ import annotations

from typing import Any

import pandas as pd
from exchange import LIST_LENGTH, Exchange, Ratings
from recommenders.models.sar import SAR


def _lists(settings: dict[str, Any], ratings: Ratings, exchange: Exchange) -> dict[str, list[str]]:
    """Fits the model and asks it."""
    log = pd.DataFrame(
        {
            "userID": ratings.user_ids[ratings.users],
            "itemID": ratings.item_ids[ratings.items],
            "rating": ratings.values,
            "timestamp": ratings.times,
        }
    )
    names = {"col_user": "userID", "col_item": "itemID", "col_rating": "rating", "col_timestamp": "timestamp"}
    model = SAR(**names, **settings)
    model.fit(log)
    asked = pd.DataFrame({"userID": ratings.user_ids[exchange.queries(ratings)]})
    answers = model.recommend_k_items(asked, top_k=LIST_LENGTH, remove_seen=True)
    return answers.groupby("userID", sort=False)["itemID"].apply(list).to_dict()


def main() -> None:
    """Runs all models."""
    exchange = Exchange.from_arguments("recommenders")
    exchange.expect(values=False)
    ratings = exchange.ratings()
    quick_start = {
        "similarity_type": "jaccard",
        "time_decay_coefficient": 30,
        "timedecay_formula": True,
        "normalize": True,
    }
    exchange.run("SAR", {}, lambda: _lists({}, ratings, exchange))
    exchange.run("SAR", quick_start, lambda: _lists(quick_start, ratings, exchange))


if __name__ == "__main__":
    main()
