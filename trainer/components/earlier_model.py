"""The model that a training starts from, as a step gets it."""

from __future__ import annotations

from tfx.types.artifact import Artifact

from schemas.features import Stream
from trainer.warm_start import EarlierModel


def earlier_model(
    model: Artifact | None, interactions_graph: Artifact | None, items_graph: Artifact | None
) -> EarlierModel | None:
    """An earlier model and its vocabularies; `None` if there is none."""
    if model is None or interactions_graph is None or items_graph is None:
        return None
    graphs = {Stream.INTERACTIONS: interactions_graph.uri, Stream.ITEMS: items_graph.uri}
    return EarlierModel(model.uri, graphs)
