"""Items from a file, outside of a run: with the configuration's columns, or as the canonical table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa

from pipeline.config.data import CsvSource
from pipeline.config.run import RunConfig
from pipeline.datasets.csv_files import CsvFiles
from pipeline.datasets.raw_file import RawFile
from pipeline.datasets.raw_table import RawTable
from pipeline.datasets.reading import split_categories
from pipeline.preparation.catalogue import Catalogue, load_items
from schemas.features import ITEM_ID, TITLE, TableLayout, item_feature_name
from schemas.tables import items_schema

_CATEGORIES_SEPARATOR = "|"  # between the categories of a canonical CSV file's cell


def read_new_items(file: Path, config: RunConfig, layout: TableLayout) -> Catalogue:
    """Reads items.

    Args:
      file: CSV or Parquet. Of a source of type `csv` it has the columns that the configuration maps; of any
        other those of the canonical items (`item_id`, `title`, `text`, `item_...`), where all but the first
        two may be missing, and several categories in a cell of a CSV file stand with `|` between them.
      config: Maps columns, and names files with vectors.
      layout: The optional columns.

    Returns:
      The items, and what was rejected of the file.

    Raises:
      InputError: A file cannot be read, or lacks a column.
    """
    if isinstance(config.data, CsvSource):
        items = config.data.items.model_copy(update={"path": file})
        raws = CsvFiles(config.data.model_copy(update={"items": items})).items()
    else:
        raws = _canonical(RawFile(file), layout)
    vectors = {item_feature_name(name): vectors_file for name, vectors_file in config.item_vectors.items()}
    return load_items(raws, layout, vectors)


def _canonical(file: RawFile, layout: TableLayout) -> Iterator[RawTable]:
    """The canonical columns that a file has; of those that it has not, nulls."""
    have = set(file.columns())
    vectors = {name for name, _ in layout.item_vectors}
    names = [name for name in items_schema(layout).names if name not in vectors]
    present = [name for name in names if name in (ITEM_ID, TITLE) or name in have]
    for raw in file.read({name: name for name in present}):
        for name in layout.item_categories:
            if name in present:
                raw = raw.changed(name, partial(split_categories, separator=_CATEGORIES_SEPARATOR))
        for name in names:
            if name not in present:
                raw = raw.with_column(name, pa.nulls(len(raw.rows), pa.string()))
        yield raw
