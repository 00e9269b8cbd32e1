"""Surprise: the models of its README's table, which estimate values."""

from __future__ import annotations

from exchange import Exchange
from surprise import SVD, BaselineOnly, Dataset, KNNBaseline, Reader, SVDpp

_ITEM_PEARSON = {"sim_options": {"name": "pearson_baseline", "user_based": False}}


def main() -> None:
    """Runs all models."""
    exchange = Exchange.from_arguments("scikit-surprise")
    values = exchange.ratings().values
    scale = (float(values.min()), float(values.max()))
    reader = Reader(line_format="user item rating timestamp", sep=",", skip_lines=1, rating_scale=scale)
    train = Dataset.load_from_file(str(exchange.folder / "train.csv"), reader).build_full_trainset()
    pairs = exchange.columns("pairs.csv")

    def values_of(algorithm: object) -> list[float]:
        algorithm.fit(train)
        return [algorithm.predict(u, i).est for u, i in zip(pairs["user"], pairs["item"], strict=True)]

    quiet, seed = {"verbose": False}, {"random_state": exchange.seed}
    exchange.run("baselines", {}, lambda: values_of(BaselineOnly(**quiet)))
    exchange.run("SVD", {}, lambda: values_of(SVD(**seed)))
    exchange.run("KNNBaseline", {}, lambda: values_of(KNNBaseline(**quiet)))
    exchange.run("KNNBaseline", _ITEM_PEARSON, lambda: values_of(KNNBaseline(**_ITEM_PEARSON, **quiet)))
    exchange.run("SVD++", {}, lambda: values_of(SVDpp(cache_ratings=True, **seed)))


if __name__ == "__main__":
    main()
