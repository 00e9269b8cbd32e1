"""The statistics of what a version learnt from, for comparing later data with them."""

from __future__ import annotations

from pathlib import Path

from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleStatistics

from pipeline.canonical import CORPUS
from pipeline.splits import TRAIN
from pipeline.statistics_files import feature_name, read_statistics, write_statistics
from schemas.features import USER_ID, Stream
from serving.layout import statistics_dir


def export_statistics(interactions: ExampleStatistics, items: ExampleStatistics, version_dir: str) -> None:
    """Copies the statistics of the training split and of the corpus, without those of user ids.

    Args:
      interactions: StatisticsGen's output for the interactions.
      items: The same for the items.
      version_dir: Folder of the bundle's version.
    """
    for stream, artifact, split in (
        (Stream.INTERACTIONS, interactions, TRAIN),
        (Stream.ITEMS, items, CORPUS),
    ):
        statistics = read_statistics(artifact_utils.get_split_uri([artifact], split))
        write_statistics(without_users(statistics), str(statistics_dir(Path(version_dir), stream)))


def without_users(
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Leaves out the feature whose frequent values are people's ids."""
    kept = statistics_pb2.DatasetFeatureStatisticsList()
    kept.CopyFrom(statistics)
    for dataset in kept.datasets:
        features = [feature for feature in dataset.features if feature_name(feature) != USER_ID]
        del dataset.features[:]
        dataset.features.extend(features)
    return kept
