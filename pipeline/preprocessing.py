"""The Transform graphs of both streams: one graph for training and for serving.

What each feature becomes follows from its record's encoding. All outputs are dense:

| encoding            | output                                                                            |
|---------------------|-----------------------------------------------------------------------------------|
| VOCABULARY          | int64 index, out-of-vocabulary rows last; a list is padded with -1                |
| CORPUS_KEY          | string; a list keeps its newest values and is padded with ""                      |
| NUMBER              | float32 z-score (0 if absent) and int64 quantile bucket (the last one if absent)  |
| SEQUENCE            | float32, its newest values, padded with 0                                         |
| SEQUENCE_VOCABULARY | int64 indices of its newest values, padded with -1                                |
| SEQUENCE_TIME       | float32 `history_ages`, log(1 + seconds ago), and `history_gaps`, log(1 + seconds |
|                     | to the next event, the newest's to the request), padded with 0                    |
| VECTOR              | float32 of the vector's width, zeros if absent or of another length               |
| TEXT                | string; an item's title and text also joined as `text`                            |
| TIME                | int64 `hour_of_day` (UTC) and `weekday` (Monday is 0)                             |
| LABEL               | a label and an example weight for each ranking task                               |

History features are float32 between 0 and 1, and a bucket beside; crosses are indices. `engaged` is
float32 1, or 0 for an interaction that was only an exposure.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from pipeline.config.base import Frozen
from pipeline.config.data import FeaturesConfig
from pipeline.config.ranking import TaskConfig
from pipeline.encoding import (
    dense,
    first,
    indices_by,
    number,
    share,
    vector,
    vocabulary_indices,
)
from pipeline.request_history import RequestHistory
from schemas.features import (
    DWELL_SECONDS,
    ENGAGED,
    EVENT_TYPE,
    HISTORY_AGES,
    HISTORY_GAPS,
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
    bucket_name,
    cross_name,
    declare_features,
)

Tensors = dict[str, Any]

_SECONDS_PER_HOUR = 3600
_SECONDS_PER_DAY = 86400
_WEEKDAY_OF_THE_EPOCH = 3  # 1 January 1970 was a Thursday
_UNKNOWN_DWELL = -1.0
_OF_THE_HISTORY = (Encoding.SEQUENCE, Encoding.SEQUENCE_VOCABULARY, Encoding.SEQUENCE_TIME)


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
        """The settings as TFX hands them on; a new loss, or its weight, does not redo the data steps."""
        return self.model_dump(mode="json", exclude={"tasks": {"__all__": {"weight", "loss"}}})

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
    history = RequestHistory(inputs, settings.features.history_length)
    outputs.update(_encode_history(history, inputs, settings))
    outputs.update(_time_features(inputs[TIMESTAMP]))
    outputs.update(_crosses(inputs, outputs, settings, Stream.INTERACTIONS))
    outputs[ENGAGED] = _engaged(inputs, settings.layout)
    for task in settings.tasks:
        label, weight = _label(task, inputs)
        outputs[task.label_name] = label
        outputs[task.weight_name] = weight
    return outputs


def preprocess_items(inputs: Tensors, custom_config: dict[str, Any]) -> Tensors:
    """Transform's `preprocessing_fn` of the item stream; see :func:`preprocess_interactions`."""
    settings = TransformSettings.model_validate(custom_config)
    outputs = _encode_stream(inputs, settings, Stream.ITEMS)
    outputs.update(_crosses(inputs, outputs, settings, Stream.ITEMS))
    outputs[TEXT] = inputs[TITLE]
    if TEXT in inputs:
        joined = tf.strings.join([inputs[TITLE], dense(inputs[TEXT], "")], separator=". ")
        outputs[TEXT] = tf.strings.regex_replace(joined, r"\. $", "")
    return outputs


def _encode_stream(inputs: Tensors, settings: TransformSettings, stream: Stream) -> Tensors:
    """Everything that follows from a single feature's record, the history left out."""
    outputs: Tensors = {}
    for feature in settings.feature_set.of(stream):
        if feature.encoding in (Encoding.LABEL, Encoding.TIME) or _is_of_the_history(feature):
            continue
        outputs.update(_encode(feature, inputs[feature.name], settings.features))
    return outputs


def _is_of_the_history(feature: Feature) -> bool:
    """Whether a feature is one of the lists that lie beside each other."""
    is_items = feature.encoding == Encoding.CORPUS_KEY and feature.is_list
    return is_items or feature.encoding in _OF_THE_HISTORY


def _encode(feature: Feature, x: Any, config: FeaturesConfig) -> Tensors:
    """One feature's outputs."""
    name = feature.name
    if feature.encoding == Encoding.VOCABULARY and feature.is_list:
        return {name: first(vocabulary_indices(x, name, config), config.max_categories, -1)}
    if feature.encoding == Encoding.VOCABULARY:
        return {name: vocabulary_indices(dense(x, ""), name, config)}
    if feature.encoding == Encoding.NUMBER:
        return number(x, name, config)
    if feature.encoding == Encoding.VECTOR:
        return {name: vector(x, feature.dim)}
    return {name: dense(x, "")}


def _encode_history(history: RequestHistory, inputs: Tensors, settings: TransformSettings) -> Tensors:
    """The lists of the history, and the numbers made from them."""
    config, features = settings.features, settings.feature_set
    outputs: Tensors = {}
    for feature in filter(_is_of_the_history, features.of(Stream.INTERACTIONS)):
        x = inputs[feature.name]
        if feature.encoding == Encoding.SEQUENCE_TIME:
            outputs[HISTORY_AGES] = history.ages()
            outputs[HISTORY_GAPS] = history.gaps()
        elif feature.encoding == Encoding.SEQUENCE_VOCABULARY:
            indices = indices_by(x, inputs[EVENT_TYPE], feature.name, config)
            outputs[feature.name] = history.newest(indices, tf.constant(-1, tf.int64))
        else:
            outputs[feature.name] = history.newest(x, 0.0 if feature.encoding == Encoding.SEQUENCE else "")
    for made in features.history_features:
        outputs.update(share(history.share_of(made), made.name, config))
    return outputs


def _time_features(timestamp: tf.Tensor) -> Tensors:
    """Hour of day and weekday of seconds since 1970 UTC."""
    days = timestamp // _SECONDS_PER_DAY
    return {
        HOUR_OF_DAY: (timestamp % _SECONDS_PER_DAY) // _SECONDS_PER_HOUR,
        WEEKDAY: (days + _WEEKDAY_OF_THE_EPOCH) % 7,
    }


def _crosses(inputs: Tensors, outputs: Tensors, settings: TransformSettings, stream: Stream) -> Tensors:
    """Each pair of features as one index; a list crossed with a single value is a list."""
    config, features = settings.features, settings.feature_set
    crosses: Tensors = {}
    for pair in features.crosses_of(stream):
        sides = features.crossed_with_number(pair)
        name = cross_name(*pair)
        if sides is None:
            crosses[name] = _cross_of_texts(pair, name, inputs, outputs, config)
        else:
            other, number_side = sides
            indices = outputs.get(bucket_name(other), outputs[other])
            crosses[name] = _cross_with_bucket(indices, outputs[bucket_name(number_side)], config)
    return crosses


def _cross_of_texts(
    pair: tuple[str, str], name: str, inputs: Tensors, outputs: Tensors, config: FeaturesConfig
) -> tf.Tensor:
    """A vocabulary of the pairs that occur."""
    sides = [
        tf.strings.as_string(outputs[side]) if side in (HOUR_OF_DAY, WEEKDAY) else dense(inputs[side], "")
        for side in pair
    ]
    return vocabulary_indices(tf.strings.join(sides, separator="|"), name, config)


def _cross_with_bucket(indices: tf.Tensor, bucket: tf.Tensor, config: FeaturesConfig) -> tf.Tensor:
    """Every pair of an index and a number's bucket, counted through.

    No vocabulary: it would need the buckets' boundaries, and so a second pass over the data.

    Args:
      indices: [B], or [B, values] padded with -1.
      bucket: [B].
    """
    if indices.shape.rank == 1:
        return indices * config.num_buckets + bucket
    crossed = indices * config.num_buckets + bucket[:, tf.newaxis]
    return tf.where(indices < 0, tf.constant(-1, tf.int64), crossed)


def _engaged(inputs: Tensors, layout: TableLayout) -> tf.Tensor:
    """float32 [B]: 0 for what was shown and not taken up, else 1."""
    if not layout.exposure_types:
        return tf.ones_like(inputs[TIMESTAMP], tf.float32)
    shown = [tf.equal(inputs[EVENT_TYPE], name) for name in layout.exposure_types]
    return 1.0 - tf.cast(tf.reduce_any(tf.stack(shown), axis=0), tf.float32)


def _label(task: TaskConfig, inputs: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
    """A task's label and example weight, both float32 [B]."""
    if task.kind == "event":
        label = tf.cast(tf.equal(inputs[EVENT_TYPE], task.event_type), tf.float32)
        return label, tf.ones_like(label)
    if task.kind == "dwell":
        seconds = dense(inputs[DWELL_SECONDS], _UNKNOWN_DWELL)
        known = tf.math.is_finite(seconds) & (seconds >= 0.0)
        return tf.math.log1p(tf.where(known, seconds, 0.0)), tf.cast(known, tf.float32)
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
