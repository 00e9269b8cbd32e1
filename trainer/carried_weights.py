"""What of each model a later training starts from."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tf_keras

from schemas.features import HISTORY_EVENT_TYPES, ITEM_ID, USER_ID, Encoding, FeatureSet, Stream, cross_name
from trainer.attribute_encoder import AttributeEncoder
from trainer.ranking import RankingModel
from trainer.retrieval import RetrievalModel
from trainer.settings import TrainerSettings
from trainer.streams import TransformedStream
from trainer.warm_start import EarlierModel, Table, Weights

_ITEM_IDS = "item_ids"


def retrieval_weights(model: RetrievalModel, settings: TrainerSettings) -> Weights:
    """The ids' embeddings, the towers, and the trained layers of the text tower, once they are built.

    Of an item without an id embedding of its own, that of the unknown item is kept, which stood for it.
    """
    items = model.item_embedding.embeddings
    own = np.append(model.known_items, True)[:, np.newaxis]
    tables = [Table(items, Stream.ITEMS, ITEM_ID, newcomers_are_unknown=True)]
    layers: list[tf_keras.layers.Layer] = [model.history_encoder, model.query_tower, model.candidate_tower]
    if model.user_embedding is not None:
        layers.append(model.user_embedding)
        tables.append(Table(model.user_embedding.embeddings, Stream.INTERACTIONS, USER_ID))
    if model.event_type_embedding is not None:
        layers.append(model.event_type_embedding)
        types = model.event_type_embedding.embeddings
        tables.append(Table(types, Stream.INTERACTIONS, HISTORY_EVENT_TYPES))
    tables += _attribute_tables(model.query_tower.attributes, Stream.INTERACTIONS, settings)
    tables += _attribute_tables(model.candidate_tower.attributes, Stream.ITEMS, settings)
    return Weights(
        groups={
            _ITEM_IDS: [items],
            "towers": [variable for layer in layers for variable in layer.weights],
            "text_tower": model.text_tower.trained_variables,
        },
        tables=tables,
        values={(_ITEM_IDS, 0): tf.where(own, items, items[-1])},
    )


def known_items(earlier: EarlierModel, items: TransformedStream, dim: int) -> np.ndarray | None:
    """[num_items] bool: the items whose id embedding, of width `dim`, an earlier model has learnt.

    `None` if it is of another width, or kept nothing.
    """
    stored = earlier.stored(_ITEM_IDS)
    if not stored or stored[0].shape[1] != dim:
        return None
    rows = stored[0]
    places = earlier.places(Table(rows, Stream.ITEMS, ITEM_ID), items.transform_output)
    return (places >= 0) & (rows[places] != rows[-1]).any(axis=1)


def ranking_weights(model: RankingModel, settings: TrainerSettings) -> Weights:
    """All that the ranking model learns, once it is built; what it counts is counted anew."""
    tables = _attribute_tables(model.query_attributes, Stream.INTERACTIONS, settings)
    tables += _attribute_tables(model.candidate_attributes, Stream.ITEMS, settings)
    if model.factors is not None:
        tables += [Table(table, Stream.ITEMS, ITEM_ID) for table in model.factors.item_tables]
        tables += [Table(table, Stream.INTERACTIONS, USER_ID) for table in model.factors.user_tables]
    if model.event_types is not None:
        tables.append(Table(model.event_types.embeddings, Stream.INTERACTIONS, HISTORY_EVENT_TYPES))
    return Weights(groups={"ranking": model.trainable_variables}, tables=tables)


def _attribute_tables(encoder: AttributeEncoder, stream: Stream, settings: TrainerSettings) -> list[Table]:
    """Those of an encoder's embeddings whose rows have words; buckets and hours stay where they are."""
    features = settings.feature_set
    words = {feature.name for feature in features.of(stream, Encoding.VOCABULARY)}
    crosses = _crosses(features, stream)
    tables = []
    for name, variable in encoder.tables.items():
        if name in words or (name in crosses and crosses[name] is None):
            tables.append(Table(variable, stream, name))
        elif crosses.get(name) in words:
            tables.append(Table(variable, stream, str(crosses[name]), block=settings.features.num_buckets))
    return tables


def _crosses(features: FeatureSet, stream: Stream) -> dict[str, str | None]:
    """Each cross of a stream, and what its number is crossed with; `None` if it has words of its own."""
    sides = {pair: features.crossed_with_number(pair) for pair in features.crosses_of(stream)}
    return {cross_name(*pair): None if side is None else side[0] for pair, side in sides.items()}
