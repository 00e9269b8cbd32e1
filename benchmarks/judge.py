"""Lists of recommendations against what users went for: the metrics of the protocols."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

LIST_LENGTH = 20


@dataclass(frozen=True)
class Judgement:
    """Means over the queries that have anything to find.

    Attributes:
      recall_at_20: Share of a query's relevant items that are among the best 20.
      hit_rate_at_10: Share of the queries with a relevant item among the best ten.
      ndcg_at_10: Binary gains, against the best order of min(10, relevant) items (Järvelin and Kekäläinen
        2002).
    """

    recall_at_20: float
    hit_rate_at_10: float
    ndcg_at_10: float


def best_lists(scores: np.ndarray, seen: sp.csr_matrix, candidates: np.ndarray | None = None) -> np.ndarray:
    """[Q, 20] the best rows, what was seen left out; a tie goes to the lower row.

    Args:
      scores: [Q, N].
      seen: [Q, N]; what it holds is left out.
      candidates: [N] bool, what may be listed; by default everything.
    """
    scores = np.array(scores, np.float64)
    scores[seen.nonzero()] = -np.inf
    if candidates is not None:
        scores[:, ~candidates] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :LIST_LENGTH]
    return np.where(np.isneginf(np.take_along_axis(scores, best, axis=1)), -1, best)


def judge_lists(lists: np.ndarray, relevant: sp.csr_matrix) -> Judgement:
    """Judges lists.

    Args:
      lists: [Q, 20] rows, best first; -1 for no more.
      relevant: [Q, N]; queries without anything relevant do not count.
    """
    counts = relevant.getnnz(axis=1)
    judged = counts > 0
    lists, relevant, counts = lists[judged], relevant[judged], counts[judged]
    is_relevant = relevant.astype(bool).toarray()
    hits = np.take_along_axis(is_relevant, np.maximum(lists, 0), axis=1) & (lists >= 0)
    discounts = 1.0 / np.log2(np.arange(2, 12))
    ideal = np.cumsum(discounts)[np.minimum(counts, 10) - 1]
    return Judgement(
        recall_at_20=float((hits.sum(axis=1) / counts).mean()),
        hit_rate_at_10=float(hits[:, :10].any(axis=1).mean()),
        ndcg_at_10=float((hits[:, :10] @ discounts[: lists.shape[1]] / ideal).mean()),
    )
