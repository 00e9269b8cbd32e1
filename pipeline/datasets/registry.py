"""Which adapter reads which source."""

from __future__ import annotations

from importlib import import_module

from pipeline.config.data import (
    CompleteJourneySource,
    CsvSource,
    CustomSource,
    DataSource,
    MindSource,
    MovieLensLatestSource,
)
from pipeline.datasets.base import DatasetAdapter
from pipeline.errors import InputError


def open_adapter(source: DataSource) -> DatasetAdapter:
    """The adapter of a configured source.

    Raises:
      InputError: An adapter of one's own cannot be imported, or does not take its options.
    """
    if isinstance(source, CsvSource):
        from pipeline.datasets.csv_files import CsvFiles

        return CsvFiles(source)
    if isinstance(source, MovieLensLatestSource):
        from pipeline.datasets.movielens_latest import MovieLensLatest

        return MovieLensLatest(source)
    if isinstance(source, CompleteJourneySource):
        from pipeline.datasets.completejourney import CompleteJourney

        return CompleteJourney()
    if isinstance(source, MindSource):
        from pipeline.datasets.mind import Mind

        return Mind(source)
    if isinstance(source, CustomSource):
        return _custom(source)
    from pipeline.datasets.movielens_100k import MovieLens100K

    return MovieLens100K()


def _custom(source: CustomSource) -> DatasetAdapter:
    """An adapter that stands outside of this project."""
    module, _, name = source.adapter.partition(":")
    try:
        adapter = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"data.adapter: cannot import '{source.adapter}': {error}; "
            "install its package, or put its folder on PYTHONPATH"
        ) from error
    if not (isinstance(adapter, type) and issubclass(adapter, DatasetAdapter)):
        raise InputError(f"data.adapter: '{source.adapter}' is no pipeline.datasets.base.DatasetAdapter")
    try:
        return adapter(**source.options)
    except TypeError as error:
        raise InputError(f"data.options do not fit '{source.adapter}': {error}") from error
