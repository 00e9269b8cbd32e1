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
HISTORY_ITEM_IDS = "history_item_ids"
HISTORY_VALUES = "history_values"
TITLE = "title"
TEXT = "text"

# What Transform derives from a timestamp.
HOUR_OF_DAY = "hour_of_day"
WEEKDAY = "weekday"


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
    """

    name: str
    stream: Stream
    dtype: DType
    encoding: Encoding
    is_list: bool = False
    required: bool = True

    @property
    def bucket_name(self) -> str:
        """Name of the quantile bucket that stands beside a NUMBER's z-score."""
        return f"{self.name}_bucket"


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
    """

    user_categories: tuple[str, ...] = ()
    user_numbers: tuple[str, ...] = ()
    item_categories: tuple[str, ...] = ()
    item_numbers: tuple[str, ...] = ()
    has_value: bool = True
    has_event_type: bool = False
    has_text: bool = False


@dataclass(frozen=True)
class FeatureSet:
    """The features of a data source, in a fixed order, and the crosses over them.

    Attributes:
      features: Every raw feature of both streams.
      crosses: Pairs of transformed feature names of the interaction stream, each crossed
        into one vocabulary named by :func:`cross_name`.
    """

    features: tuple[Feature, ...]
    crosses: tuple[tuple[str, str], ...] = ((WEEKDAY, HOUR_OF_DAY),)

    def __iter__(self) -> Iterator[Feature]:
        return iter(self.features)

    def of(self, stream: Stream, *encodings: Encoding) -> tuple[Feature, ...]:
        """Features of one stream, of the given encodings if any are named."""
        return tuple(
            f for f in self.features if f.stream == stream and (not encodings or f.encoding in encodings)
        )

    def request_features(self) -> tuple[Feature, ...]:
        """Interaction features that a request may carry: all but the item and the labels."""
        return tuple(
            f for f in self.of(Stream.INTERACTIONS) if f.encoding != Encoding.LABEL and f.name != ITEM_ID
        )


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

    To add a feature to every scenario, add one record here.

    Args:
      layout: The optional columns that the source fills.
      crosses: Pairs of categorical features of the interaction stream to cross.

    Returns:
      The records, interactions first.

    Raises:
      ValueError: A cross names a feature that cannot be crossed.
    """
    log, items = Stream.INTERACTIONS, Stream.ITEMS
    features = [
        Feature(USER_ID, log, DType.STRING, Encoding.VOCABULARY),
        Feature(ITEM_ID, log, DType.STRING, Encoding.CORPUS_KEY),
        Feature(TIMESTAMP, log, DType.INT, Encoding.TIME),
        Feature(HISTORY_ITEM_IDS, log, DType.STRING, Encoding.CORPUS_KEY, is_list=True, required=False),
    ]
    if layout.has_value:
        features += [
            Feature(HISTORY_VALUES, log, DType.FLOAT, Encoding.SEQUENCE, is_list=True, required=False),
            Feature(VALUE, log, DType.FLOAT, Encoding.LABEL),
        ]
    if layout.has_event_type:
        features.append(Feature(EVENT_TYPE, log, DType.STRING, Encoding.LABEL))
    features += [
        Feature(n, log, DType.STRING, Encoding.VOCABULARY, required=False) for n in layout.user_categories
    ]
    features += [Feature(n, log, DType.FLOAT, Encoding.NUMBER, required=False) for n in layout.user_numbers]
    features += [
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

    crossable = {HOUR_OF_DAY, WEEKDAY, *layout.user_categories}
    for pair in crosses:
        for name in pair:
            if name not in crossable:
                raise ValueError(f"cannot cross '{name}'; choose from {', '.join(sorted(crossable))}")
    return FeatureSet(tuple(features), crosses)
