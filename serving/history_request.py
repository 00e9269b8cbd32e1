"""Requests from plain arrays: a history that the caller has, and no user that is known."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from schemas.features import HISTORY_ITEM_IDS, TIMESTAMP, USER_ID, FeatureSet
from serving.request_controls import to_batch
from trainer.request import parsing_spec

HISTORY_SPEC = tf.TensorSpec([None, None], tf.string, name=HISTORY_ITEM_IDS)


class HistoryRequest:
    """Makes raw request features of the columns of histories.

    Attributes:
      beside: Specs of the lists beside the items, [B, L] each, as the data have them.
      optional: Those, and that of `timestamp`.
    """

    def __init__(self, features: FeatureSet):
        """Takes the declared features."""
        self._spec = parsing_spec(features.request_features())
        beside = [f.name for f in features.request_features() if f.is_list and f.name != HISTORY_ITEM_IDS]
        self.beside = tuple(tf.TensorSpec([None, None], self._spec[name].dtype, name=name) for name in beside)
        self.optional = (*self.beside, tf.TensorSpec([None], tf.int64, name=TIMESTAMP))

    def lists(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.RaggedTensor]:
        """The lists of histories without their padding.

        Args:
          inputs: `history_item_ids`, [B, L] strings, the oldest first, where "" is padding, wherever it
            stands; and what `beside` names, of first dimension B or 1. What else there is is not looked at.

        Returns:
          By name, [B, (length)]: of a list that is narrower than the items, what stands beside one.
        """
        item_ids = inputs[HISTORY_ITEM_IDS]
        batch_size = tf.shape(item_ids)[0]
        names = (HISTORY_ITEM_IDS, *(spec.name for spec in self.beside))
        return {name: _without_padding(to_batch(inputs[name], batch_size), item_ids) for name in names}

    def raw(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor | tf.SparseTensor]:
        """The raw features of requests that know nothing of their users but the history.

        Args:
          inputs: As :meth:`lists` has them; and `timestamp`, of first dimension B or 1.
        """
        batch_size = tf.shape(inputs[HISTORY_ITEM_IDS])[0]
        columns: dict[str, tf.Tensor | tf.SparseTensor] = {USER_ID: tf.fill([batch_size], "")}
        columns |= {name: values.to_sparse() for name, values in self.lists(inputs).items()}
        for name, spec in self._spec.items():
            if name == TIMESTAMP:
                columns[name] = to_batch(inputs[name], batch_size)
            elif name not in columns:
                columns[name] = _nothing(spec.dtype, batch_size)
        return columns


def _without_padding(values: tf.Tensor, item_ids: tf.Tensor) -> tf.RaggedTensor:
    """Those values of a list beside which an item stands."""
    length = tf.minimum(tf.shape(values)[1], tf.shape(item_ids)[1])
    is_item = tf.not_equal(item_ids[:, :length], "")
    return tf.ragged.boolean_mask(values[:, :length], is_item)


def _nothing(dtype: tf.DType, batch_size: tf.Tensor) -> tf.SparseTensor:
    """A feature that no request has."""
    shape = tf.stack([tf.cast(batch_size, tf.int64), 1])
    return tf.SparseTensor(tf.zeros([0, 2], tf.int64), tf.zeros([0], dtype), shape)
