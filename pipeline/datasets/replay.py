"""Any source's interactions as dated folders, so that what happened can happen again, span by span."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from pipeline.config.data import DataSource
from pipeline.config.spans import SpansConfig
from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.raw_file import Part, RawFile, raw_files
from pipeline.datasets.raw_table import RawTable
from pipeline.datasets.registry import open_adapter
from pipeline.datasets.spans import SpanPlan, plan_spans
from pipeline.datasets.typed import type_interactions
from pipeline.errors import InputError
from schemas.features import TIMESTAMP, TableLayout

_DAY = 86_400
_FILE = "interactions.parquet"


def write_spans(source: DataSource, folder: Path, num_spans: int, start: float) -> list[Path]:
    """Writes a source's interactions as spans of equal length.

    Args:
      source: The source.
      folder: Gets a folder for each span that holds anything, named after its first day.
      num_spans: Spans of the part that is replayed.
      start: Share of the interactions that come before that part; they are cut into spans as long.

    Returns:
      The spans' folders, the oldest first; the last `num_spans` of them are to be replayed.

    Raises:
      InputError: The source cannot be read, or is too short for so many spans.
    """
    adapter = open_adapter(source)
    tables = [
        type_interactions(raw, adapter.layout(), adapter.timestamp_unit).table
        for part in adapter.parts()
        for raw in adapter.interactions(part)
    ]
    log = pa.concat_tables(tables)
    log = log.take(pc.sort_indices(log[TIMESTAMP]))
    days = log[TIMESTAMP].to_numpy() // _DAY
    last = int(days[-1])
    length = (last - int(days[int(start * (len(days) - 1))])) // num_spans
    if length < 1:
        raise InputError(
            f"after {start:.0%} of the interactions there are fewer than {num_spans} days left to replay; "
            "ask for fewer spans, or an earlier start"
        )
    number = (last - days) // length  # of the span, counted back from the newest
    spans = []
    for back in np.unique(number)[::-1]:
        first = datetime.fromtimestamp(0, timezone.utc) + timedelta(days=last + 1 - int(back + 1) * length)
        span = folder / first.date().isoformat()
        span.mkdir(parents=True)
        pq.write_table(log.filter(pa.array(number == back)), span / _FILE)
        spans.append(span)
    return spans


class Replay(DatasetAdapter):
    """A source whose interactions stand in dated folders; items and users are the source's own."""

    timestamp_unit = "s"

    def __init__(self, source: dict[str, Any], folder: str, spans: dict[str, Any]):
        """Opens the source; nothing is read.

        Args:
          source: A configuration's `data`.
          folder: What :func:`write_spans` wrote, or some of it.
          spans: A :class:`SpansConfig`.
        """
        self._source = source
        self._folder = Path(folder)
        self._spans = SpansConfig.model_validate(spans)
        data_source: TypeAdapter[DataSource] = TypeAdapter(DataSource)
        self._inner = open_adapter(data_source.validate_python(source))
        self.ids_are_public = self._inner.ids_are_public

    def layout(self) -> TableLayout:
        """The source's."""
        return self._inner.layout()

    def interaction_files(self) -> Sequence[RawFile]:
        """Those of the spans."""
        spans = self.span_plan().read
        return [file for span in spans for file in raw_files(span.folder, prefix=f"{span.folder.name}/")]

    def span_plan(self) -> SpanPlan:
        """See :class:`DatasetAdapter`."""
        return self._plan

    @cached_property
    def _plan(self) -> SpanPlan:
        return plan_spans(self._folder, self._spans)

    def interactions(self, part: Part) -> Iterator[RawTable]:
        """All columns: they have their canonical names."""
        return part.file.read({name: name for name in part.file.columns()}, part)

    def items(self) -> Iterator[RawTable]:
        """The source's."""
        return self._inner.items()

    def users(self) -> Iterator[RawTable]:
        """The source's."""
        return self._inner.users()

    def other_files(self) -> Sequence[RawFile]:
        """The source's."""
        return self._inner.other_files()

    def mapping(self) -> object:
        """Of the source, and which spans are read."""
        return [self._inner.mapping(), self._spans.model_dump()]
