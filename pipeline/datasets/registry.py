"""Which adapter reads which source."""

from __future__ import annotations

from pipeline.config.data import CsvSource, DataSource
from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.csv_files import CsvFiles
from pipeline.datasets.movielens_100k import MovieLens100K


def open_adapter(source: DataSource) -> DatasetAdapter:
    """The adapter of a configured source."""
    return CsvFiles(source) if isinstance(source, CsvSource) else MovieLens100K()
