"""The Transform graphs of both streams: one graph for training and for serving.

What each feature becomes follows from its record's encoding. All outputs are dense:

| encoding   | output                                                                            |
|------------|-----------------------------------------------------------------------------------|
| VOCABULARY | int64 index, out-of-vocabulary rows last; a list is padded with -1                |
| CORPUS_KEY | string; a list keeps its newest values and is padded with ""                      |
| NUMBER     | float32 z-score (0 if absent) and int64 quantile bucket (the last one if absent)  |
| SEQUENCE   | float32, its newest values, padded with 0                                         |
| TEXT       | string; an item's title and text also joined as `text`                            |
| TIME       | int64 `hour_of_day` (UTC) and `weekday` (Monday is 0)                             |
| LABEL      | a label and an example weight for each ranking task                               |
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from pipeline.config.base import Frozen
from pipeline.config.data import FeaturesConfig
from pipeline.config.training import TaskConfig
from schemas.features import (
    EVENT_TYPE,
    HISTORY_VALUES,
    HOUR_OF_DAY,
    TEXT,
    TIMESTAMP,
    TITLE,
    VALUE,
    WEEKDAY,
    Encoding,
    Feature,
    FeatureSet,
    Stream,
    TableLayout,
    cross_name,
    declare_features,
)

Tensors = dict[str, Any]

_SECONDS_PER_HOUR = 3600
_SECONDS_PER_DAY = 86400
_WEEKDAY_OF_THE_EPOCH = 3  # 1 January 1970 was a Thursday


class TransformSettings(Frozen):
    """What both graphs depend on.

    Attributes:
      layout: The source's optional columns.
      features: How features are encoded.
      tasks: The ranking tasks, whose labels are made here.
      code: A digest of the code that makes the graphs, so that changed code is not answered from
        the cache.
    """

    layout: TableLayout
    features: FeaturesConfig
    tasks: tuple[TaskConfig, ...]
    code: str = ""

    def to_json(self) -> dict[str, Any]:
        """The settings as TFX hands them on; a new loss weight does not redo the data steps."""
        return self.model_dump(mode="json", exclude={"tasks": {"__all__": {"weight"}}})

    @property
    def feature_set(self) -> FeatureSet:
        """The declared features."""
        return declare_features(self.layout, self.features.crosses)


def preprocess_interactions(inputs: Tensors, custom_config: dict[str, Any]) -> Tensors:
    """Transform's `preprocessing_fn` of the interaction stream.

    Args:
      inputs: Raw features: dense [B] if required, sparse otherwise.
      custom_config: :meth:`TransformSettings.to_json`.

    Returns:
      Dense features and labels.
    """
    settings = TransformSettings.model_validate(custom_config)
    outputs = _encode_stream(inputs, settings, Stream.INTERACTIONS)
    outputs.update(_time_features(inputs[TIMESTAMP]))
    for left, right in settings.features.crosses:
        texts = [_cross_part(name, inputs, outputs) for name in (left, right)]
        name = cross_name(left, right)
        outputs[name] = _vocabulary(tf.strings.join(texts, separator="|"), name, settings.features)
    for task in settings.tasks:
        label, weight = _label(task, inputs)
        outputs[task.label_name] = label
        outputs[task.weight_name] = weight
    return outputs


def preprocess_items(inputs: Tensors, custom_config: dict[str, Any]) -> Tensors:
    """Transform's `preprocessing_fn` of the item stream; see :func:`preprocess_interactions`."""
    settings = TransformSettings.model_validate(custom_config)
    outputs = _encode_stream(inputs, settings, Stream.ITEMS)
    outputs[TEXT] = inputs[TITLE]
    if TEXT in inputs:
        joined = tf.strings.join([inputs[TITLE], _dense(inputs[TEXT], "")], separator=". ")
        outputs[TEXT] = tf.strings.regex_replace(joined, r"\. $", "")
    return outputs


def _encode_stream(inputs: Tensors, settings: TransformSettings, stream: Stream) -> Tensors:
    """Everything that follows from a single feature's record."""
    outputs: Tensors = {}
    for feature in settings.feature_set.of(stream):
        if feature.encoding in (Encoding.LABEL, Encoding.TIME):
            continue
        outputs.update(_encode(feature, inputs[feature.name], settings.features))
    return outputs


def _encode(feature: Feature, x: Any, config: FeaturesConfig) -> Tensors:
    """One feature's outputs."""
    name = feature.name
    if feature.encoding == Encoding.VOCABULARY and feature.is_list:
        indices = _vocabulary(x, name, config)
        return {name: _first(indices, config.max_categories, -1)}
    if feature.encoding == Encoding.VOCABULARY:
        return {name: _vocabulary(_dense(x, ""), name, config)}
    if feature.encoding == Encoding.NUMBER:
        buckets = tft.bucketize(x, config.number_buckets, name=f"{name}_buckets")
        return {
            name: _dense(tft.scale_to_z_score(x), 0.0),
            feature.bucket_name: _dense(buckets, config.number_buckets),
        }
    if feature.is_list:
        return {name: _newest(x, config.history_length, "" if x.dtype == tf.string else 0.0)}
    return {name: _dense(x, "")}


def _vocabulary(x: Any, name: str, config: FeaturesConfig) -> Any:
    """Indices of strings; the empty string is never a member."""
    return tft.compute_and_apply_vocabulary(x, num_oov_buckets=config.oov_buckets, vocab_filename=name)


def _dense(x: Any, default: Any) -> tf.Tensor:
    """A feature of at most one value as [B]."""
    if not isinstance(x, tf.SparseTensor):
        return x
    shape = [x.dense_shape[0], 1]
    return tf.squeeze(tf.sparse.to_dense(tf.SparseTensor(x.indices, x.values, shape), default), axis=1)


def _first(x: tf.SparseTensor, length: int, default: Any) -> tf.Tensor:
    """The first values of a list feature as [B, length]."""
    return tf.RaggedTensor.from_sparse(x)[:, :length].to_tensor(default, shape=[None, length])


def _newest(x: tf.SparseTensor, length: int, default: Any) -> tf.Tensor:
    """The last values of a list feature, in their order, as [B, length]."""
    return tf.RaggedTensor.from_sparse(x)[:, -length:].to_tensor(default, shape=[None, length])


def _time_features(timestamp: tf.Tensor) -> Tensors:
    """Hour of day and weekday of seconds since 1970 UTC."""
    days = timestamp // _SECONDS_PER_DAY
    return {
        HOUR_OF_DAY: (timestamp % _SECONDS_PER_DAY) // _SECONDS_PER_HOUR,
        WEEKDAY: (days + _WEEKDAY_OF_THE_EPOCH) % 7,
    }


def _cross_part(name: str, inputs: Tensors, outputs: Tensors) -> tf.Tensor:
    """One side of a cross, as text."""
    if name in (HOUR_OF_DAY, WEEKDAY):
        return tf.strings.as_string(outputs[name])
    return _dense(inputs[name], "")


def _label(task: TaskConfig, inputs: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
    """A task's label and example weight, both float32 [B]."""
    if task.kind == "event":
        label = tf.cast(tf.equal(inputs[EVENT_TYPE], task.event_type), tf.float32)
        return label, tf.ones_like(label)
    value = inputs[VALUE]
    weight = tf.ones_like(value)
    if task.kind == "value":
        return value, weight
    if task.kind == "value_at_least":
        return tf.cast(value >= task.threshold, tf.float32), weight
    earlier = tf.RaggedTensor.from_sparse(inputs[HISTORY_VALUES])
    usual = tf.reduce_mean(earlier, axis=1)  # NaN without a history, and then weighted zero
    weight = tf.cast(earlier.row_lengths() > 0, tf.float32)
    return tf.cast(value > usual, tf.float32), weight
