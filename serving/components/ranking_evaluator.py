"""TFX's Evaluator of the ranking tasks."""

from __future__ import annotations

from collections.abc import Collection

from tfx.components.evaluator.component import Evaluator
from tfx.dsl.components.base.base_component import BaseComponent

from pipeline.config.ranking import TaskConfig
from pipeline.config.ranking_gate import RankingGateConfig
from pipeline.splits import TEST
from serving.ranking_evaluation.tfma_config import eval_config

RANKING_EVALUATOR = "RankingEvaluator"


def ranking_evaluator(
    predictor: BaseComponent,
    tasks: tuple[TaskConfig, ...],
    gate: RankingGateConfig,
    slice_features: Collection[str],
) -> Evaluator:
    """An Evaluator of the answers that a :class:`RankingPredictor` wrote.

    Args:
      predictor: The step before it.
      tasks: The ranking tasks.
      gate: The thresholds.
      slice_features: Names of the features by which the examples are sliced.

    Raises:
      InputError: A threshold is of a slice feature that there is not.
    """
    return Evaluator(
        examples=predictor.outputs["predictions"],
        model=predictor.outputs["candidate"],
        baseline_model=predictor.outputs["baseline"],
        example_splits=[TEST],
        eval_config=eval_config(tasks, gate, slice_features),
    ).with_id(RANKING_EVALUATOR)
