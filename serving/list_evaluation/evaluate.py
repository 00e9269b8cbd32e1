"""Judges the lists of a bundle's models beside those of the baselines and of the served version.

Protocol "next interaction": a request is made at the moment of a test interaction, with everything that
its user did strictly before. The whole corpus is ranked, what the user had seen left out; the interaction's
item is the one that is relevant. All recommenders are asked the same requests.

An interaction with an item that the user had already seen is not a recommendation's to make, and is no
request. Nor is an exposure: exposures are nobody's wish, are not seen items, and do not make an item popular.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config.evaluation import EvaluationConfig
from schemas.features import FeatureSet
from serving.gate import PREVIOUS
from serving.judged_interactions import JudgedInteractions
from serving.layout import RECOMMENDER, RETRIEVAL
from serving.list_evaluation.attribute_slices import attribute_slices
from serving.list_evaluation.baselines import baseline_listers
from serving.list_evaluation.figures import FiguresBySlice, JudgedRequests, list_figures
from serving.list_evaluation.item_traits import ItemTraits
from serving.list_evaluation.listers import Lister, collect_lists
from serving.list_evaluation.model_lister import ModelLister
from serving.list_evaluation.previous_lister import PreviousLister
from serving.list_evaluation.requests import ListRequests
from serving.list_evaluation.slices import request_slices


def evaluate_lists(
    data: JudgedInteractions,
    models: Mapping[str, Any],
    features: FeatureSet,
    items_dir: str,
    config: EvaluationConfig,
    seed: int,
    previous_dir: Path | None = None,
) -> dict[str, FiguresBySlice]:
    """Asks all recommenders the same sample of requests, and judges their lists.

    Memory grows with requests times list length, and has room for a block of requests times items, which is
    bounded; it does not grow with requests times items.

    Args:
      data: The test split, and what was learnt from.
      models: Loaded SavedModels, `retrieval` and `recommender` among them.
      features: The declared features.
      items_dir: Artifact folder of the raw items, which is read if a slice is of an item's category.
      config: What is measured.
      seed: Of the sample, of how ties of the baselines are ranked, and of the bounds.
      previous_dir: Folder of the served version's `recommender`; `None` if nothing is served.

    Returns:
      As :class:`serving.evaluation_record.Evaluation` has `lists`. There is no `previous` if nothing is
      served, or it could not be asked, which is logged as a warning.

    Raises:
      InputError: A configured slice is no category, or there is nothing to judge by.
    """
    config.check_slices(features)
    requests = ListRequests(data, config.max_requests, seed)
    listers: dict[str, Lister] = baseline_listers(data, len(requests), seed)
    listers[RETRIEVAL] = ModelLister(models[RETRIEVAL], data.item_ids, drops_seen=False)
    listers[RECOMMENDER] = ModelLister(models[RECOMMENDER], data.item_ids, drops_seen=True)
    if previous_dir is not None:
        listers[PREVIOUS] = PreviousLister(str(previous_dir), data.item_ids)
    lists = collect_lists(listers, requests.blocks())
    traits = _traits(data, models[RETRIEVAL])
    profiles = [traits.profile_information(data.seen(block)) for block in data.blocks(requests.queries)]
    slices = request_slices(data, requests.queries, config)
    slices |= attribute_slices(data, requests.queries, config.slices, features, items_dir)
    judged = JudgedRequests(requests.targets, requests.users, np.concatenate(profiles), slices)
    return list_figures(lists, judged, traits, config.bootstrap_samples, seed)


def _traits(data: JudgedInteractions, retrieval: Any) -> ItemTraits:
    """The corpus; directions are without popularity, which is the last dimension."""
    embeddings = retrieval.retrieval.corpus.embeddings.numpy()[: len(data.item_ids), :-1]
    return ItemTraits.of(data.train_counts, embeddings)
