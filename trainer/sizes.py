"""What the models need to know of the transformed data to be built."""

from __future__ import annotations

from dataclasses import dataclass, field

import tensorflow_transform as tft

from pipeline.config.data import FeaturesConfig
from schemas.features import (
    HISTORY_EVENT_TYPES,
    HOUR_OF_DAY,
    ITEM_ID,
    USER_ID,
    WEEKDAY,
    Encoding,
    FeatureSet,
    Stream,
    cross_name,
)


@dataclass(frozen=True)
class ModelSizes:
    """Vocabulary sizes, out-of-vocabulary rows included, and names of numbers.

    Attributes:
      num_users: Rows of the user vocabulary.
      history_length: Length of a padded history.
      query_attributes: Categorical attribute of a query to its number of indices.
      query_numbers: Numeric attributes of a query.
      item_attributes: Categorical attribute of an item to its number of indices.
      item_numbers: Numeric attributes of an item.
      history_numbers: Those of the query's numbers that are made from the history's times.
      num_event_types: Rows of the vocabulary of event types in a history; 0 without event types.
      item_vectors: Dense vector of an item to its width.
    """

    num_users: int
    history_length: int
    query_attributes: dict[str, int]
    query_numbers: tuple[str, ...]
    item_attributes: dict[str, int]
    item_numbers: tuple[str, ...]
    history_numbers: tuple[str, ...] = ()
    num_event_types: int = 0
    item_vectors: dict[str, int] = field(default_factory=dict)


def model_sizes(
    features: FeatureSet,
    config: FeaturesConfig,
    interactions: tft.TFTransformOutput,
    items: tft.TFTransformOutput,
) -> ModelSizes:
    """Reads the sizes off the two transform graphs.

    Args:
      features: The declared features.
      config: How they are encoded.
      interactions: Transform output of the interaction stream.
      items: Transform output of the item stream.
    """

    def size(output: tft.TFTransformOutput, name: str) -> int:
        return output.vocabulary_size_by_name(name) + config.oov_buckets

    def attributes(output: tft.TFTransformOutput, stream: Stream) -> dict[str, int]:
        sizes = {
            feature.name: size(output, feature.name)
            for feature in features.of(stream, Encoding.VOCABULARY)
            if feature.name not in (USER_ID, ITEM_ID)
        }
        for feature in features.of(stream, Encoding.NUMBER):
            sizes[feature.bucket_name] = config.num_buckets
        if stream == Stream.INTERACTIONS:
            sizes |= {HOUR_OF_DAY: 24, WEEKDAY: 7}
        crosses = {}
        for pair in features.crosses_of(stream):
            sides = features.crossed_with_number(pair)
            if sides is None:
                crosses[cross_name(*pair)] = size(output, cross_name(*pair))
            else:
                crosses[cross_name(*pair)] = sizes.get(sides[0], config.num_buckets) * config.num_buckets
        return sizes | crosses

    query_attributes = attributes(interactions, Stream.INTERACTIONS)
    query_attributes |= {made.bucket_name: config.num_buckets for made in features.history_features}
    has_event_types = bool(features.of(Stream.INTERACTIONS, Encoding.SEQUENCE_VOCABULARY))
    numbers = [f.name for f in features.of(Stream.INTERACTIONS, Encoding.NUMBER)]
    return ModelSizes(
        num_users=size(interactions, USER_ID),
        history_length=config.history_length,
        query_attributes=query_attributes,
        query_numbers=(*numbers, *(made.name for made in features.history_features)),
        item_attributes=attributes(items, Stream.ITEMS),
        item_numbers=tuple(f.name for f in features.of(Stream.ITEMS, Encoding.NUMBER)),
        history_numbers=tuple(made.name for made in features.history_features),
        num_event_types=size(interactions, HISTORY_EVENT_TYPES) if has_event_types else 0,
        item_vectors={f.name: f.dim for f in features.of(Stream.ITEMS, Encoding.VECTOR)},
    )
