"""Statistics of examples, in the files that TFX's StatisticsGen writes."""

from __future__ import annotations

import os

from tensorflow_metadata.proto.v0 import statistics_pb2

STATISTICS_FILE = "FeatureStats.pb"  # StatisticsGen's name for it


def read_statistics(folder: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    """The statistics in a folder, such as that of a split of an artifact."""
    from tfx.dsl.io import fileio  # brings TensorFlow

    with fileio.open(os.path.join(folder, STATISTICS_FILE), "rb") as file:
        return statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read())


def write_statistics(statistics: statistics_pb2.DatasetFeatureStatisticsList, folder: str) -> None:
    """Writes statistics into a folder, which is made if need be; always the same bytes for the same ones."""
    from tfx.dsl.io import fileio

    fileio.makedirs(folder)
    with fileio.open(os.path.join(folder, STATISTICS_FILE), "wb") as file:
        file.write(statistics.SerializeToString(deterministic=True))


def feature_name(feature: statistics_pb2.FeatureNameStatistics) -> str:
    """The name of a feature, from its statistics."""
    return feature.path.step[0] if feature.HasField("path") else feature.name


def count_values(statistics: statistics_pb2.DatasetFeatureStatisticsList) -> dict[str, int]:
    """How many values each feature has in all examples; those without any may be left out."""
    counts = {}
    for feature in statistics.datasets[0].features:
        kind = feature.WhichOneof("stats")
        if kind is not None:
            counts[feature_name(feature)] = getattr(feature, kind).common_stats.tot_num_values
    return counts
