"""RecBole: BPR, LightGCN and SASRec, a few epochs each.

The last interaction of each user in training, or a tenth at random where nothing has an order, says which
epoch was the best; it is not learnt from.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from exchange import LIST_LENGTH, Exchange, Ratings, lists_of
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.interaction import Interaction
from recbole.utils import get_model, get_trainer, init_seed

_EPOCHS = 50


def _write(ratings: Ratings, folder: Path) -> None:
    """RecBole's own format."""
    folder.mkdir()
    lines = zip(
        ratings.user_ids[ratings.users], ratings.item_ids[ratings.items], ratings.times.tolist(), strict=True
    )
    header = "user_id:token\titem_id:token\ttimestamp:float"
    text = "\n".join([header, *("\t".join(map(str, line)) for line in lines)])
    (folder / "log.inter").write_text(text + "\n", encoding="utf-8")


def _config(name: str, settings: dict[str, Any], ratings: Ratings, folder: Path, seed: int) -> Config:
    """RecBole's, with its defaults but for the epochs."""
    ordered = len(np.unique(ratings.times)) > 1
    split = {"LS": "valid_only"} if ordered else {"RS": [0.9, 0.1, 0.0]}
    values = {
        "data_path": str(folder),
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "eval_args": {"split": split, "order": "TO" if ordered else "RO", "group_by": "user", "mode": "full"},
        "epochs": _EPOCHS,
        "stopping_step": 5,
        "metrics": ["NDCG"],
        "topk": [10],
        "valid_metric": "NDCG@10",
        "seed": seed,
        "use_gpu": False,
        "show_progress": False,
        "checkpoint_dir": str(folder / "saved"),
        **settings,
    }
    return Config(model=name, dataset="log", config_dict=values)


def _lists(name: str, settings: dict[str, Any], ratings: Ratings, exchange: Exchange) -> dict[str, list[str]]:
    """Fits a model and asks it."""
    with tempfile.TemporaryDirectory() as folder:
        _write(ratings, Path(folder) / "log")
        config = _config(name, settings, ratings, Path(folder), exchange.seed)
        init_seed(exchange.seed, reproducibility=True)
        dataset = create_dataset(config)
        train, valid, _ = data_preparation(config, dataset)
        model = get_model(name)(config, train.dataset)
        trainer = get_trainer(config["MODEL_TYPE"], name)(config, model)
        trainer.fit(train, valid, verbose=False, show_progress=False)
        state = torch.load(trainer.saved_model_file)
        model.load_state_dict(state["state_dict"])
        model.eval()
    queries = exchange.queries(ratings)
    scores = _scores(model, config, dataset, ratings, queries)
    scores[ratings.matrix()[queries].nonzero()] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :LIST_LENGTH]
    return lists_of(ratings, queries, best, np.isfinite(np.take_along_axis(scores, best, axis=1)))


def _scores(model: Any, config: Config, dataset: Any, ratings: Ratings, queries: np.ndarray) -> np.ndarray:
    """[Q, N] scores of all items, in the order of `ratings.item_ids`."""
    users = dataset.token2id("user_id", ratings.user_ids[queries])
    inputs = {"user_id": torch.tensor(users)}
    item_rows = dataset.token2id("item_id", ratings.item_ids)
    if "MAX_ITEM_LIST_LENGTH" in config and config["MODEL_TYPE"].name == "SEQUENTIAL":
        inputs |= _sequences(ratings, queries, item_rows, config["MAX_ITEM_LIST_LENGTH"])
    with torch.no_grad():
        scores = model.full_sort_predict(Interaction(inputs)).reshape(len(queries), -1)
    return scores.numpy()[:, item_rows].astype(np.float64)


def _sequences(
    ratings: Ratings, queries: np.ndarray, item_rows: np.ndarray, length: int
) -> dict[str, torch.Tensor]:
    """The newest items of each user, the oldest first, padded behind."""
    order = np.lexsort((ratings.times, ratings.users))
    begin, end = (np.searchsorted(ratings.users[order], queries, side) for side in ("left", "right"))
    counts = np.minimum(end - begin, length)
    places = (end - counts)[:, np.newaxis] + np.arange(length)
    there = np.arange(length) < counts[:, np.newaxis]
    items = item_rows[ratings.items[order]][np.where(there, places, 0)]
    return {
        "item_id_list": torch.tensor(np.where(there, items, 0)),
        "item_length": torch.tensor(counts),
    }


def main() -> None:
    """Runs all models."""
    exchange = Exchange.from_arguments("recbole")
    exchange.expect(values=False)
    ratings = exchange.ratings()
    models: list[tuple[str, dict[str, Any]]] = [("BPR", {}), ("LightGCN", {})]
    if len(np.unique(ratings.times)) > 1:  # a sequence needs an order
        models.append(("SASRec", {"train_neg_sample_args": None}))
    for name, settings in models:
        shown = {"epochs": f"up to {_EPOCHS}"}
        exchange.run(name, shown, lambda n=name, s=settings: _lists(n, s, ratings, exchange))


if __name__ == "__main__":
    main()
