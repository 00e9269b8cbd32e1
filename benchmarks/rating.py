"""Judges the ranking model's estimate of values: random cross-validation, RMSE.

    python -m benchmarks.rating --seeds 42 --folds 5

The data steps, the retrieval model and the ranking model on top of it are those that the pipeline ships,
trained anew for each fold; only the split is the protocol's (see :mod:`benchmarks.rating_folds`). A twentieth
of what may be learnt from says when to stop, and is not learnt from. Estimates are clipped to the range of
the values that were learnt from. The configuration is that of the data set, with the settings of
`benchmarks/settings/rating.yaml` on top.

A table is printed; figures, time and memory go to the output folder, with the split files that other
libraries read (`python -m benchmarks.peers --protocol rating` writes the same).
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.table import Table

import pipeline  # noqa: F401  (sets the Keras switch before TensorFlow is imported)
from benchmarks.peers.split_files import RATING, write_folds
from benchmarks.protocol_data import whole_log, write_input
from benchmarks.quality import SETTINGS, Steps
from benchmarks.rating_folds import NUM_FOLDS, draw_folds, errors, fold_tables, part
from pipeline.canonical import PreparedData, prepare
from pipeline.config.run import RunConfig, load_config
from pipeline.runners.local import validate_locally
from pipeline.splits import TEST
from schemas.features import ITEM_ID, VALUE, Stream
from trainer.settings import RankingSettings, RetrievalSettings
from trainer.streams import TransformedStream

_BATCH = 1024


def prepare_fold(
    config: RunConfig, data: PreparedData, log: pa.Table, folds: np.ndarray, fold: int, folder: Path
) -> PreparedData:
    """The pipeline's input for one fold."""
    tables = fold_tables(log, data.layout, folds, fold, config.seed, config.features.history_length)
    return write_input(data, tables, log, part(log, folds, fold)[0], folder)


def transform(config: RunConfig, data: PreparedData, folder: Path) -> dict[Stream, TransformedStream]:
    """Runs the pipeline's data steps."""
    folder.mkdir(parents=True, exist_ok=True)
    steps = Steps(Console(stderr=True))
    with steps.live():
        validate_locally(config, data, folder, steps, transform=True)

    def output(stream: Stream, node: str, name: str) -> str:
        return steps.finished_steps[f"{stream.value}.{node}"].outputs[name]

    return {
        stream: TransformedStream(
            output(stream, "Materializer", "transformed_examples"),
            output(stream, "Transform", "transform_graph"),
        )
        for stream in Stream
    }


def train(
    config: RunConfig, data: PreparedData, streams: dict[Stream, TransformedStream], folder: Path
) -> tuple[str, str, dict[str, list[float]]]:
    """Trains retrieval, and the ranking model on top of it.

    Returns:
      The folders of the two SavedModels, and the ranking model's history.
    """
    from trainer.train_ranking import train_ranking
    from trainer.train_retrieval import train_retrieval

    shared = {"layout": data.layout, "features": config.features}
    shared |= {"seed": config.seed, "training": config.training}
    both = streams[Stream.INTERACTIONS], streams[Stream.ITEMS]
    retrieval, ranking, logs = (str(folder / name) for name in ("retrieval", "ranking", "logs"))
    settings = RetrievalSettings(**shared, text=config.text, retrieval=config.retrieval)
    train_retrieval(*both, settings, retrieval, f"{logs}/retrieval")
    ranking_settings = RankingSettings(**shared, ranking=config.ranking)
    history = train_ranking(*both, retrieval, ranking_settings, ranking, f"{logs}/ranking")
    return retrieval, ranking, history


def estimate(
    stream: TransformedStream, retrieval_dir: str, ranking_dir: str, task: str, label: str
) -> tuple[np.ndarray, np.ndarray]:
    """Estimates of the test split by the two SavedModels, and what the values are; [T] float32 each."""
    import tensorflow as tf

    from trainer.input_fn import interactions_dataset
    from trainer.retrieval_module import query_inputs

    retrieval, ranking = tf.saved_model.load(retrieval_dir), tf.saved_model.load(ranking_dir)
    parts = []
    for batch in interactions_dataset(
        stream.files(TEST), stream.transform_output, retrieval.corpus.lookup_items, _BATCH
    ):
        inputs = query_inputs(retrieval.queries, batch)
        embeddings = retrieval.queries.encode_queries(inputs)
        answers = ranking.rank(inputs, embeddings, batch[ITEM_ID][:, tf.newaxis])
        parts.append(np.stack([answers[task].numpy()[:, 0], batch[label].numpy()]))
    estimates, values = np.concatenate(parts, axis=1)
    return estimates, values


def run_fold(
    config: RunConfig, data: PreparedData, log: pa.Table, folds: np.ndarray, fold: int, folder: Path
) -> dict[str, Any]:
    """Trains and judges one fold; writes and gives what came of it."""
    since = time.monotonic()
    task = next(task for task in config.ranking.tasks if task.is_value)
    fold_data = prepare_fold(config, data, log, folds, fold, folder / "split")
    streams = transform(config, fold_data, folder / "data")
    prepared = time.monotonic()
    *models, history = train(config, fold_data, streams, folder / "models")
    estimates, values = estimate(streams[Stream.INTERACTIONS], *models, task.name, task.label_name)
    result = {
        "seed": config.seed,
        "fold": fold,
        "figures": errors(estimates, values, part(log, folds, fold)[0][VALUE].to_numpy()),
        "epochs": len(history["val_loss"]),
        "seconds_of_data": round(prepared - since, 1),
        "seconds": round(time.monotonic() - since, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    (folder / "result.json").write_text(json.dumps(result, indent=2), encoding="utf-8")
    return result


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Means and standard deviations over all folds of all seeds."""
    figures = {}
    for name in results[0]["figures"]:
        values = [result["figures"][name] for result in results]
        figures[name] = [float(np.mean(values)), float(np.std(values))]
    return {
        "figures": figures,
        "folds": len(results),
        "seconds": round(sum(result["seconds"] for result in results), 1),
        "peak_mb": max(result["peak_mb"] for result in results),
        "results": results,
    }


def table(results: list[dict[str, Any]], title: str) -> Table:
    """One line a fold, and their mean and spread."""
    shown = Table(title=title, title_justify="left", box=None)
    shown.add_column("")
    for name in ("RMSE", "MAE", "epochs", "seconds", "MB"):
        shown.add_column(name, justify="right")
    for result in results:
        figures = [f"{value:.4f}" for value in result["figures"].values()]
        rest = [result["epochs"], f"{result['seconds']:.0f}", result["peak_mb"]]
        shown.add_row(f"seed {result['seed']}, fold {result['fold']}", *figures, *map(str, rest))
    whole = summary(results)
    figures = [f"{mean:.4f} ± {spread:.4f}" for mean, spread in whole["figures"].values()]
    shown.add_row("mean ± spread", *figures, "", f"{whole['seconds']:.0f}", str(whole["peak_mb"]))
    return shown


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[42])
    parser.add_argument("--folds", type=int, default=NUM_FOLDS, help=f"of the {NUM_FOLDS} that are run")
    parser.add_argument("--config", type=Path, default=Path("configs/movielens_100k.yaml"))
    parser.add_argument("--settings", type=Path, default=SETTINGS / "rating.yaml")
    parser.add_argument("--output", type=Path, default=Path("runs/quality"))
    return parser.parse_args()


def main() -> None:
    """Runs the folds of all seeds."""
    arguments = _arguments()
    config = load_config(arguments.config, arguments.settings)
    root = arguments.output.resolve() / config.name / RATING
    results = []
    for seed in arguments.seeds:
        folder = root / str(seed)
        seeded = config.model_copy(update={"output": folder, "seed": seed})
        data = prepare(seeded)
        log = whole_log(data, min_users=1)
        folds = draw_folds(log.num_rows, seed)
        folders = write_folds(log, seed, folder)
        for fold in range(min(arguments.folds, NUM_FOLDS)):
            results.append(run_fold(seeded, data, log, folds, fold, folders[fold]))
            (root / "summary.json").write_text(json.dumps(summary(results), indent=2), encoding="utf-8")
    Console().print(table(results, f"{config.name}, rating, {NUM_FOLDS}-fold"))


if __name__ == "__main__":
    main()
