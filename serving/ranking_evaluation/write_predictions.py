"""Asks a bundle's ranking model, and the last bundle's, about the judged interactions, and writes it down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from pipeline.config.evaluation import EvaluationConfig
from serving.bundle_settings import BundleSettings
from serving.evaluate_bundle import comparable
from serving.judged_interactions import JudgedInteractions
from serving.layout import EXACT, RETRIEVAL, model_dir
from serving.list_evaluation.attribute_slices import attribute_slices
from serving.list_evaluation.slices import request_slices, single_values
from serving.ranking_evaluation.predictions import predict_ranking


def write_predictions(
    bundle_dir: str,
    previous_dir: str | None,
    interactions_dir: str,
    graph_dir: str,
    items_dir: str,
    settings: BundleSettings,
    config: EvaluationConfig,
    seed: int,
    output_dir: str,
) -> None:
    """Writes answers, labels and slices as examples for TFMA.

    Args:
      bundle_dir: The judged bundle.
      previous_dir: The bundle that was blessed before; `None` if there is none.
      interactions_dir: Artifact folder of the raw interactions.
      graph_dir: Transform's graph of them.
      items_dir: Artifact folder of the raw items.
      settings: The bundle's.
      config: Says how the interactions are sliced.
      seed: Of the sample of very many interactions.
      output_dir: Folder of an Examples artifact.
    """
    retrieval = tf.saved_model.load(str(model_dir(Path(bundle_dir), EXACT, RETRIEVAL)))
    item_ids = retrieval.retrieval.corpus.item_ids.numpy()
    data = JudgedInteractions(interactions_dir, settings, item_ids, seed, learnt=settings.learnt)
    everything = np.arange(len(data))
    slices = request_slices(data, everything, config)
    slices |= attribute_slices(data, everything, config.slices, settings.feature_set, items_dir)
    answers = predict_ranking(
        data,
        bundle_dir,
        comparable(previous_dir, settings.pseudonym_key),
        settings.tasks,
        tft.TFTransformOutput(graph_dir),
        single_values(slices, len(data)),
    )
    answers.write(output_dir)
