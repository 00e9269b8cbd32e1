"""One record a feature: the only home of feature names.

The canonical columns, the `tf.Example` features, the TFMD schemas, the Transform graph and the
towers' inputs all derive from the records that :func:`declare_features` returns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

USER_ID = "user_id"
ITEM_ID = "item_id"
TIMESTAMP = "timestamp"
VALUE = "value"
EVENT_TYPE = "event_type"
DWELL_SECONDS = "dwell_seconds"
HISTORY_ITEM_IDS = "history_item_ids"
HISTORY_VALUES = "history_values"
HISTORY_EVENT_TYPES = "history_event_types"
HISTORY_TIMESTAMPS = "history_timestamps"
HISTORY_DWELL_SECONDS = "history_dwell_seconds"
TITLE = "title"
TEXT = "text"

# What Transform derives: from a timestamp, from the history's times, and from the event type.
HOUR_OF_DAY = "hour_of_day"
WEEKDAY = "weekday"
HISTORY_AGES = "history_ages"
HISTORY_GAPS = "history_gaps"
UNKNOWN_GAP = -1.0
ENGAGED = "engaged"

# Stands for the item ids that too few people have.
RARE_ITEM_ID = "(rare item)"

_DAY = 86400


class Stream(str, Enum):
    """Which example stream carries a feature."""

    INTERACTIONS = "interactions"
    ITEMS = "items"


class DType(str, Enum):
    """The three value types of a `tf.Example`."""

    STRING = "string"
    INT = "int64"
    FLOAT = "float32"


class Encoding(str, Enum):
    """What Transform makes of a feature."""

    VOCABULARY = "vocabulary"  # index into a vocabulary with out-of-vocabulary rows
    CORPUS_KEY = "corpus_key"  # stays a string; the model looks it up in the corpus
    NUMBER = "number"  # z-score under its own name, quantile bucket under `bucket_name`
    SEQUENCE = "sequence"  # numbers beside the history, padded to its length
    SEQUENCE_VOCABULARY = "sequence_vocabulary"  # strings beside the history, as vocabulary indices
    SEQUENCE_TIME = "sequence_time"  # the history's times; ages and window features follow from them
    VECTOR = "vector"  # a dense vector that its owner made: of an image, a sound, a knowledge graph
    TEXT = "text"  # stays a string; the text tower tokenises it in the graph
    TIME = "time"  # hour of day and weekday
    LABEL = "label"  # known only after the event; never part of a request


@dataclass(frozen=True)
class Feature:
    """A raw feature and how it is encoded.

    Attributes:
      name: Its name in canonical tables, examples, requests and the transformed data.
      stream: The example stream that carries it.
      dtype: Its `tf.Example` type.
      encoding: What Transform makes of it.
      is_list: Whether an example holds any number of values instead of one.
      required: Whether every example must have it. A feature that is not required may be
        absent from an example and from a request.
      dim: Numbers of a VECTOR.
    """

    name: str
    stream: Stream
    dtype: DType
    encoding: Encoding
    is_list: bool = False
    required: bool = True
    dim: int = 0

    @property
    def bucket_name(self) -> str:
        """Name of the quantile bucket that stands beside a NUMBER's z-score."""
        return bucket_name(self.name)

    @property
    def is_history(self) -> bool:
        """Whether it lists what the user's earlier events hold."""
        return self.is_list and self.stream == Stream.INTERACTIONS


class Statistic(str, Enum):
    """What a history feature measures."""

    RECENCY = "recency"  # seconds since the newest event
    COUNT = "count"  # events
    SUM = "sum"  # of what the events carry
    MEAN = "mean"  # of what the events carry


@dataclass(frozen=True)
class HistoryFeature:
    """A number that Transform makes from the history that a request carries.

    It is made inside the graph, from `timestamp` and `history_timestamps`, so that it is the same
    in training and serving and knows nothing that came after. It reaches back no farther than the
    history that is kept. Its logarithm is scaled to lie between 0 and 1, with an even bucket beside.

    Attributes:
      name: Of the transformed feature.
      statistic: What is measured.
      window_seconds: How far back events count; `None` for the whole history.
      source: The SEQUENCE that SUM and MEAN are of.
    """

    name: str
    statistic: Statistic
    window_seconds: int | None = None
    source: str | None = None

    @property
    def bucket_name(self) -> str:
        """Name of the bucket that stands beside it."""
        return bucket_name(self.name)


@dataclass(frozen=True)
class TableLayout:
    """Which optional columns a data source fills, by their canonical names.

    Attributes:
      user_categories: Text-valued attributes of a user, one value each.
      user_numbers: Numeric attributes of a user.
      item_categories: Text-valued attributes of an item, any number of values each.
      item_numbers: Numeric attributes of an item.
      has_value: Whether an interaction has a value (a rating, an amount).
      has_event_type: Whether an interaction has an event type ("view", "purchase").
      has_text: Whether an item has a text longer than its title.
      has_dwell: Whether an interaction has seconds of dwelling: reading, watching.
      exposure_types: Event types of what was shown and not taken up. Such events are examples for
        the ranking tasks, and nothing else: not history, not positives of retrieval, not
        popularity.
      prior_types: Event types of what is only known to have come before the log. Such events are
        history, and no examples.
      item_vectors: Names and widths of dense vectors of an item.
    """

    user_categories: tuple[str, ...] = ()
    user_numbers: tuple[str, ...] = ()
    item_categories: tuple[str, ...] = ()
    item_numbers: tuple[str, ...] = ()
    has_value: bool = True
    has_event_type: bool = False
    has_text: bool = False
    has_dwell: bool = False
    exposure_types: tuple[str, ...] = ()
    prior_types: tuple[str, ...] = ()
    item_vectors: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class FeatureSet:
    """The features of a data source, in a fixed order, and what is made from them.

    Attributes:
      features: Every raw feature of both streams.
      history_features: Numbers made from a request's history.
      crosses: Pairs of feature names of one stream, each crossed into one feature named by
        :func:`cross_name`; a number stands for its quantile bucket.
      exposure_types: See :class:`TableLayout`.
    """

    features: tuple[Feature, ...]
    history_features: tuple[HistoryFeature, ...] = ()
    crosses: tuple[tuple[str, str], ...] = ((WEEKDAY, HOUR_OF_DAY),)
    exposure_types: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Feature]:
        return iter(self.features)

    def of(self, stream: Stream, *encodings: Encoding) -> tuple[Feature, ...]:
        """Features of one stream, of the given encodings if any are named."""
        return tuple(
            f for f in self.features if f.stream == stream and (not encodings or f.encoding in encodings)
        )

    def crosses_of(self, stream: Stream) -> tuple[tuple[str, str], ...]:
        """The crosses over features of one stream."""
        names = {f.name for f in self.of(stream)}
        if stream == Stream.INTERACTIONS:
            names |= {HOUR_OF_DAY, WEEKDAY}
        return tuple(pair for pair in self.crosses if pair[0] in names)

    def crossed_with_number(self, pair: tuple[str, str]) -> tuple[str, str] | None:
        """The other side of a cross, and its number, the right one of two; `None` without a number."""
        numbers = {f.name for f in self.features if f.encoding == Encoding.NUMBER}
        left, right = pair
        if right in numbers:
            return left, right
        return (right, left) if left in numbers else None

    def request_features(self) -> tuple[Feature, ...]:
        """Interaction features that a request may carry: all but the item and the labels."""
        return tuple(
            f for f in self.of(Stream.INTERACTIONS) if f.encoding != Encoding.LABEL and f.name != ITEM_ID
        )


def bucket_name(name: str) -> str:
    """Name of a number's quantile bucket."""
    return f"{name}_bucket"


def cross_name(left: str, right: str) -> str:
    """Name of the cross of two features."""
    return f"{left}_x_{right}"


def user_feature_name(attribute: str) -> str:
    """Canonical name of a user's attribute, so that it cannot collide with an item's."""
    return f"user_{attribute}"


def item_feature_name(attribute: str) -> str:
    """Canonical name of an item's attribute."""
    return f"item_{attribute}"


def declare_features(
    layout: TableLayout, crosses: tuple[tuple[str, str], ...] = ((WEEKDAY, HOUR_OF_DAY),)
) -> FeatureSet:
    """Declares the features of a data source.

    To add a feature to every scenario, add one record to the functions below.

    Args:
      layout: The optional columns that the source fills.
      crosses: Pairs of features of one stream to cross.

    Returns:
      The records, interactions first.

    Raises:
      ValueError: A cross names a feature that cannot be crossed.
    """
    features = FeatureSet(
        features=(*_event_features(layout), *_user_features(layout), *_item_features(layout)),
        history_features=_history_features(layout),
        crosses=crosses,
        exposure_types=layout.exposure_types,
    )
    for pair in crosses:
        _check_cross(pair, features)
    return features


def _event_features(layout: TableLayout) -> list[Feature]:
    """What an interaction is, and what came before it."""
    log, optional = Stream.INTERACTIONS, {"is_list": True, "required": False}
    features = [
        Feature(USER_ID, log, DType.STRING, Encoding.VOCABULARY),
        Feature(ITEM_ID, log, DType.STRING, Encoding.CORPUS_KEY),
        Feature(TIMESTAMP, log, DType.INT, Encoding.TIME),
        Feature(HISTORY_ITEM_IDS, log, DType.STRING, Encoding.CORPUS_KEY, **optional),
        Feature(HISTORY_TIMESTAMPS, log, DType.INT, Encoding.SEQUENCE_TIME, **optional),
    ]
    if layout.has_value:
        features += [
            Feature(HISTORY_VALUES, log, DType.FLOAT, Encoding.SEQUENCE, **optional),
            Feature(VALUE, log, DType.FLOAT, Encoding.LABEL),
        ]
    if layout.has_event_type:
        features += [
            Feature(HISTORY_EVENT_TYPES, log, DType.STRING, Encoding.SEQUENCE_VOCABULARY, **optional),
            Feature(EVENT_TYPE, log, DType.STRING, Encoding.LABEL),
        ]
    if layout.has_dwell:
        features += [
            Feature(HISTORY_DWELL_SECONDS, log, DType.FLOAT, Encoding.SEQUENCE, **optional),
            Feature(DWELL_SECONDS, log, DType.FLOAT, Encoding.LABEL, required=False),
        ]
    return features


def _history_features(layout: TableLayout) -> tuple[HistoryFeature, ...]:
    """What a user did lately."""
    features = [
        HistoryFeature("history_recency", Statistic.RECENCY),
        HistoryFeature("history_count_1d", Statistic.COUNT, _DAY),
        HistoryFeature("history_count_7d", Statistic.COUNT, 7 * _DAY),
        HistoryFeature("history_count_30d", Statistic.COUNT, 30 * _DAY),
    ]
    if layout.has_value:
        features.append(HistoryFeature("history_value_30d", Statistic.MEAN, 30 * _DAY, HISTORY_VALUES))
    if layout.has_dwell:
        features += [
            HistoryFeature("history_dwell_1d", Statistic.SUM, _DAY, HISTORY_DWELL_SECONDS),
            HistoryFeature("history_dwell_7d", Statistic.SUM, 7 * _DAY, HISTORY_DWELL_SECONDS),
        ]
    return tuple(features)


def _user_features(layout: TableLayout) -> list[Feature]:
    """Who asks."""
    log = Stream.INTERACTIONS
    categories = [
        Feature(n, log, DType.STRING, Encoding.VOCABULARY, required=False) for n in layout.user_categories
    ]
    numbers = [Feature(n, log, DType.FLOAT, Encoding.NUMBER, required=False) for n in layout.user_numbers]
    return [*categories, *numbers]


def _item_features(layout: TableLayout) -> list[Feature]:
    """What a candidate is."""
    items = Stream.ITEMS
    features = [
        Feature(ITEM_ID, items, DType.STRING, Encoding.VOCABULARY),
        Feature(TITLE, items, DType.STRING, Encoding.TEXT),
    ]
    if layout.has_text:
        features.append(Feature(TEXT, items, DType.STRING, Encoding.TEXT, required=False))
    features += [
        Feature(n, items, DType.STRING, Encoding.VOCABULARY, is_list=True, required=False)
        for n in layout.item_categories
    ]
    features += [Feature(n, items, DType.FLOAT, Encoding.NUMBER, required=False) for n in layout.item_numbers]
    features += [
        Feature(n, items, DType.FLOAT, Encoding.VECTOR, is_list=True, required=False, dim=dim)
        for n, dim in layout.item_vectors
    ]
    return features


def _check_cross(pair: tuple[str, str], features: FeatureSet) -> None:
    """Both sides must be categories or numbers of one stream; a list crosses with a number only."""
    sides = {
        stream: {
            f.name: f.is_list
            for f in features.of(stream, Encoding.VOCABULARY, Encoding.NUMBER)
            if f.name not in (USER_ID, ITEM_ID)
        }
        for stream in Stream
    }
    sides[Stream.INTERACTIONS] |= {HOUR_OF_DAY: False, WEEKDAY: False}
    known = {name: stream for stream in Stream for name in sides[stream]}
    for name in pair:
        if name not in known:
            raise ValueError(f"cannot cross '{name}'; choose from {', '.join(sorted(known))}")
    left, right = pair
    if known[left] != known[right]:
        raise ValueError(f"cannot cross '{left}' with '{right}': one is of users, the other of items")
    has_list = sides[known[left]][left] or sides[known[right]][right]
    if has_list and features.crossed_with_number(pair) is None:
        raise ValueError(f"cannot cross '{left}' with '{right}': an item's categories cross with numbers")
