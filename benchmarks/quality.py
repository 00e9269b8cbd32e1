"""Judges popularity, item-kNN, iALS, EASE, our retrieval alone and our full system under one protocol.

    python -m benchmarks.quality --protocol random-75 --seeds 42 43 44

The models are those that the pipeline ships, trained by its own steps: only the split is the protocol's
(see :mod:`benchmarks.protocols`), and `training.refit` is on, so that in the end all have learnt from the
same interactions. The configuration is that of the data set, with the settings of
`benchmarks/settings/PROTOCOL.yaml` on top, chosen on the eval split.

Ranking is over the full corpus, what a query's user has had left out. A table is printed; the figures, the
time and memory of each step, and the lists go to the output folder.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp
from rich.console import Console
from rich.table import Table

import pipeline  # noqa: F401  (sets the Keras switch before TensorFlow is imported)
from benchmarks.judge import LIST_LENGTH, best_lists, judge_lists
from benchmarks.protocol_data import prepare_protocol, with_protocol_schema
from benchmarks.protocols import PROTOCOLS, ProtocolSplit
from pipeline.canonical import PreparedData
from pipeline.components.parquet_example_gen import encode_examples
from pipeline.config.run import RunConfig, load_config
from pipeline.console import StepReporter
from pipeline.runners.local import run_locally
from pipeline.runners.steps import Step
from pipeline.splits import TEST
from schemas.features import HISTORY_ITEM_IDS
from serving.layout import RECOMMENDER
from serving.manifest import used_model_dir

SETTINGS = Path(__file__).parent / "settings"
SOURCES = ("Retrieval", "Collaborative", "Ranking")
FULL, RETRIEVAL, TITLES = "full system", "retrieval alone", "title cosine"
_BLOCK = 64


class Steps(StepReporter):
    """Shows the steps, and keeps what they told.

    Attributes:
      finished_steps: By id.
    """

    def __init__(self, console: Console):
        """See :class:`StepReporter`."""
        super().__init__(console)
        self.finished_steps: dict[str, Step] = {}

    def finished(self, step: Step) -> None:
        """See :class:`StepReporter`."""
        super().finished(step)
        self.finished_steps[step.node_id] = step

    def folder(self, name: str) -> str:
        """The model that the bundle holds: the refitted one, if there is one."""
        steps = self.finished_steps
        return steps.get(f"{name}Refit", steps[f"{name}Trainer"]).outputs["model"]


@dataclass(frozen=True)
class Queries:
    """The queries of a protocol's test split, in corpus rows.

    Attributes:
      requests: [Q] serialized `tf.Example`s.
      seen: [Q, N] the history of each.
      relevant: [Q, N] what its user went for.
      item_ids: [N] the corpus.
    """

    requests: np.ndarray
    seen: sp.csr_matrix
    relevant: sp.csr_matrix
    item_ids: pa.Array

    @classmethod
    def of(cls, split: ProtocolSplit, item_ids: np.ndarray) -> Queries:
        """Looks the ids up."""
        corpus = pa.array(item_ids, pa.binary()).cast(pa.string())
        table = split.tables[TEST]
        history = table[HISTORY_ITEM_IDS].combine_chunks()
        counts = pc.list_value_length(history).to_numpy()
        shape = (len(counts), len(corpus))
        seen, relevant = (pc.index_in(ids, corpus).to_numpy() for ids in (history.flatten(), split.relevant))
        return cls(
            np.array(list(encode_examples(table)), dtype=object),
            _matrix(np.repeat(np.arange(len(counts)), counts), seen, shape),
            _matrix(split.query, relevant, shape),
            corpus,
        )

    def blocks(self) -> Iterator[slice]:
        """Some queries at a time."""
        for start in range(0, len(self.requests), _BLOCK):
            yield slice(start, start + _BLOCK)


def _matrix(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sp.csr_matrix:
    return sp.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)


def train(config: RunConfig, data: PreparedData) -> Steps:
    """Runs the pipeline as far as the bundle."""
    steps = Steps(Console(stderr=True))
    with steps.live():
        run_locally(config, data, steps, until_bundle=True)
    return steps


def list_all(steps: Steps, queries: Queries, protocol: str) -> dict[str, np.ndarray]:
    """The lists of every model, [Q, 20] corpus rows each.

    Of cold items there is a second kind, of which the name says that it ranks those alone.
    """
    candidates = {"": None}
    if protocol == "cold-items":
        is_cold = np.asarray(queries.relevant.sum(axis=0)).ravel() > 0
        candidates[" (cold only)"] = is_cold
    parts: dict[str, list[np.ndarray]] = {}
    score, recommend = _scorer(steps), _recommender(steps)
    for block in queries.blocks():
        seen = queries.seen[block]
        for name, scores in score(queries.requests[block], seen).items():
            for suffix, mask in candidates.items():
                parts.setdefault(name + suffix, []).append(best_lists(scores, seen, mask))
        for suffix, mask in candidates.items():
            lists = recommend(queries, block, mask)
            parts.setdefault(FULL + suffix, []).append(lists)
    return {name: np.concatenate(lists) for name, lists in parts.items()}


def _scorer(steps: Steps) -> Callable[[np.ndarray, sp.csr_matrix], dict[str, np.ndarray]]:
    """Scores of the whole corpus, by each model that gives them."""
    import tensorflow as tf

    from trainer.collaborative.history import padded_rows
    from trainer.retrieval_module import query_inputs

    retrieval = tf.saved_model.load(steps.folder("Retrieval"))
    collaborative = tf.saved_model.load(steps.folder("Collaborative"))
    texts = retrieval.text_embeddings.numpy()[:-1]
    embeddings = retrieval.corpus.embeddings.numpy()[:-1]

    def score(requests: np.ndarray, seen: sp.csr_matrix) -> dict[str, np.ndarray]:
        raw = retrieval.queries.parse_requests(tf.constant(requests))
        inputs = query_inputs(retrieval.queries, retrieval.queries.transform_queries(raw))
        scores = collaborative.scores(tf.constant(padded_rows(seen)))
        return {
            **{name: values.numpy() for name, values in scores.items()},
            TITLES: (seen @ texts) @ texts.T,
            RETRIEVAL: retrieval.queries.encode_queries(inputs).numpy() @ embeddings.T,
        }

    return score


def _recommender(steps: Steps) -> Callable[[Queries, slice, np.ndarray | None], np.ndarray]:
    """The lists of the bundle's recommender."""
    import scann  # noqa: F401  (registers ScaNN's ops, in case the bundle holds some)
    import tensorflow as tf

    from serving.signature_function import ask

    bundle = steps.finished_steps["Bundler"].outputs["bundle"]
    top_k = tf.saved_model.load(str(used_model_dir(Path(bundle), RECOMMENDER))).signatures["top_k"]

    def recommend(queries: Queries, block: slice, mask: np.ndarray | None) -> np.ndarray:
        k = LIST_LENGTH if mask is None else len(queries.item_ids)
        answers = ask(top_k, examples=queries.requests[block], k=[k])
        ids = pa.array(answers["item_ids"].numpy().ravel(), pa.binary()).cast(pa.string())
        lists = pc.index_in(ids, queries.item_ids).fill_null(-1).to_numpy().reshape(-1, k)
        return lists if mask is None else _only(lists, mask)

    return recommend


def _only(lists: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The best 20 of lists that a mask of the corpus allows."""
    allowed = (lists >= 0) & mask[np.maximum(lists, 0)]
    first = np.argsort(~allowed, axis=1, kind="stable")[:, :LIST_LENGTH]
    return np.where(np.take_along_axis(allowed, first, 1), np.take_along_axis(lists, first, 1), -1)


def list_ablations(
    steps: Steps, queries: Queries, config: RunConfig, data: PreparedData
) -> dict[str, np.ndarray]:
    """The lists of fusions of fewer sources, trained like the whole, [Q, 20] corpus rows each."""
    import tensorflow as tf

    from pipeline.nodes.models import bundle_settings
    from serving.train_fusion import load_sources, train_fusion

    settings = bundle_settings(config, data)
    rehearsed = [steps.finished_steps[f"{name}Trainer"].outputs["model"] for name in SOURCES]
    examples = steps.finished_steps["interactions.ExampleGen"].outputs["examples"]
    generator, _ = load_sources(*(steps.folder(name) for name in SOURCES), settings)
    collaborative = tuple(name for name in generator.sources if name not in ("retrieval", "content"))
    ablations = {"fused: collaborative": collaborative, "fused: without tasks": generator.sources}
    lists = {}
    for name, sources in ablations.items():
        changed = config.fusion.model_copy(update={"sources": sources})
        with tempfile.TemporaryDirectory() as folder:
            train_fusion(*rehearsed, examples, settings, changed, config.seed, folder)
            lists[name] = _fused_lists(generator, tf.saved_model.load(folder), sources, queries)
    return lists


def _fused_lists(generator: Any, fusion: Any, sources: tuple[str, ...], queries: Queries) -> np.ndarray:
    """The lists of a fusion that takes no tasks."""
    import tensorflow as tf

    from serving.fusion import standardised

    parts = []
    for block in queries.blocks():
        raw = generator.parse(tf.constant(queries.requests[block]))
        found = generator.generate(raw, generator.seen(raw), tf.constant(LIST_LENGTH))
        features = standardised(tf.stack([found.scores[name] for name in sources], -1), found.valid)
        order = fusion.order(features, tf.math.log1p(tf.cast(found.num_seen, tf.float32)))
        best = tf.math.top_k(tf.where(found.valid, order, tf.float32.min), LIST_LENGTH).indices
        rows = tf.where(found.valid, found.rows, -1)
        parts.append(tf.gather(rows, best, batch_dims=1).numpy())
    return np.concatenate(parts)


def run_seed(
    config: RunConfig, protocol: str, seed: int, folder: Path, min_users: int, ablation: bool
) -> dict[str, Any]:
    """Trains and judges everything on the split of one seed; writes and gives what came of it."""
    import tensorflow as tf

    since = time.monotonic()
    config = config.model_copy(update={"output": folder, "seed": seed})
    config = with_protocol_schema(config, folder / "schema")
    data, split = prepare_protocol(config, protocol, seed, folder / "split", min_users)
    steps = train(config, data)
    corpus = tf.saved_model.load(steps.folder("Retrieval")).corpus
    queries = Queries.of(split, corpus.item_ids.numpy())
    lists = list_all(steps, queries, protocol)
    if ablation:
        lists |= list_ablations(steps, queries, config, data)
    figures = {name: asdict(judge_lists(rows, queries.relevant)) for name, rows in lists.items()}
    ids = np.append(np.array(queries.item_ids.to_pylist(), dtype=object), "")
    result = {
        "protocol": protocol,
        "seed": seed,
        "figures": figures,
        "seconds": {name: round(step.seconds, 1) for name, step in steps.finished_steps.items()},
        "seconds_in_all": round(time.monotonic() - since, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "fusion": json.loads(
            Path(steps.finished_steps["FusionTrainer"].outputs["model"], "fusion.json").read_text()
        ),
        "lists": {name: ids[rows].tolist() for name, rows in lists.items()},
    }
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return result


def summary(results: list[dict[str, Any]]) -> dict[str, dict[str, tuple[float, float]]]:
    """Model to metric to mean and standard deviation over the seeds."""
    models = results[0]["figures"]
    return {
        model: {
            metric: (float(np.mean(values)), float(np.std(values)))
            for metric in metrics
            for values in [[result["figures"][model][metric] for result in results]]
        }
        for model, metrics in models.items()
    }


def table(results: list[dict[str, Any]], protocol: str) -> Table:
    """The figures as a table."""
    seeds = ", ".join(str(result["seed"]) for result in results)
    shown = Table(title=f"{protocol}, seeds {seeds}", title_justify="left", box=None)
    shown.add_column("")
    figures = summary(results)
    for metric in next(iter(figures.values())):
        shown.add_column(metric.replace("_at_", "@"), justify="right")
    for model, metrics in figures.items():
        shown.add_row(model, *(f"{mean:.4f} ± {spread:.4f}" for mean, spread in metrics.values()))
    return shown


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--protocol", required=True, choices=sorted(PROTOCOLS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[42])
    parser.add_argument("--config", type=Path, default=Path("configs/movielens_100k.yaml"))
    parser.add_argument("--settings", type=Path, help="by default benchmarks/settings/PROTOCOL.yaml")
    parser.add_argument("--min-users", type=int, default=1, help="of an item; others are left out")
    parser.add_argument("--ablation", action="store_true", help="fuse fewer sources, too")
    parser.add_argument("--output", type=Path, default=Path("runs/quality"))
    return parser.parse_args()


def main() -> None:
    """Runs all seeds of a protocol."""
    arguments = _arguments()
    settings = arguments.settings or SETTINGS / f"{arguments.protocol}.yaml"
    config = load_config(arguments.config, settings)
    folder = arguments.output.resolve() / config.name / arguments.protocol
    results = []
    for seed in arguments.seeds:
        results.append(
            run_seed(
                config, arguments.protocol, seed, folder / str(seed), arguments.min_users, arguments.ablation
            )
        )
    (folder / "summary.json").write_text(json.dumps(summary(results), indent=2), encoding="utf-8")
    Console().print(table(results, arguments.protocol))


if __name__ == "__main__":
    main()
