"""A source, and what people did with what the gateway showed them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.feedback_meaning import Meaning, layout_with
from pipeline.datasets.raw_file import Part, RawFile
from pipeline.datasets.raw_table import RawTable
from pipeline.datasets.reading import as_mask, digest
from pipeline.datasets.spans import SpanPlan
from pipeline.datasets.typed import type_interactions
from schemas.features import DWELL_SECONDS, EVENT_TYPE, ITEM_ID, TIMESTAMP, USER_ID, VALUE, TableLayout
from schemas.feedback import REQUEST_ID

_UNITS_PER_SECOND = {"s": 1, "ms": 1000}


class WithFeedback(DatasetAdapter):
    """A source whose interactions are its own and the gateway's events; items and users are its own."""

    names_requests = True

    def __init__(self, source: DatasetAdapter, files: Sequence[RawFile], meaning: Meaning):
        """Names the files; nothing is read.

        Args:
          source: The source.
          files: Those of the spans; at least one.
          meaning: What each kind of event is to the source; others are left out.
        """
        self._source = source
        self._files = tuple(files)
        self._paths = frozenset(file.path for file in files)
        self._meaning = meaning
        self.timestamp_unit = source.timestamp_unit
        self.ids_are_public = source.ids_are_public

    def layout(self) -> TableLayout:
        """The source's, with the exposures that events bring."""
        return layout_with(self._meaning, self._source.layout())

    def interaction_files(self) -> list[RawFile]:
        """The source's, then the spans'."""
        return [*self._source.interaction_files(), *self._files]

    def other_files(self) -> Sequence[RawFile]:
        """The source's."""
        return self._source.other_files()

    def parts(self) -> list[Part]:
        """The source's, then the spans'."""
        return [*self._source.parts(), *(part for file in self._files for part in file.parts())]

    def num_rows(self) -> int:
        """Of both."""
        return self._source.num_rows() + sum(file.num_rows() for file in self._files)

    def span_plan(self) -> SpanPlan | None:
        """The source's."""
        return self._source.span_plan()

    def has_stored_ids(self, part: Part) -> bool:
        """Of events: they name users as runs store them."""
        return part.file.path in self._paths

    def interactions(self, part: Part) -> Iterator[RawTable]:
        """The source's, or events that mean something to it."""
        if not self.has_stored_ids(part):
            yield from self._source.interactions(part)
            return
        columns = (USER_ID, ITEM_ID, TIMESTAMP, EVENT_TYPE, VALUE, DWELL_SECONDS, REQUEST_ID)
        for raw in part.file.read({name: name for name in columns}, part):
            yield self._translated(raw)

    def items(self) -> Iterator[RawTable]:
        """The source's."""
        return self._source.items()

    def users(self) -> Iterator[RawTable]:
        """The source's."""
        return self._source.users()

    def mapping(self) -> object:
        """Of the source, and what events are to it."""
        meaning = {kind: entry.model_dump() for kind, entry in self._meaning.items()}
        return [self._source.mapping(), meaning]

    def check(self) -> None:
        """Reads the beginning of the source's tables, and of the events."""
        self._source.check()
        for raw in self.interactions(self._files[0].parts()[0]):
            type_interactions(raw, self.layout(), self.timestamp_unit)
            break

    def fingerprint(self) -> str:
        """Of the source, the spans' files, and what events are to the source."""
        own = digest([file.path for file in self._files], self.mapping())
        return digest([], [self._source.fingerprint(), own])

    def _translated(self, raw: RawTable) -> RawTable:
        """Events under the source's names; those that mean nothing to it are left out."""
        kinds = raw.table[EVENT_TYPE]
        known = pc.is_in(kinds, value_set=pa.array(list(self._meaning), pa.string()))
        valued = [kind for kind, entry in self._meaning.items() if entry.value == "event"]
        lacks_value = pc.and_(
            pc.is_in(kinds, value_set=pa.array(valued, pa.string())), pc.is_null(raw.table[VALUE])
        )
        raw = raw.take(np.flatnonzero(as_mask(pc.and_not(known, lacks_value))))
        places = pc.index_in(raw.table[EVENT_TYPE], value_set=pa.array(list(self._meaning), pa.string()))
        entries = list(self._meaning.values())
        fixed = [entry.value if isinstance(entry.value, float) else None for entry in entries]
        values = pc.coalesce(pa.array(fixed, pa.float32()).take(places), raw.table[VALUE])
        types = pa.array([entry.event_type for entry in entries], pa.string()).take(places)
        raw = raw.with_column(VALUE, values).with_column(EVENT_TYPE, types)
        return raw.changed(TIMESTAMP, self._in_source_unit)

    def _in_source_unit(self, seconds: pa.ChunkedArray) -> pa.ChunkedArray:
        if self.timestamp_unit in _UNITS_PER_SECOND:
            return pc.multiply(seconds, _UNITS_PER_SECOND[self.timestamp_unit])
        return pc.cast(seconds, pa.timestamp("s"))
