"""Times lists of the newest bundle, control by control, in process.

    python -m benchmarks.controls --config configs/movielens_100k.yaml

Each control is asked for once a round, for another user and in another order each round, so that a busy
moment, or a large question before, slows all of them alike. Medians are shown, and JSON is written.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import pipeline  # noqa: F401  (sets the Keras switch before TensorFlow is imported)
from pipeline.config.run import load_config
from serving.layout import EXACT, RECOMMENDER, model_dir, version_dir, versions

WARM_UP = 3  # rounds
EVENTS = 10  # of a session
BATCH = 32
PLAIN: dict[str, Any] = {"explain": [False]}

Asked = Callable[[int], Mapping[str, Any]]


def questions(user_ids: list[str], item_ids: list[str], lists: set[str]) -> dict[str, tuple[str, Asked]]:
    """What is asked: name to the signature, and the inputs of each round.

    Args:
      user_ids: Known users.
      item_ids: Items of the corpus, 100 at least.
      lists: Inputs of `for_sessions`; a session has what it asks for.
    """

    def users(number: int, size: int = 1) -> dict[str, Any]:
        return {"user_id": [user_ids[(number * size + place) % len(user_ids)] for place in range(size)]}

    def user_with(**controls: Any) -> Asked:
        return lambda number: {**users(number), **PLAIN, **controls}

    def session(number: int, length: int) -> dict[str, Any]:
        liked = [item_ids[(number * length + place) % len(item_ids)] for place in range(length)]
        inputs: dict[str, Any] = {"history_item_ids": np.reshape(liked, [1, length]).astype(object)}
        if "history_values" in lists:
            inputs["history_values"] = np.full([1, length], 4.0, np.float32)
        return {**users(number), **PLAIN, **inputs}

    of_users: dict[str, Asked] = {
        "defaults, no reasons": user_with(),
        "defaults, with reasons": user_with(explain=[True]),
        "k 50": user_with(k=[50]),
        "100 excluded items": user_with(exclude_item_ids=[item_ids[:100]]),
        "filter_seen false": user_with(filter_seen=[False]),
        "a category denied": user_with(deny_categories=[["item_genres=Drama"]]),
        "exploration 0.3": user_with(exploration=[0.3]),
        "diversity 0.3": user_with(diversity=[0.3]),
        f"{BATCH} users, no reasons": lambda number: {**users(number, BATCH), **PLAIN},
        f"{BATCH} users, with reasons": lambda number: users(number, BATCH),
    }
    return {
        **{name: ("for_users", asked) for name, asked in of_users.items()},
        "a session of none": ("for_sessions", lambda number: session(number, 0)),
        f"a session of {EVENTS}": ("for_sessions", lambda number: session(number, EVENTS)),
    }


def timed(signatures: Any, asked: Mapping[str, tuple[str, Asked]], rounds: int) -> dict[str, float]:
    """Median milliseconds of each; each round has an order of its own."""
    from serving.signature_function import ask

    took: dict[str, list[float]] = {name: [] for name in asked}
    orders = random.Random(0)
    for number in range(WARM_UP + rounds):
        for name, (signature, inputs) in orders.sample(list(asked.items()), len(asked)):
            since = time.perf_counter()
            ask(signatures[signature], **inputs(number))["item_ids"].numpy()
            if number >= WARM_UP:
                took[name].append((time.perf_counter() - since) * 1000)
    return {name: float(np.median(times)) for name, times in took.items()}


def main() -> None:
    """Parses, measures, shows, writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--config", type=Path, default=Path("configs/movielens_100k.yaml"))
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--users", type=int, default=943, help="ids 1 to that")
    parser.add_argument("--output", type=Path, default=Path("runs/controls.json"))
    options = parser.parse_args()
    signatures = _newest(load_config(options.config).bundle_dir).signatures
    item_ids = _listed(signatures, 100)
    user_ids = [str(1 + number) for number in range(options.users)]
    lists = set(signatures["for_sessions"].structured_input_signature[1])
    found = timed(signatures, questions(user_ids, item_ids, lists), options.rounds)
    base = next(iter(found.values()))
    table = Table("asked", "ms", "ratio")
    for name, milliseconds in found.items():
        table.add_row(name, f"{milliseconds:.1f}", f"{milliseconds / base:.2f}")
    Console().print(table)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(found, indent=2), encoding="utf-8")


def _newest(bundle: Path) -> Any:
    """The recommender of the newest version; the program ends where there is none."""
    import tensorflow as tf

    existing = versions(bundle)
    if not existing:
        raise SystemExit(f"no bundle stands in {bundle}; make one with `recstack run`")
    return tf.saved_model.load(str(model_dir(version_dir(bundle, existing[-1]), EXACT, RECOMMENDER)))


def _listed(signatures: Any, number: int) -> list[str]:
    """Items of the corpus: what somebody of whom nothing is known gets."""
    from serving.signature_function import ask

    found = ask(signatures["for_users"], user_id=[""], k=[number], **PLAIN)["item_ids"].numpy()[0]
    return [item_id.decode() for item_id in found]


if __name__ == "__main__":
    main()
