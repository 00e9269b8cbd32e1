"""Compares ways to name the event of a history that a recommendation owes the most to.

    python -m benchmarks.reasons --run runs/movielens_100k

For users of a run, at a moment of their history and an hour after their newest event, the ten best unseen
items by the trained towers are taken. Each event is taken out of the request and the towers are asked
again: the fall of an item's score is what the event contributed. A way to name events is as good as the
falls of those it names. A table is printed, and JSON written.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

import pipeline  # noqa: F401  (sets the Keras switch before TensorFlow is imported)
from benchmarks.index.trained_vectors import newest_output

NEWEST = (4, 8, 16)  # events among which the best one is looked for
_ITEMS = "history_item_ids"
_K = 10
_FEWEST = 5  # events of a history
_HOUR = 3600


@dataclass(frozen=True)
class Case:
    """A list for a user, and what its items would lose.

    Attributes:
      falls: [E, K] float32: of each item's score, without each event, oldest first.
      cosines: [E, K] float32: of their embeddings.
      gradients: [E, K] float32: gradient times input of each item's score by each event's embedding.
    """

    falls: np.ndarray
    cosines: np.ndarray
    gradients: np.ndarray


@dataclass(frozen=True)
class Faith:
    """How far scores fall without what a way names.

    Attributes:
      named: Mean fall, a logit.
      others: That of another event, on average.
      above_others: Share of the other events that cost less.
      of_best: Share of what the best event costs.
    """

    named: float
    others: float
    above_others: float
    of_best: float


def cases(run_dir: Path, num_requests: int, length: int, seed: int) -> Iterator[Case]:
    """Lists of a run's retrieval model.

    Args:
      run_dir: Such as `runs/movielens_100k`.
      num_requests: How many users, at most.
      length: Newest events of each that are looked at; no more than the model reads.
      seed: Of the draw of users and moments.

    Raises:
      SystemExit: The run has no retrieval model, or no data.
    """
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  (registers its ops)

    model = newest_output(run_dir, "RetrievalTrainer/model", "saved_model.pb")
    files = sorted(run_dir.glob("data/*/histories.parquet"))
    if model is None or not files:
        raise SystemExit(f"{run_dir} has no retrieval model, or no data: run the pipeline first")
    retrieval = tf.saved_model.load(str(model))
    users = [user for user in pq.read_table(files[-1]).to_pylist() if len(user[_ITEMS]) >= _FEWEST]
    rng = np.random.default_rng(seed)
    for place in rng.permutation(len(users))[:num_requests]:
        lists = {name: values for name, values in users[place].items() if name.startswith("history_")}
        end = int(rng.integers(_FEWEST, len(lists[_ITEMS]) + 1))
        yield _case(retrieval, {name: values[max(end - length, 0) : end] for name, values in lists.items()})


def _case(retrieval: Any, lists: dict[str, list[Any]]) -> Case:
    """Takes each event out."""
    import tensorflow as tf

    from serving.list_evaluation.explanations import without_event
    from trainer.retrieval_module import directions, query_inputs

    queries, corpus = retrieval.queries, retrieval.corpus
    whole = _example(lists)

    def features(examples: list[bytes]) -> dict[str, Any]:
        raw = queries.parse_requests(tf.constant(examples))
        return query_inputs(queries, queries.transform_queries(raw))

    count = len(lists[_ITEMS])
    examples = [without_event(whole, place, list(lists)) for place in range(count)][::-1]
    without = queries.encode_queries(features(examples)).numpy()
    rows = corpus.lookup_items(tf.constant(lists[_ITEMS])).numpy()
    embeddings = corpus.embeddings.numpy()
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(corpus.embeddings)
        query = queries.encode_queries(features([whole.SerializeToString()]))[0]
        scores = embeddings[:-1] @ query.numpy()
        scores[rows[rows < len(scores)]] = -np.inf
        items = np.argsort(-scores)[:_K]
        each = [tf.tensordot(query, embeddings[item], 1) for item in items]
    gradients = [tf.convert_to_tensor(tape.gradient(one, corpus.embeddings)).numpy()[rows] for one in each]
    return Case(
        (query.numpy() - without) @ embeddings[items].T,
        directions(embeddings[rows]).numpy() @ directions(embeddings[items]).numpy().T,
        np.stack([(gradient * embeddings[rows]).sum(axis=1) for gradient in gradients], axis=1),
    )


def _example(lists: dict[str, list[Any]]) -> Any:
    """A request with a history."""
    import tensorflow as tf

    from schemas.features import HISTORY_TIMESTAMPS, TIMESTAMP

    example = tf.train.Example()
    for name, values in lists.items():
        feature = example.features.feature[name]
        if isinstance(values[0], str):
            feature.bytes_list.value.extend(value.encode() for value in values)
        elif isinstance(values[0], int):
            feature.int64_list.value.extend(values)
        else:
            feature.float_list.value.extend(values)
    moment = int(lists[HISTORY_TIMESTAMPS][-1]) + _HOUR
    example.features.feature[TIMESTAMP].int64_list.value.append(moment)
    return example


def ways(case: Case, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What each way names, [K] places of events; some are drawn."""
    count, size = case.falls.shape
    named = {"taken out, all": case.falls.argmax(axis=0)}
    for newest in NEWEST:
        begin = max(count - newest, 0)
        named[f"taken out, {newest} newest"] = begin + case.falls[begin:].argmax(axis=0)
    return {
        **named,
        "nearest embedding": case.cosines.argmax(axis=0),
        "gradient times input": case.gradients.argmax(axis=0),
        "newest": np.full(size, count - 1),
        "random": rng.integers(0, count, size),
    }


def faith(falls: np.ndarray, named: np.ndarray) -> np.ndarray:
    """[4] of a list, as :class:`Faith` has them, the third and fourth as falls; falls [E, K], named [K]."""
    own = falls[named, np.arange(falls.shape[1])]
    others = len(falls) - 1
    less = ((falls < own).sum(axis=0) + ((falls == own).sum(axis=0) - 1) / 2) / others
    return np.array(
        [own.mean(), ((falls.sum(axis=0) - own) / others).mean(), less.mean(), falls.max(axis=0).mean()]
    )


def compare(found: Iterable[Case], seed: int) -> dict[str, Faith]:
    """The figures of each way over all lists."""
    rng = np.random.default_rng(seed)
    by_way: dict[str, list[np.ndarray]] = {}
    for case in found:
        for way, named in ways(case, rng).items():
            by_way.setdefault(way, []).append(faith(case.falls, named))
    figures: dict[str, Faith] = {}
    for way, lists in by_way.items():
        named, others, above, best = (float(figure) for figure in np.mean(lists, axis=0))
        figures[way] = Faith(named, others, above, named / best)
    return figures


def main() -> None:
    """Parses, compares, shows and writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--run", type=Path, default=Path("runs/movielens_100k"), help="folder of a run")
    parser.add_argument("--requests", type=int, default=200, help="users at most")
    parser.add_argument("--length", type=int, default=50, help="newest events of each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("runs/reasons.json"))
    options = parser.parse_args()
    figures = compare(cases(options.run, options.requests, options.length, options.seed), options.seed)
    table = Table("named", "fall", "another", "above others", "of the best")
    for way, faith_of in figures.items():
        table.add_row(way, *(f"{figure:.3f}" for figure in asdict(faith_of).values()))
    Console().print(table)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps({way: asdict(of) for way, of in figures.items()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
