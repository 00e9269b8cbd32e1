"""From a raw request to transformed features: the Transform graph, inside every exported model."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from schemas.features import (
    HISTORY_ITEM_IDS,
    TIMESTAMP,
    USER_ID,
    DType,
    Feature,
    FeatureSet,
    Stream,
)
from trainer.item_lookup import ItemLookup

_TF_TYPES = {DType.STRING: tf.string, DType.INT: tf.int64, DType.FLOAT: tf.float32}


def parsing_spec(features: tuple[Feature, ...]) -> dict[str, Any]:
    """How serialized requests are parsed: a required scalar dense, anything else sparse.

    Without a user id a request is anonymous (an empty id). An absent timestamp is 0, which
    :class:`QueryTransform` takes for now.
    """
    defaults = {TIMESTAMP: 0, USER_ID: ""}
    spec: dict[str, Any] = {}
    for feature in features:
        dtype = _TF_TYPES[feature.dtype]
        if feature.required and not feature.is_list:
            spec[feature.name] = tf.io.FixedLenFeature([], dtype, defaults.get(feature.name))
        else:
            spec[feature.name] = tf.io.VarLenFeature(dtype)
    return spec


class QueryTransform(tf.Module):
    """Raw query features to transformed ones."""

    def __init__(self, output: tft.TFTransformOutput, features: FeatureSet, item_lookup: ItemLookup):
        """Initializes the transform.

        Args:
          output: Of the interaction stream.
          features: The declared features.
          item_lookup: Turns the history into corpus rows.
        """
        super().__init__(name="query_transform")
        self.spec = parsing_spec(features.request_features())
        # Attached to the module, or its tables would not be initialised after loading.
        self._layer = output.transform_features_layer()
        self._item_lookup = item_lookup

    def __call__(self, raw: dict[str, tf.Tensor | tf.SparseTensor]) -> dict[str, tf.Tensor]:
        """Transforms a batch.

        Args:
          raw: Every request feature, as :func:`parsing_spec` has it.

        Returns:
          Transformed features, [B] or [B, length]; the history as int32 corpus rows.
        """
        now = tf.cast(tf.timestamp(), tf.int64)
        timestamp = tf.where(raw[TIMESTAMP] > 0, raw[TIMESTAMP], now)
        transformed = self._layer({**raw, TIMESTAMP: timestamp})
        return {**transformed, HISTORY_ITEM_IDS: self._item_lookup(transformed[HISTORY_ITEM_IDS])}


class ItemTransform(tf.Module):
    """Raw item features to transformed ones."""

    def __init__(self, output: tft.TFTransformOutput, features: FeatureSet):
        """Initializes the transform.

        Args:
          output: Of the item stream.
          features: The declared features.
        """
        super().__init__(name="item_transform")
        self.spec = parsing_spec(features.of(Stream.ITEMS))
        self._layer = output.transform_features_layer()

    def __call__(self, raw: dict[str, tf.Tensor | tf.SparseTensor]) -> dict[str, tf.Tensor]:
        """Transforms a batch of raw item features."""
        return self._layer(raw)
