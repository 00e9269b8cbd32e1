"""What a bundle and its evaluation depend on, beside the models."""

from __future__ import annotations

from pipeline.config.base import Frozen
from pipeline.config.ranking import TaskConfig
from pipeline.config.serving import BatchingConfig
from pipeline.config.training import IndexConfig
from pipeline.splits import TRAIN
from schemas.features import FeatureSet, TableLayout, declare_features


class BundleSettings(Frozen):
    """Names and sizes of a bundle.

    Attributes:
      name: The pipeline's name.
      layout: The source's optional columns.
      crosses: Crossed features.
      tasks: The ranking tasks.
      index: How many candidates are retrieved.
      pseudonym_key: Fingerprint of the key of the pseudonyms by which users are known; `None` if they
        are known by their ids.
      batch_sizes: Those that servers put requests together in, for which there are warm-up requests.
      learnt: The splits that the models have learnt from.
    """

    name: str
    layout: TableLayout
    crosses: tuple[tuple[str, str], ...]
    tasks: tuple[TaskConfig, ...]
    index: IndexConfig
    pseudonym_key: str | None = None
    batch_sizes: tuple[int, ...] = BatchingConfig().allowed_batch_sizes
    learnt: tuple[str, ...] = (TRAIN,)

    @property
    def feature_set(self) -> FeatureSet:
        """The declared features."""
        return declare_features(self.layout, self.crosses)
