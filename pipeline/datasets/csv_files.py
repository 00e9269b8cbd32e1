"""Anybody's own interactions, items and users, in CSV or Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, partial

from pipeline.config.data import CategoriesColumn, CsvSource
from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.raw_file import Part, RawFile, raw_files
from pipeline.datasets.raw_table import RawTable
from pipeline.datasets.reading import split_categories
from pipeline.datasets.spans import SpanPlan, plan_spans
from schemas.features import (
    DWELL_SECONDS,
    EVENT_TYPE,
    ITEM_ID,
    TEXT,
    TIMESTAMP,
    TITLE,
    USER_ID,
    VALUE,
    TableLayout,
    item_feature_name,
    user_feature_name,
)


class CsvFiles(DatasetAdapter):
    """The adapter of a column mapping."""

    def __init__(self, source: CsvSource):
        """Names the files; nothing is read.

        Args:
          source: The mapping.
        """
        self._source = source
        self.timestamp_unit = source.interactions.timestamp_unit

    def layout(self) -> TableLayout:
        """The optional columns that are mapped."""
        source, log = self._source, self._source.interactions
        return TableLayout(
            user_categories=tuple(map(user_feature_name, source.users.categories if source.users else ())),
            user_numbers=tuple(map(user_feature_name, source.users.numbers if source.users else ())),
            item_categories=tuple(map(item_feature_name, source.items.categories)),
            item_numbers=tuple(map(item_feature_name, source.items.numbers)),
            has_value=log.value is not None,
            has_event_type=log.event_type is not None,
            has_text=source.items.text is not None,
            has_dwell=log.dwell_seconds is not None,
            exposure_types=log.exposure_types,
            prior_types=log.prior_types,
        )

    def interaction_files(self) -> list[RawFile]:
        """The file, or those of the folder, or of the spans in it."""
        log = self._source.interactions
        plan = self.span_plan()
        if plan is None:
            return raw_files(log.path, log.separator)
        return [
            file
            for span in plan.read
            for file in raw_files(span.folder, log.separator, prefix=f"{span.folder.name}/")
        ]

    def span_plan(self) -> SpanPlan | None:
        """As `interactions.spans` says, by the folders that there were when it was first asked."""
        return self._span_plan

    @cached_property
    def _span_plan(self) -> SpanPlan | None:
        log = self._source.interactions
        return None if log.spans is None else plan_spans(log.path, log.spans)

    def other_files(self) -> list[RawFile]:
        """Items, and users if there are any."""
        files = (self._source.items, self._source.users)
        return [RawFile(file.path, file.separator) for file in files if file is not None]

    def mapping(self) -> object:
        """The mapping, the files' places left out."""
        return self._source.model_dump(
            mode="json", exclude={"interactions": {"path"}, "items": {"path"}, "users": {"path"}}
        )

    def check(self) -> None:
        """Reads the beginning of each table, and the columns of every file of a folder."""
        super().check()
        for file in self.interaction_files():
            file.require(self._interaction_columns().values())

    def interactions(self, part: Part) -> Iterator[RawTable]:
        """The mapped columns."""
        return part.file.read(self._interaction_columns(), part)

    def _interaction_columns(self) -> dict[str, str]:
        log = self._source.interactions
        columns = {USER_ID: log.user_id, ITEM_ID: log.item_id, TIMESTAMP: log.timestamp}
        optional = {VALUE: log.value, EVENT_TYPE: log.event_type, DWELL_SECONDS: log.dwell_seconds}
        return columns | {name: column for name, column in optional.items() if column is not None}

    def items(self) -> Iterator[RawTable]:
        """The mapped columns, texts of several categories split."""
        source = self._source.items
        columns = {ITEM_ID: source.item_id, TITLE: source.title}
        if source.text is not None:
            columns[TEXT] = source.text
        columns |= {item_feature_name(n): _column(c) for n, c in source.categories.items()}
        columns |= {item_feature_name(n): c for n, c in source.numbers.items()}
        for raw in RawFile(source.path, source.separator).read(columns):
            for name, column in source.categories.items():
                if isinstance(column, CategoriesColumn) and column.separator is not None:
                    split = partial(split_categories, separator=column.separator)
                    raw = raw.changed(item_feature_name(name), split)
            yield raw

    def users(self) -> Iterator[RawTable]:
        """The mapped columns; nothing without a users file."""
        source = self._source.users
        if source is None:
            return
        columns = {USER_ID: source.user_id}
        columns |= {user_feature_name(n): c for n, c in source.categories.items()}
        columns |= {user_feature_name(n): c for n, c in source.numbers.items()}
        yield from RawFile(source.path, source.separator).read(columns)


def _column(column: str | CategoriesColumn) -> str:
    return column if isinstance(column, str) else column.column
