"""Compares examples with those that the served version learnt from, and with logged requests."""

import hashlib
import os
from pathlib import Path

import apache_beam as beam
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.channel import BaseChannel
from tfx.types.standard_artifacts import ExampleAnomalies, ExampleStatistics, Schema
from tfx.utils import io_utils

from pipeline.code_digest import code_digest
from pipeline.components.anomaly_gate import anomalies_path
from pipeline.request_log import RequestLog
from pipeline.statistics_files import STATISTICS_FILE, read_statistics

_CODE = [
    "pipeline/components/drift_validator.py",
    "pipeline/components/request_statistics.py",
    "pipeline/distribution_shift.py",
    "pipeline/statistics_files.py",
]
_REQUESTS = "requests"  # folder of the requests' statistics, beside the split's


@component(use_beam=True)
def DriftValidator(  # noqa: N802  (a TFX component)
    statistics: InputArtifact[ExampleStatistics],
    schema: InputArtifact[Schema],
    anomalies: OutputArtifact[ExampleAnomalies],
    split: Parameter[str],
    baseline: Parameter[str],
    requests: Parameter[str],
    compared: Parameter[str],
    code: Parameter[str],
    pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Writes drift and skew as ExampleValidator writes anomalies; what else is wrong is for that one.

    `split` is the one to compare. `baseline` is the folder of the statistics of the version that is
    served, `requests` the file or folder of logged requests; each may be empty, and nothing is compared
    with it then. `compared` is a digest of what stands there, `code` one of the code, so that neither is
    answered from the cache when it has changed.

    Raises:
      InputError: The requests cannot be read.
    """
    from pipeline.components.request_statistics import request_statistics
    from pipeline.distribution_shift import Shift, compared_features, find_shift, merge_anomalies

    ours = read_statistics(artifact_utils.get_split_uri([statistics], split))
    rules: schema_pb2.Schema = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema.uri))
    found = [anomalies_pb2.Anomalies(baseline=rules)]
    if baseline:
        found.append(find_shift(Shift.DRIFT, ours, read_statistics(baseline), rules))
    features = compared_features(rules, Shift.SKEW)
    if requests and features:
        folder = os.path.join(anomalies.uri, _REQUESTS)
        served = request_statistics(pipeline, RequestLog(Path(requests)), features, folder)
        found.append(find_shift(Shift.SKEW, ours, served, rules))
    path = anomalies_path(anomalies.uri, split)
    fileio.makedirs(os.path.dirname(path))
    with fileio.open(path, "wb") as file:
        file.write(merge_anomalies(found).SerializeToString(deterministic=True))
    anomalies.split_names = artifact_utils.encode_split_names([split])


def drift_validator(
    statistics: BaseChannel,
    schema: BaseChannel,
    split: str,
    baseline: Path | None,
    requests: RequestLog | None,
) -> BaseComponent:
    """A DriftValidator over what there is to compare with.

    Args:
      statistics: The examples' statistics.
      schema: Their schema.
      split: The split to compare.
      baseline: Folder of the statistics of the version that is served; `None` for no drift.
      requests: Logged requests; `None` for no skew.

    Raises:
      InputError: There are no requests.
    """
    parts = []
    if baseline is not None:
        parts.append(hashlib.sha256((baseline / STATISTICS_FILE).read_bytes()).hexdigest())
    if requests is not None:
        parts.append(requests.fingerprint())
    return DriftValidator(
        statistics=statistics,
        schema=schema,
        split=split,
        baseline=str(baseline.resolve()) if baseline is not None else "",
        requests=str(requests.path.resolve()) if requests is not None else "",
        compared=" ".join(parts),
        code=code_digest(*_CODE),
    )
