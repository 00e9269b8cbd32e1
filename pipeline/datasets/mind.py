"""Microsoft News (MIND): lists of articles that were shown to people, and which of them were clicked.

Its terms allow research use; it is not shipped, so the folder is the user's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.data import MindSource
from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.raw_file import Part, RawFile
from pipeline.datasets.raw_table import Faults, RawTable
from pipeline.datasets.reading import as_seconds
from schemas.features import (
    EVENT_TYPE,
    ITEM_ID,
    TEXT,
    TIMESTAMP,
    TITLE,
    USER_ID,
    TableLayout,
    item_feature_name,
)
from schemas.quarantine import Rule

CLICK, SKIP, READ = "click", "skip", "read"

_HISTORY, _IMPRESSIONS = "history", "impressions"
_BEHAVIORS_HEADER = ("impression_id", USER_ID, TIMESTAMP, _HISTORY, _IMPRESSIONS)
_TIME_FORMAT = "%m/%d/%Y %I:%M:%S %p"
_IMPRESSION = r"^(?P<item>.+)-(?P<clicked>[01])$"
_TITLE_ENTITIES, _ABSTRACT_ENTITIES = "title_entities", "abstract_entities"
_NEWS_HEADER = (
    "news_id",
    "category",
    "subcategory",
    "title",
    "abstract",
    "url",
    _TITLE_ENTITIES,
    _ABSTRACT_ENTITIES,
)
_CATEGORY, _SUBCATEGORY, _ENTITIES = map(item_feature_name, ("category", "subcategory", "entities"))
_EVENTS_PER_ROW_GUESSED = 4  # an event takes a quarter of what `RawFile` guesses a row to take
_SHOWN_CHARACTERS = 50


class Mind(DatasetAdapter):
    """The adapter of a folder with `behaviors.tsv` and `news.tsv`.

    A row of `behaviors.tsv` becomes many events: `click` and `skip` of the articles shown, at the row's
    time, and `read` of those in the person's history. When these were read is not told, only that it was
    before and in which order; they are taken to lie one second apart and end one second before the row.
    """

    ids_are_public = True  # they are made up for the data set

    def __init__(self, source: MindSource):
        """Names the files; nothing is read.

        Args:
          source: The folder.
        """
        self._source = source

    def layout(self) -> TableLayout:
        """Clicks, articles passed over and articles read before; articles' abstracts and topics."""
        return TableLayout(
            item_categories=(_CATEGORY, _SUBCATEGORY, _ENTITIES),
            has_value=False,
            has_event_type=True,
            has_text=True,
            exposure_types=(SKIP,),
            prior_types=(READ,),
        )

    def interaction_files(self) -> list[RawFile]:
        """The lists of articles shown."""
        return [self._file("behaviors.tsv", _BEHAVIORS_HEADER)]

    def other_files(self) -> list[RawFile]:
        """The articles."""
        return [self._news()]

    def num_rows(self) -> int:
        """About how many events the rows become."""
        return super().num_rows() * _EVENTS_PER_ROW_GUESSED

    def interactions(self, part: Part) -> Iterator[RawTable]:
        """The events; histories first, once a person and table."""
        columns = {name: name for name in _BEHAVIORS_HEADER[1:]}
        for raw in part.file.read(columns, part):
            raw = _with_seconds(raw)
            yield _read_before(raw)
            yield _shown(replace(raw, faults=Faults()))

    def items(self) -> Iterator[RawTable]:
        """The articles; their entities by Wikidata's ids, those of the title first."""
        columns = {
            ITEM_ID: "news_id",
            TITLE: "title",
            TEXT: "abstract",
            _CATEGORY: "category",
            _SUBCATEGORY: "subcategory",
            _TITLE_ENTITIES: _TITLE_ENTITIES,
            _ABSTRACT_ENTITIES: _ABSTRACT_ENTITIES,
        }
        for raw in self._news().read(columns):
            yield raw.with_column(
                _ENTITIES, _entities(raw.table[_TITLE_ENTITIES], raw.table[_ABSTRACT_ENTITIES])
            )

    def _news(self) -> RawFile:
        return self._file("news.tsv", _NEWS_HEADER)

    def _file(self, name: str, header: tuple[str, ...]) -> RawFile:
        return RawFile(self._source.folder / name, "\t", header, quoted=False)


def _with_seconds(raw: RawTable) -> RawTable:
    """With times as int64 seconds; a row whose time is none is left out whole, not event by event."""
    cells = raw.table[TIMESTAMP]
    seconds = as_seconds(cells, TIMESTAMP, _TIME_FORMAT)
    raw = _without(raw, seconds.missing, Rule.MISSING_KEY, TIMESTAMP)
    raw = _without(raw, seconds.wrong[~seconds.missing], Rule.UNPARSABLE_VALUE, TIMESTAMP)
    good = ~(seconds.missing | seconds.wrong)
    return raw.with_column(TIMESTAMP, pa.array(seconds.values[good].astype(np.int64)))


def _without(raw: RawTable, wrong: np.ndarray, rule: Rule, name: str) -> RawTable:
    """Without some rows, which become faults that quote one of their cells."""
    if not wrong.any():
        return raw
    cells = raw.table[name].filter(pa.array(wrong)).to_pylist()
    details = [f"{name}: {str(cell)[:_SHOWN_CHARACTERS]!r}" for cell in cells]
    faults = raw.faults.plus(rule.value, raw.rows[wrong], details)
    return replace(raw.take(np.flatnonzero(~wrong)), faults=faults)


def _read_before(raw: RawTable) -> RawTable:
    """The history of each person's earliest row: that of the later ones repeats it."""
    order = np.argsort(raw.table[TIMESTAMP].to_numpy(), kind="stable")
    repeated = pd.Series(raw.table[USER_ID].to_pandas()).iloc[order].duplicated().to_numpy()
    events, parents = _exploded(raw.take(np.sort(order[~repeated])), _HISTORY)
    lengths = np.bincount(parents) if len(parents) else np.zeros(0, np.int64)
    places = np.arange(len(parents)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    before = lengths[parents] - places  # the newest is told last
    times = events.table[TIMESTAMP].to_numpy() - before
    return events.with_column(TIMESTAMP, pa.array(times, pa.int64())).with_column(EVENT_TYPE, READ)


def _shown(raw: RawTable) -> RawTable:
    """The articles that were shown, clicked or not."""
    events, _ = _exploded(raw, _IMPRESSIONS)
    found = pc.extract_regex(events.table[ITEM_ID], _IMPRESSION)
    wrong = pc.is_null(found).to_numpy()
    events = _without(events, wrong, Rule.MISSING_KEY, ITEM_ID)
    found = found.filter(pa.array(~wrong))
    clicked = pc.equal(pc.struct_field(found, [1]), "1")
    events = events.with_column(ITEM_ID, pc.struct_field(found, [0]))
    return events.with_column(EVENT_TYPE, pc.if_else(clicked, CLICK, SKIP))


def _exploded(raw: RawTable, name: str) -> tuple[RawTable, np.ndarray]:
    """One row an article of a column that lists them, and [E] int64 position of the row it was in."""
    lists = pc.utf8_split_whitespace(raw.table[name]).combine_chunks()
    articles = lists.flatten()
    named = pc.not_equal(articles, "")
    parents = pc.list_parent_indices(lists).filter(named).to_numpy().astype(np.int64)
    narrow = replace(raw, table=raw.table.select([USER_ID, TIMESTAMP]))
    return narrow.take(parents).with_column(ITEM_ID, articles.filter(named)), parents


def _entities(*columns: pa.ChunkedArray) -> pa.Array:
    """Ids of all entities of the columns' cells, each once; a cell that is no JSON has none."""
    cells = zip(*(column.to_pylist() for column in columns), strict=True)
    ids = [list(dict.fromkeys(name for cell in row for name in _wikidata_ids(cell))) for row in cells]
    return pa.array(ids, pa.list_(pa.string()))


def _wikidata_ids(cell: str | None) -> list[str]:
    try:
        entities = json.loads(cell or "[]")
    except (ValueError, RecursionError):
        return []
    if not isinstance(entities, list):
        return []
    ids = [entity.get("WikidataId") for entity in entities if isinstance(entity, dict)]
    return [name for name in ids if isinstance(name, str)]
