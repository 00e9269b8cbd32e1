"""Statistics of Parquet files, by Beam, a batch of rows at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow_data_validation as tfdv
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_metadata.proto.v0 import statistics_pb2

from pipeline.components.parquet_example_gen import as_lists
from pipeline.statistics_files import STATISTICS_FILE, read_statistics

_ROWS_PER_BATCH = 4096


def parquet_statistics(
    files: Sequence[Path], columns: Sequence[str], max_categories: int, pipeline_args: Sequence[str]
) -> statistics_pb2.DatasetFeatureStatisticsList:
    """Computes what StatisticsGen would compute of the examples that files become.

    Args:
      files: Parquet files with the same columns; Beam's workers must see them.
      columns: The columns that are looked at.
      max_categories: So many values of a text are counted, the most frequent ones.
      pipeline_args: Beam's options.
    """
    options = tfdv.StatsOptions(
        num_top_values=max_categories,
        num_rank_histogram_buckets=max_categories,
    )
    with tempfile.TemporaryDirectory(dir=files[0].parent.parent, prefix="statistics-") as folder:
        with beam.Pipeline(options=PipelineOptions(list(pipeline_args))) as pipeline:
            _ = (
                pipeline
                | "Files" >> beam.Create([str(file) for file in files])
                | beam.Reshuffle()
                | "Read" >> beam.FlatMap(_batches, list(columns))
                | "Statistics" >> tfdv.GenerateStatistics(options)
                | "Write" >> tfdv.WriteStatisticsToBinaryFile(f"{folder}/{STATISTICS_FILE}")
            )
        return read_statistics(folder)


def _batches(path: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a file as TFDV wants them: every column a list."""
    for batch in pq.ParquetFile(path).iter_batches(_ROWS_PER_BATCH, columns=columns):
        table = pa.Table.from_batches([batch])
        yield pa.RecordBatch.from_arrays([as_lists(table[name]) for name in columns], names=columns)
