"""Candidates and queries of three kinds, from easy to hard, and the exact answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

DIMENSIONS = 64
K = 10
_NOISE = {"clustered": 0.5, "loose": 1.5}  # its length, where a cluster's centre has length 1
KINDS = (*_NOISE, "trained")
_ITEMS_PER_CLUSTER = 500
_NEIGHBOURS = 20
_ROWS_AT_A_TIME = 10_000
_QUERIES_AT_A_TIME = 50


@dataclass(frozen=True)
class Vectors:
    """What is searched.

    Attributes:
      candidates: [N, dim] float32.
      queries: [Q, dim] float32.
      best: [Q, K] int32, rows of the largest inner products, in any order.
    """

    candidates: np.ndarray
    queries: np.ndarray
    best: np.ndarray

    def write(self, folder: Path) -> None:
        """Writes `candidates.npy` and `queries.npy`, which the engines read."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "candidates.npy", self.candidates)
        np.save(folder / "queries.npy", self.queries)


@dataclass(frozen=True)
class Trained:
    """Embeddings of a real run.

    Attributes:
      items: [N, dim + 1] float32, directions of length one and the popularity.
      queries: [Q, dim + 1] float32, of real requests.
    """

    items: np.ndarray
    queries: np.ndarray


def make_vectors(kind: str, size: int, num_queries: int, seed: int, trained: Trained | None) -> Vectors:
    """Draws candidates and queries, and finds the exact answers.

    Args:
      kind: One of `KINDS`.
      size: Candidates.
      num_queries: Queries; `trained` has no more than the run's.
      seed: Of every draw.
      trained: For the kind of that name.
    """
    rng = np.random.default_rng(seed)
    if kind == "trained":
        if trained is None:
            raise ValueError("vectors of the kind 'trained' need a run's embeddings")
        candidates = _resampled(trained.items, size, rng)
        queries = trained.queries[rng.permutation(len(trained.queries))[:num_queries]]
    else:
        candidates, queries = _clustered(size, num_queries, _NOISE[kind], rng)
    return Vectors(candidates, queries, exact_best(candidates, queries))


def exact_best(candidates: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """[Q, K] rows of the largest inner products, in any order."""
    best = []
    for start in range(0, len(queries), _QUERIES_AT_A_TIME):
        scores = queries[start : start + _QUERIES_AT_A_TIME] @ candidates.T
        best.append(np.argpartition(-scores, K, axis=1)[:, :K].astype(np.int32))
    return np.concatenate(best)


def _clustered(
    size: int, num_queries: int, noise: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors around centres; the clusters' sizes are log-normal."""
    num_clusters = max(size // _ITEMS_PER_CLUSTER, 16)
    centres = _unit(rng.standard_normal((num_clusters, DIMENSIONS), dtype=np.float32))
    weights = rng.lognormal(0, 1, num_clusters)

    def draw(count: int) -> np.ndarray:
        clusters = rng.choice(num_clusters, count, p=weights / weights.sum())
        offsets = rng.standard_normal((count, DIMENSIONS), dtype=np.float32) * noise / DIMENSIONS**0.5
        return _unit(centres[clusters] + offsets.astype(np.float32))

    return draw(size), draw(num_queries)


def _resampled(items: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """More items than a run has: each is one of them, moved as its twenty nearest neighbours are spread.

    Directions are brought back to length one; the popularity moves with them.
    """
    similarities = items[:, :-1] @ items[:, :-1].T
    np.fill_diagonal(similarities, -np.inf)
    neighbours = np.argsort(-similarities, axis=1)[:, :_NEIGHBOURS]
    parts = []
    for start in range(0, size, _ROWS_AT_A_TIME):
        rows = rng.integers(0, len(items), min(_ROWS_AT_A_TIME, size - start))
        weights = rng.standard_normal((len(rows), 1, neighbours.shape[1]), dtype=np.float32)
        moves = weights @ (items[neighbours[rows]] - items[rows, np.newaxis])
        moved = items[rows] + moves[:, 0] / neighbours.shape[1] ** 0.5
        parts.append(np.concatenate([_unit(moved[:, :-1]), moved[:, -1:]], axis=1))
    return np.concatenate(parts).astype(np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
