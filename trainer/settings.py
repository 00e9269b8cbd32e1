"""What each training step depends on; anything else may change without training anew."""

from __future__ import annotations

from pipeline.config.base import Frozen
from pipeline.config.collaborative import CollaborativeConfig
from pipeline.config.data import FeaturesConfig
from pipeline.config.fitting import TrainingConfig
from pipeline.config.ranking import RankingConfig
from pipeline.config.text import TextTowerConfig
from pipeline.config.training import RetrievalConfig
from pipeline.splits import TRAIN
from schemas.features import FeatureSet, TableLayout, declare_features


class TrainerSettings(Frozen):
    """What all that is trained depends on.

    Attributes:
      layout: The source's optional columns.
      features: How features are encoded.
      seed: Of every random draw.
    """

    layout: TableLayout
    features: FeaturesConfig
    seed: int

    @property
    def feature_set(self) -> FeatureSet:
        """The declared features."""
        return declare_features(self.layout, self.features.crosses)


class ModelSettings(TrainerSettings):
    """What both models depend on.

    Attributes:
      training: How both are fitted.
    """

    training: TrainingConfig = TrainingConfig()


class RetrievalSettings(ModelSettings):
    """What the retrieval model depends on.

    Attributes:
      splits: The splits that it learns from.
    """

    text: TextTowerConfig
    retrieval: RetrievalConfig
    splits: tuple[str, ...] = (TRAIN,)


class RankingSettings(ModelSettings):
    """What the ranking model depends on, beside the retrieval model."""

    ranking: RankingConfig


class CollaborativeSettings(TrainerSettings):
    """What collaborative filtering depends on.

    Attributes:
      text: The text tower, which reads texts frozen here, whatever is trained of it elsewhere.
      collaborative: The sources.
      value_label: The transformed feature that holds an interaction's value, if any does: the label of a
        `value` task.
      splits: The splits that are learnt from.
    """

    text: TextTowerConfig
    collaborative: CollaborativeConfig
    value_label: str | None
    splits: tuple[str, ...] = (TRAIN,)
