"""Surprise: the models of its README's table, which estimate values."""

from __future__ import annotations

import tempfile

from exchange import Exchange
from surprise import SVD, BaselineOnly, Dataset, KNNBaseline, Reader, SVDpp, Trainset

_ITEM_PEARSON = {"sim_options": {"name": "pearson_baseline", "user_based": False}}


def _trainset(exchange: Exchange) -> Trainset:
    """The training interactions, by a file that Surprise reads: it knows no quotes."""
    columns = exchange.columns("train.csv")
    values = [float(value) for value in columns["value"]]
    reader = Reader(line_format="user item rating", sep="\t", rating_scale=(min(values), max(values)))
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        lines = zip(columns["user"], columns["item"], columns["value"], strict=True)
        file.writelines("\t".join(line) + "\n" for line in lines)
        file.flush()
        return Dataset.load_from_file(file.name, reader).build_full_trainset()


def main() -> None:
    """Runs all models."""
    exchange = Exchange.from_arguments("scikit-surprise")
    exchange.expect(values=True)
    train = _trainset(exchange)
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
