"""Ranks of relevant items, and the figures that follow from them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

RECALL_AT = 20
NDCG_AT = 10


@dataclass(frozen=True)
class RankFigures:
    """Retrieval quality where each query has one relevant item.

    Attributes:
      recall_at_20: Share of the queries whose item is among the best 20 (also the hit rate).
      ndcg_at_10: Mean of 1 / log2(rank + 1), ranks from 1, of the items among the best 10.
    """

    recall_at_20: float
    ndcg_at_10: float

    def to_dict(self) -> dict[str, float]:
        """For JSON."""
        return {name: round(value, 5) for name, value in asdict(self).items()}


def rank_figures(ranks: np.ndarray) -> RankFigures:
    """Figures of ranks.

    Args:
      ranks: [Q] rank of each query's relevant item, 0 the best; anything from 20 on counts as not
        found.
    """
    gains = np.where(ranks < NDCG_AT, 1.0 / np.log2(ranks + 2.0), 0.0)
    return RankFigures(float((ranks < RECALL_AT).mean()), float(gains.mean()))


def ranks_of_scores(scores: np.ndarray, targets: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Rank of each target among all scores; ties count half.

    Args:
      scores: [B, N].
      targets: [B] columns.
      seen: [B, N] bool, what is left out; never the target itself.
    """
    rows = np.arange(len(targets))
    own = scores[rows, targets][:, np.newaxis]
    rivals = ~seen
    rivals[rows, targets] = False
    better = ((scores > own) & rivals).sum(axis=1)
    equal = ((scores == own) & rivals).sum(axis=1)
    return better + equal / 2.0


def ranks_of_lists(lists: np.ndarray, targets: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Rank of each target in an ordered list, what was seen left out.

    Args:
      lists: [B, K] columns, best first; -1 for no more.
      targets: [B] columns.
      seen: [B, N] bool, never the target itself.

    Returns:
      [B]; the corpus' size where the target is not in the list.
    """
    num_items = seen.shape[1]
    rows = np.arange(len(targets))[:, np.newaxis]
    counts = (lists >= 0) & ~seen[rows, np.maximum(lists, 0)]
    positions = np.cumsum(counts, axis=1) - 1
    hits = (lists == targets[:, np.newaxis]) & counts
    return np.where(hits.any(axis=1), positions[np.arange(len(targets)), hits.argmax(axis=1)], num_items)
