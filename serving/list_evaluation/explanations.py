"""Whether what recommendations are said to be because of is what they are because of.

The event of the history that a recommendation names is taken out of the request, and so is another one, drawn
at random: by how much does the item's retrieval score fall? It should fall further without what was named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from schemas.features import HISTORY_ITEM_IDS, HISTORY_TIMESTAMPS, FeatureSet
from serving.evaluation_record import Bounded, ListFigures
from serving.layout import RECOMMENDER, RETRIEVAL
from serving.list_evaluation.bootstrap import bounded_means
from serving.list_evaluation.requests import ListRequests
from serving.signature_function import ask

METRICS = ("named_fall", "random_fall", "named_above_random", "explained")

_K = 10
_BATCH = 512


@dataclass(frozen=True)
class _Recommended:
    """A recommendation that names an event.

    Attributes:
      request: Number among those of its block.
      row: Corpus row of the item.
      named: The event, counted from the newest one, 0.
      other: Another one.
    """

    request: int
    row: int
    named: int
    other: int


def measure_explanations(
    requests: ListRequests,
    models: Mapping[str, Any],
    features: FeatureSet,
    max_requests: int,
    samples: int,
    seed: int,
) -> ListFigures | None:
    """Figures of the events that the recommender names.

    Args:
      requests: Those by which lists are judged.
      models: Loaded SavedModels, `retrieval` and `recommender` among them.
      features: The declared features.
      max_requests: A sample of so many; those whose history is no two events are left out.
      samples: Draws of the users for the bounds.
      seed: Of the sample, of the other events, and of the bounds.

    Returns:
      Of lists of ten: `named_fall` and `random_fall`, the mean falls of the retrieval score, a logit, without
      the named and without another event; `named_above_random`, the share of lists in which the first is the
      larger; `explained`, the share of recommendations that name an event. `None` if no request has two.
    """
    rng = np.random.default_rng(seed)
    places = np.sort(rng.permutation(len(requests))[:max_requests])
    values = [
        _of_block(requests.data.requests(block), models, features, rng)
        for block in requests.data.blocks(requests.queries[places])
    ]
    by_request = np.concatenate(values)
    counted = ~np.isnan(by_request[:, -1])
    if not counted.any():
        return None
    by_request, users = by_request[counted], requests.users[places][counted]
    means = bounded_means(by_request, users, [np.arange(len(users))], samples, seed)
    figures = {
        name: Bounded(value=float(value), low=_or_none(low), high=_or_none(high))
        for name, value, low, high in zip(METRICS, means.values[0], means.low[0], means.high[0], strict=True)
        if not np.isnan(value)
    }
    return ListFigures(requests=len(users), users=len(np.unique(users)), metrics=figures)


def _of_block(
    examples: np.ndarray, models: Mapping[str, Any], features: FeatureSet, rng: np.random.Generator
) -> np.ndarray:
    """[B, METRICS] of each request; NaN where there is nothing to say."""
    parsed = [tf.train.Example.FromString(example) for example in examples]
    counts = [_num_events(example) for example in parsed]
    answers = ask(models[RECOMMENDER].signatures["top_k"], examples=examples, k=[_K])
    item_ids, because = (answers[name].numpy() for name in ("item_ids", "because_item_ids"))
    rows = models[RETRIEVAL].retrieval.corpus.lookup_items(tf.constant(item_ids)).numpy()
    found = []
    for request, place in zip(*np.nonzero(because), strict=True):
        named = _place(parsed[request], because[request, place])
        if counts[request] > 1 and named < counts[request]:
            other = (named + int(rng.integers(1, counts[request]))) % counts[request]
            found.append(_Recommended(request, rows[request, place], named, other))
    named_falls, other_falls = _falls(parsed, found, models[RETRIEVAL], features)
    owners = np.array([one.request for one in found], int)
    values = np.full((len(examples), len(METRICS)), np.nan)
    for request, count in enumerate(counts):
        size = np.count_nonzero(item_ids[request])
        if count < 2 or not size:
            continue
        own = owners == request
        values[request, -1] = own.sum() / size
        if own.any():
            named_fall, other_fall = named_falls[own].mean(), other_falls[own].mean()
            values[request, :-1] = named_fall, other_fall, named_fall > other_fall
    return values


def _falls(
    parsed: Sequence[Any], found: Sequence[_Recommended], retrieval: Any, features: FeatureSet
) -> tuple[np.ndarray, np.ndarray]:
    """[F] each: by how much scores fall without the named, and without the other event."""
    lists = [f.name for f in features.request_features() if f.is_history]
    whole = _embedded([example.SerializeToString() for example in parsed], retrieval)
    candidates = retrieval.retrieval.corpus.embeddings.numpy()[[one.row for one in found]]
    before = whole[[one.request for one in found]]

    def fall(places: Sequence[int]) -> np.ndarray:
        without = [
            without_event(parsed[one.request], place, lists) for one, place in zip(found, places, strict=True)
        ]
        return ((before - _embedded(without, retrieval)) * candidates).sum(axis=1)

    return fall([one.named for one in found]), fall([one.other for one in found])


def _embedded(examples: Sequence[bytes], retrieval: Any) -> np.ndarray:
    """[B, dim] of serialized requests."""
    embed = retrieval.signatures["embed_queries"]
    width = retrieval.retrieval.corpus.embeddings.shape[1]
    parts = [
        ask(embed, examples=examples[start : start + _BATCH])["embeddings"].numpy()
        for start in range(0, len(examples), _BATCH)
    ]
    return np.concatenate([np.zeros((0, width), np.float32), *parts])


def _num_events(example: Any) -> int:
    """Events that the models may read: the items may be more, since they say what was seen."""
    return len(example.features.feature[HISTORY_TIMESTAMPS].int64_list.value)


def _place(example: Any, item_id: bytes) -> int:
    """Of the newest event with an item, counted from the newest one."""
    return list(example.features.feature[HISTORY_ITEM_IDS].bytes_list.value)[::-1].index(item_id)


def without_event(example: Any, place: int, lists: Sequence[str]) -> bytes:
    """A request without an event, counted from the newest one."""
    changed = tf.train.Example()
    changed.CopyFrom(example)
    for name in lists:
        feature = changed.features.feature[name]
        kind = feature.WhichOneof("kind")
        values: Any = getattr(feature, kind).value if kind else ()
        if len(values) > place:
            del values[len(values) - 1 - place]
    return changed.SerializeToString()


def _or_none(bound: float) -> float | None:
    return None if np.isnan(bound) else float(bound)
