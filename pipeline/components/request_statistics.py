"""Statistics of logged requests, by Beam, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2
from tfx_bsl.coders import example_coder

from pipeline.errors import InputError
from pipeline.request_log import RequestLog, is_gzipped
from pipeline.statistics_files import STATISTICS_FILE, read_statistics

_REQUESTS_PER_BATCH = 4096


def request_statistics(
    pipeline: beam.Pipeline, log: RequestLog, features: list[schema_pb2.Feature], folder: str
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Computes statistics of requests.

    Args:
      pipeline: An empty Beam pipeline, which is run.
      log: The requests.
      features: What is looked at; whatever else a request holds is not.
      folder: Where the statistics are kept.

    Raises:
      InputError: A file cannot be read, or a request does not fit the features' types.
    """
    files = [str(file) for file in log.files()]
    with pipeline:
        _ = (
            pipeline
            | "Files" >> beam.Create(files)
            | beam.Reshuffle()
            | "Read" >> beam.ParDo(_ReadRequests(schema_pb2.Schema(feature=features)))
            | "Statistics" >> tfdv.GenerateStatistics()
            | "Write" >> tfdv.WriteStatisticsToBinaryFile(f"{folder}/{STATISTICS_FILE}")
        )
    return read_statistics(folder)


class _ReadRequests(beam.DoFn):
    """Turns a file into batches."""

    def __init__(self, schema: schema_pb2.Schema):
        """Initializes the step.

        Args:
          schema: The features to read, with their types.
        """
        self._schema = schema.SerializeToString()

    def setup(self) -> None:
        """Makes the decoder, once a worker."""
        self._decoder = example_coder.ExamplesToRecordBatchDecoder(self._schema)

    def process(self, path: str) -> Iterator[pa.RecordBatch]:
        """Yields a file's requests.

        Raises:
          InputError: The file cannot be read, or a request does not fit.
        """
        compression = "GZIP" if is_gzipped(Path(path)) else ""
        records = tf.data.TFRecordDataset(path, compression_type=compression).batch(_REQUESTS_PER_BATCH)
        try:
            for batch in records.as_numpy_iterator():
                yield self._decoder.DecodeBatch(list(batch))
        except (tf.errors.OpError, RuntimeError) as error:
            reason = str(getattr(error, "message", error)).splitlines()[0]
            raise InputError(f"validation.served_requests: cannot use {path}: {reason}") from None
