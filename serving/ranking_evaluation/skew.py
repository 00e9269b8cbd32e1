"""Training/serving skew: whether an exported graph makes of a raw request what training's features say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.errors import InputError
from pipeline.splits import TEST
from schemas.features import ITEM_ID
from serving.evaluation_record import Skew
from serving.layout import EXACT, RANKING, RETRIEVAL, model_dir
from trainer.input_fn import Kept, interactions_dataset
from trainer.retrieval_module import query_inputs
from trainer.streams import TransformedStream

QUERY = "query"

_BATCH = 4096
# JSON knows no infinity; so large is the skew of an output that is not a number.
_BEYOND = 1e30

Outputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class SkewInputs:
    """What the same interactions are, raw and transformed.

    Attributes:
      examples: Folder of the raw examples.
      stream: What Transform made of them: a shard of the same name, with the same rows, for each of theirs.
      split: Whose interactions they are.
    """

    examples: str
    stream: TransformedStream
    split: str = TEST


def measure_skew(
    inputs: SkewInputs,
    bundle_dir: str,
    retrieval_dir: str,
    ranking_dir: str,
    num_requests: int,
    tolerance: float,
    seed: int,
) -> dict[str, Skew]:
    """Compares the exported graphs on raw requests with the trained models on transformed features.

    Args:
      inputs: The interactions.
      bundle_dir: The bundle, asked by signature with serialized examples.
      retrieval_dir: SavedModel of the retrieval module that the bundle was made from.
      ranking_dir: Likewise of the ranking module.
      num_requests: Interactions that are compared.
      tolerance: How far both may be apart, as a share of an output's spread.
      seed: Of the draw of the interactions.

    Returns:
      `retrieval/query`, the query embeddings, and `ranking/<task>` for each task.

    Raises:
      InputError: The raw and the transformed examples are not the same in number, or there are none.
    """
    retrieval = tf.saved_model.load(retrieval_dir)
    ranking = tf.saved_model.load(ranking_dir)
    kept = _draw(inputs, num_requests, seed)
    trained = _of_training(inputs, kept, retrieval, ranking)
    served = _of_requests(_requests(inputs, kept), bundle_dir)
    return skews(served, trained, tolerance)


def skews(
    served: Mapping[str, np.ndarray], trained: Mapping[str, np.ndarray], tolerance: float
) -> dict[str, Skew]:
    """How far outputs are apart, each relative to its spread.

    Args:
      served: Output to [B] or [B, dim], by the exported graphs.
      trained: The same outputs by the trained models.
      tolerance: What is allowed.
    """
    return {
        name: Skew(requests=len(expected), largest=_largest(served[name], expected), tolerance=tolerance)
        for name, expected in sorted(trained.items())
    }


def _largest(served: np.ndarray, trained: np.ndarray) -> float:
    """The largest difference over the root mean square, over columns, of the standard deviation.

    Outputs that are all alike have no spread; then their size stands for it.
    """
    x, y = np.asarray(served, np.float64), np.asarray(trained, np.float64)
    if x.shape != y.shape or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return _BEYOND
    spread = math.sqrt(np.mean(np.var(y, axis=0)))
    size = float(np.abs(y).max())
    difference = float(np.abs(x - y).max())
    return min(difference / max(spread, 1e-6 * size, 1e-12), _BEYOND)


def _files(inputs: SkewInputs) -> list[str]:
    return sorted(tf.io.gfile.glob(f"{inputs.examples}/Split-{inputs.split}/*.gz"))


def _records(file: str) -> tf.data.Dataset:
    return tf.data.TFRecordDataset(file, compression_type="GZIP")


def _draw(inputs: SkewInputs, requests: int, seed: int) -> Kept:
    """Which of the split's interactions are compared."""
    raw, transformed = _files(inputs), inputs.stream.files(inputs.split)
    sizes = _sizes(transformed)
    if [Path(file).name for file in raw] != [Path(file).name for file in transformed] or _sizes(raw) != sizes:
        raise InputError(
            f"{inputs.examples} and {inputs.stream.examples} do not hold the same interactions of the split "
            f"'{inputs.split}'; run the pipeline again from the data on"
        )
    total = sum(sizes)
    if total == 0:
        raise InputError(f"{inputs.examples} holds no interaction of the split '{inputs.split}' to compare")
    mask = np.zeros(total, bool)
    mask[np.random.default_rng(seed).permutation(total)[:requests]] = True
    return Kept(mask, dict(zip(transformed, sizes, strict=True)))


def _sizes(files: list[str]) -> list[int]:
    return [int(_records(file).batch(_BATCH).reduce(np.int64(0), _count)) for file in files]


def _count(total: tf.Tensor, batch: tf.Tensor) -> tf.Tensor:
    return total + tf.size(batch, tf.int64)


def _requests(inputs: SkewInputs, kept: Kept) -> np.ndarray:
    """[B] the drawn raw examples, in their order."""
    parts, start = [], 0
    for file in _files(inputs):
        for batch in _records(file).batch(_BATCH).as_numpy_iterator():
            parts.append(batch[kept.mask[start : start + len(batch)]])
            start += len(batch)
    return np.concatenate(parts)


def _of_requests(requests: np.ndarray, bundle_dir: str) -> Outputs:
    """What the exported graphs answer; neither output depends on the index."""
    retrieval, ranking = (
        tf.saved_model.load(str(model_dir(Path(bundle_dir), EXACT, name))) for name in (RETRIEVAL, RANKING)
    )
    examples = tf.constant(requests)
    answers = ranking.signatures["serving_default"](examples=examples)
    embeddings = retrieval.signatures["embed_queries"](examples=examples)["embeddings"]
    outputs = {f"{RETRIEVAL}/{QUERY}": embeddings.numpy()}
    return outputs | {f"{RANKING}/{task}": values.numpy() for task, values in answers.items()}


def _of_training(inputs: SkewInputs, kept: Kept, retrieval: Any, ranking: Any) -> Outputs:
    """What the trained models make of the transformed features."""
    batches = interactions_dataset(
        inputs.stream.files(inputs.split),
        inputs.stream.transform_output,
        retrieval.corpus.lookup_items,
        batch_size=int(kept.mask.sum()),
        kept=kept,
    )
    features = next(iter(batches))
    queries = query_inputs(retrieval.queries, features)
    embeddings = retrieval.queries.encode_queries(queries)
    scores = ranking.rank(queries, embeddings, features[ITEM_ID][:, tf.newaxis])
    outputs = {f"{RETRIEVAL}/{QUERY}": embeddings.numpy()}
    return outputs | {f"{RANKING}/{task}": values.numpy()[:, 0] for task, values in scores.items()}
