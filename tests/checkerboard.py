"""A small world with a known answer: everybody likes the items of one genre, and no others.

After the checkerboard of implicit's tests: whoever learns anything recommends within the user's genre.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

GENRES = ("comedy", "western", "horror")
NUM_USERS, NUM_ITEMS, LENGTH = 60, 60, 14
FIRST_SECOND = 1_600_000_000


def genre_of_item(item_id: str) -> str:
    """The genre of an item: `i7` is of genre 7 modulo 3."""
    return GENRES[int(item_id[1:]) % len(GENRES)]


def genre_of_user(user_id: str) -> str:
    """The genre that a user likes."""
    return GENRES[int(user_id[1:]) % len(GENRES)]


def write_checkerboard(folder: Path, seed: int = 0) -> None:
    """Writes `log.csv`, `items.csv` and `users.csv`.

    Each user watches items of the liked genre, in a random order and at random moments, no item
    twice, and rates them 5, except the genre's last four items (which nobody likes): 1.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(NUM_USERS):
        liked = np.arange(user % len(GENRES), NUM_ITEMS, len(GENRES))
        for item in rng.permutation(liked)[:LENGTH]:
            rows.append((f"u{user}", f"i{item}", 1 if item >= NUM_ITEMS - 4 * len(GENRES) else 5))
    log = pd.DataFrame(rows, columns=["user_id", "item_id", "stars"])
    log["timestamp"] = FIRST_SECOND + rng.permutation(len(log)) * 1000
    log.to_csv(folder / "log.csv", index=False)
    items = pd.DataFrame({"item_id": [f"i{i}" for i in range(NUM_ITEMS)]})
    items["genre"] = items.item_id.map(genre_of_item)
    items["title"] = items.genre + " number " + items.index.astype(str)
    items["plot"] = np.where(items.index % 2, "a long text about " + items.genre, "")
    items["minutes"] = 90 + items.index
    items.to_csv(folder / "items.csv", index=False)
    users = pd.DataFrame({"user_id": [f"u{i}" for i in range(NUM_USERS + 1)]})  # the last did nothing yet
    users["region"] = np.where(users.index % 2, "north", "south")
    users["age"] = 20 + users.index % 40
    users.to_csv(folder / "users.csv", index=False)


def settings(folder: Path) -> dict:
    """A configuration over the files, shrunk for tests."""
    return {
        "name": "checkerboard",
        "output": str(folder / "runs"),
        "privacy": {"user_ids": "raw"},
        "data": {
            "source": "csv",
            "interactions": {"path": "log.csv", "value": "stars"},
            "items": {
                "path": "items.csv",
                "text": "plot",
                "categories": {"genre": "genre"},
                "numbers": {"minutes": "minutes"},
            },
            "users": {"path": "users.csv", "categories": {"region": "region"}, "numbers": {"age": "age"}},
        },
        "features": {"history_length": 10, "crosses": [["weekday", "user_region"]]},
        "text": {"weights": "random"},
        "retrieval": {
            "embedding_dim": 16,
            "hidden_dims": [16],
            "history_encoder": {"kind": "mean"},  # which learns in few steps
            "window_stride": 1,
            # Texts and attributes must soon carry an item that has no id.
            "id_dropout": 0.5,
            "batch_size": 32,
            "epochs": 12,
            # Within a genre nothing can be told apart: the best epoch by the eval split is an early one.
            "patience": None,
            "learning_rate": 0.02,
        },
        "ranking": {"hidden_dims": [16], "batch_size": 64, "epochs": 3},
        "index": {"kind": "scann", "retrieved": 20, "recall_queries": 50},
        # Item-kNN is perfect here; a test of the gate asks to beat it all the same.
        "gate": {"lists": [], "beat_item_mean": False, "ranking": {"min_auc": None, "max_loss": None}},
    }


def write_config(folder: Path, changes: dict | None = None, name: str = "config.yaml") -> Path:
    """Writes the configuration, with changes to its sections, as YAML."""
    config = settings(folder)
    for section, values in (changes or {}).items():
        merged = {**config[section], **values} if isinstance(config.get(section), dict) else values
        config[section] = merged
    path = folder / name
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path
