"""What the events of a history contribute to retrieval scores: each taken out, and asked again."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from schemas.features import HISTORY_ITEM_IDS, FeatureSet
from trainer.retrieval_module import query_inputs, query_specs

EXAMINED = 8  # newest events; ADR 19 has what more of them find and cost

Raw = dict[str, Any]


class Contributions(NamedTuple):
    """Of the newest events of each request, the newest first.

    Attributes:
      item_ids: [B, EXAMINED] strings; "" where the history is shorter.
      falls: [B, W, EXAMINED] float32: by how much the score of an item of the list falls without the event.
    """

    item_ids: tf.Tensor
    falls: tf.Tensor


class EventContributions(tf.Module):
    """Leaves one event out at a time, in the raw request, so that gaps, ages and windows follow.

    Scores are those of retrieval, logits of a softmax over the corpus.
    """

    def __init__(self, queries: Any, features: FeatureSet):
        """Takes the query side.

        Args:
          queries: Loaded :class:`trainer.retrieval_module.QueryEncoder`.
          features: The declared features; they say which lists lie beside each other.
        """
        super().__init__(name="event_contributions")
        self._queries = queries
        self._lists = frozenset(f.name for f in features.request_features() if f.is_history)
        # One more than is read: without one of them, it is the oldest that is.
        self._kept = int(query_specs(queries)[HISTORY_ITEM_IDS].shape[1]) + 1

    def of(self, raw: Raw, queries: tf.Tensor, candidates: tf.Tensor, wanted: tf.Tensor) -> Contributions:
        """Contributions to the scores of lists; no work is done if none are wanted.

        Args:
          raw: Raw request features.
          queries: [B, dim] embeddings of the requests.
          candidates: [B, W, dim] embeddings of the lists' items.
          wanted: [B] bool: whether they are; a request of which they are not has no events.
        """
        newest = tf.reverse(_ragged(raw[HISTORY_ITEM_IDS])[:, -EXAMINED:], axis=[1])
        item_ids = tf.where(wanted[:, tf.newaxis], newest.to_tensor("", shape=[None, EXAMINED]), "")

        def asked() -> tf.Tensor:
            features = self._queries.transform_queries(self._without_each(raw))
            without = self._queries.encode_queries(query_inputs(self._queries, features))
            shape = tf.stack([tf.shape(queries)[0], EXAMINED, tf.shape(queries)[1]])
            lost = queries[:, tf.newaxis] - tf.reshape(without, shape)
            return tf.einsum("bmd,bwd->bwm", lost, candidates)

        size = tf.shape(candidates)
        has_any = tf.reduce_any(tf.not_equal(item_ids, "")) & (size[1] > 0)
        falls = tf.cond(has_any, asked, lambda: tf.zeros(tf.stack([size[0], size[1], EXAMINED])))
        is_event = tf.not_equal(item_ids, "")[:, tf.newaxis]
        return Contributions(item_ids, tf.where(is_event, falls, 0.0))

    def _without_each(self, raw: Raw) -> Raw:
        """`EXAMINED` requests of each, beside each other: the first without the newest event, and so on."""
        batch_size = tf.shape(raw[HISTORY_ITEM_IDS], tf.int64)[0]
        rows = tf.repeat(tf.range(batch_size), EXAMINED)
        left_out = tf.tile(tf.range(EXAMINED, dtype=tf.int64), [batch_size])
        without: Raw = {}
        for name, values in raw.items():
            if not isinstance(values, tf.SparseTensor):
                without[name] = tf.gather(values, rows)
                continue
            repeated = tf.gather(_ragged(values)[:, -self._kept :], rows)
            if name in self._lists:
                repeated = _without(repeated, left_out)
            sparse = repeated.to_sparse()
            shape = tf.stack([batch_size * EXAMINED, values.dense_shape[1]])
            without[name] = tf.SparseTensor(sparse.indices, sparse.values, shape)
        return without


def _ragged(values: tf.SparseTensor) -> tf.RaggedTensor:
    """[B, (length)] of a list, which has no holes."""
    return tf.RaggedTensor.from_value_rowids(
        values.values, values.indices[:, 0], nrows=values.dense_shape[0], validate=False
    )


def _without(lists: tf.RaggedTensor, left_out: tf.Tensor) -> tf.RaggedTensor:
    """Lists, each without the value at a place, if it has one; [B] int64, counted from the end."""
    rows = lists.value_rowids()
    from_end = tf.gather(lists.row_lengths(), rows) - 1 - tf.ragged.range(lists.row_lengths()).values
    return tf.ragged.boolean_mask(lists, lists.with_values(from_end != tf.gather(left_out, rows)))
