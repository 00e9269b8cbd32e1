"""Figures of lists of recommendations, each request by itself.

A request has one relevant item, the one that its user went for. Recall is then the hit rate, and the best
possible DCG is 1; the names say how long a list they look at.

| metric               | of a request                                                                       |
|----------------------|------------------------------------------------------------------------------------|
| `recall@20`          | 1 if the item is in the list, otherwise 0                                          |
| `hit_rate@10`        | 1 if it is among the first ten                                                     |
| `ndcg@10`            | 1 / log2(place + 1), places from 1, if it is among the first ten                   |
| `mrr@20`             | 1 / place                                                                          |
| `novelty@20`         | mean self-information of what is listed, in bits: -log2 of an item's share of the  |
|                      | engagements that were learnt from (Castells, Vargas and Wang 2011)                 |
| `diversity@20`       | 1 - mean cosine of the embeddings of two listed items (Ziegler et al. 2005);       |
|                      | undefined for fewer than two                                                       |
| `popularity_bias@20` | how much more popular what is listed is than what the user had engaged with, in    |
|                      | doublings: log2 of the ratio of the geometric means of the shares, after the lift  |
|                      | of Abdollahpouri et al. 2019; 0 is a list like the user's history; undefined       |
|                      | without a history                                                                  |

`coverage@20` is of all lists together: the share of the corpus that is in any.
"""

from __future__ import annotations

import numpy as np

from serving.list_evaluation.item_traits import ItemTraits

COVERAGE = "coverage@20"
_BLOCK = 4096


def list_metrics(
    lists: np.ndarray, targets: np.ndarray, profiles: np.ndarray, traits: ItemTraits
) -> dict[str, np.ndarray]:
    """The figures of each request.

    Args:
      lists: [R, 20] corpus rows, best first; -1 for a place without an item of the corpus.
      targets: [R] corpus rows of the relevant items.
      profiles: [R] mean information of each user's history, NaN without one; see
        :meth:`ItemTraits.profile_information`.
      traits: The corpus.

    Returns:
      Metric to [R] float64; NaN where it is undefined, as those beyond accuracy are of an empty list.
    """
    hits = lists == targets[:, np.newaxis]
    found, place = hits.any(axis=1), hits.argmax(axis=1)
    in_ten = found & (place < 10)
    novelty = _mean_information(lists, traits)
    return {
        "recall@20": found.astype(float),
        "hit_rate@10": in_ten.astype(float),
        "ndcg@10": np.where(in_ten, 1 / np.log2(place + 2.0), 0.0),
        "mrr@20": np.where(found, 1 / (place + 1.0), 0.0),
        "novelty@20": novelty,
        "diversity@20": _diversity(lists, traits),
        "popularity_bias@20": profiles - novelty,
    }


def coverage(lists: np.ndarray, num_items: int) -> float:
    """Share of the corpus that is in any list.

    Args:
      lists: [R, 20] corpus rows; -1 for none.
      num_items: Size of the corpus.
    """
    listed = np.zeros(num_items, bool)
    listed[lists[lists >= 0]] = True
    return float(listed.mean())


def _mean_information(lists: np.ndarray, traits: ItemTraits) -> np.ndarray:
    """[R] bits; NaN for an empty list."""
    is_item = lists >= 0
    sizes = is_item.sum(axis=1)
    sums = np.where(is_item, traits.information[np.maximum(lists, 0)], 0.0).sum(axis=1)
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)


def _diversity(lists: np.ndarray, traits: ItemTraits) -> np.ndarray:
    """[R] one less the mean cosine; NaN for fewer than two items.

    The squared length of the sum of L vectors is the sum of their squared lengths, and twice that of the
    products of all pairs.
    """
    parts = [np.zeros(0)]
    for start in range(0, len(lists), _BLOCK):
        block = lists[start : start + _BLOCK]
        vectors = traits.directions[np.maximum(block, 0)]
        vectors[block < 0] = 0
        of_sum = np.square(vectors.sum(axis=1, dtype=np.float64)).sum(axis=1)
        own = np.square(vectors, dtype=np.float64).sum(axis=(1, 2))
        sizes = (block >= 0).sum(axis=1)
        pairs = sizes * (sizes - 1.0)
        mean = (of_sum - own) / np.maximum(pairs, 1)
        parts.append(np.where(sizes > 1, 1 - mean, np.nan))
    return np.concatenate(parts)
