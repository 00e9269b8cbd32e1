"""Trained models that take in items which training has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.added_items import AddedItems
from serving.extended_collaborative import ExtendedCollaborative
from serving.extended_ranking import ExtendedRanking
from serving.extended_retrieval import ExtendedRetrieval


def extended_models(loaded: Mapping[str, Any], added: AddedItems, work_dir: Path) -> dict[str, Any]:
    """The parts that know the corpus, over all items.

    Args:
      loaded: The trained parts: `retrieval`, `collaborative`, `ranking`.
      added: The items.
      work_dir: Where what becomes assets is written.
    """
    num_trained = int(loaded["retrieval"].corpus.item_ids.shape[0])
    return {
        "retrieval": ExtendedRetrieval(loaded["retrieval"], added, work_dir),
        "collaborative": ExtendedCollaborative(loaded["collaborative"], num_trained, len(added)),
        "ranking": ExtendedRanking(loaded["ranking"], num_trained),
    }
