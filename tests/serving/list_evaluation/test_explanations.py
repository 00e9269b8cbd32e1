"""A recommender that names what it goes by is told from one that names something else."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from serving.list_evaluation.explanations import METRICS, measure_explanations
from serving.list_evaluation.requests import ListRequests
from tests.serving.list_evaluation.small_split import ITEM_IDS, LENGTH, NUM_ITEMS, SETTINGS

DIM = 9
EMBEDDINGS = np.random.default_rng(0).standard_normal((NUM_ITEMS + 1, DIM)).astype(np.float32)
SPEC = {
    "history_item_ids": tf.io.RaggedFeature(tf.string),
    "history_timestamps": tf.io.RaggedFeature(tf.int64),
}
ROWS = {item: row for row, item in enumerate(ITEM_IDS)}


class PlantedModel:
    """Reads the newest events and adds their embeddings up, half for each step back.

    `picks` says which of the events is named for an item: by the contributions, [events], the newest first.
    """

    def __init__(self, picks):
        self._picks = picks
        self.signatures = {
            "top_k": self._signature(self._top_k, "k"),
            "embed_queries": self._signature(self._embed),
        }
        self.retrieval = self.corpus = self
        self.embeddings = tf.constant(EMBEDDINGS)

    @staticmethod
    def _signature(call, *integers):
        answer = partial(call)
        specs = {name: tf.TensorSpec([None], tf.int32, name=name) for name in integers}
        answer.structured_input_signature = ((), {"examples": tf.TensorSpec([None], tf.string), **specs})
        return answer

    @staticmethod
    def lookup_items(item_ids):
        return tf.constant([[ROWS.get(item, -1) for item in items] for items in item_ids.numpy()])

    @staticmethod
    def _events(examples):
        """Of each request, the rows that are read, the newest first, and their weights."""
        parsed = tf.io.parse_example(examples, SPEC)
        for ids, times in zip(*(parsed[name].to_list() for name in SPEC), strict=True):
            assert len(ids) >= len(times)  # what was seen may be more than what is read
            newest = [ROWS[item] for item in ids[::-1][: min(len(times), LENGTH)]]
            yield newest, 0.5 ** np.arange(len(newest))

    def _embed(self, examples):
        queries = [weights @ EMBEDDINGS[rows] for rows, weights in self._events(examples)]
        return {"embeddings": tf.constant(np.float32(queries).reshape(-1, DIM))}

    def _top_k(self, examples, k):
        items, because = [], []
        for rows, weights in self._events(examples):
            contributions = (EMBEDDINGS[rows] * weights[:, np.newaxis]) @ EMBEDDINGS[:-1].T
            best = np.argsort(-contributions.sum(axis=0))[: int(k[0])]
            items.append([ITEM_IDS[item] for item in best])
            named = [self._picks(contributions[:, item]) if rows else None for item in best]
            because.append([b"" if place is None else ITEM_IDS[rows[place]] for place in named])
        return {"item_ids": tf.constant(items), "because_item_ids": tf.constant(because)}


def _measured(data, picks, max_requests=60, seed=0):
    models = dict.fromkeys(("retrieval", "recommender"), PlantedModel(picks))
    requests = ListRequests(data, 200, 0)
    return measure_explanations(requests, models, SETTINGS.feature_set, max_requests, 100, seed)


def test_the_event_that_weighs_most_is_told_from_another(data):
    found = _measured(data, np.argmax)
    assert set(found.metrics) == set(METRICS)
    values = {name: figure.value for name, figure in found.metrics.items()}
    assert values["named_above_random"] > 0.9
    assert values["named_fall"] > values["random_fall"] > 0.0
    assert values["explained"] == 1.0
    assert found.metrics["named_fall"].low < values["named_fall"] < found.metrics["named_fall"].high
    assert 0 < found.users <= found.requests <= 60


def test_one_that_weighs_least_is_found_out(data):
    values = {name: figure.value for name, figure in _measured(data, np.argmin).metrics.items()}
    assert values["named_above_random"] < 0.1  # to take one out makes the others weigh more
    assert values["named_fall"] < values["random_fall"]


def test_falls_are_those_of_taking_the_event_out(data):
    """By the model's own sums: without its newest event, each of the others counts twice."""
    requests = ListRequests(data, 200, 0)
    expected = []
    for block in data.blocks(requests.queries):
        for rows, weights in PlantedModel._events(tf.constant(data.requests(block))):
            if len(rows) < 2:
                continue
            contributions = (EMBEDDINGS[rows] * weights[:, np.newaxis]) @ EMBEDDINGS[:-1].T
            best = np.argsort(-contributions.sum(axis=0))[:10]
            older = 2 * contributions[1:, best].sum(axis=0)
            expected.append((contributions[:, best].sum(axis=0) - older).mean())
    found = _measured(data, lambda contributions: 0, max_requests=200)
    assert found.requests == len(expected)
    assert found.metrics["named_fall"].value == pytest.approx(np.mean(expected), rel=1e-3)


def test_a_seed_gives_the_same_figures_and_another_one_others(data):
    first, again, other = (_measured(data, np.argmax, seed=seed) for seed in (0, 0, 1))
    assert first == again != other


def test_without_a_named_event_only_that_is_said(data):
    found = _measured(data, lambda contributions: None)
    assert {name: figure.value for name, figure in found.metrics.items()} == {"explained": 0.0}
