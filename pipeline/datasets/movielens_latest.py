"""MovieLens in the layout of GroupLens' recent editions: latest, latest-small, 25M, 32M.

Their terms allow research use; they are not shipped, so the folder is the user's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.data import MovieLensLatestSource
from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.raw_file import Part, RawFile
from pipeline.datasets.raw_table import RawTable
from pipeline.datasets.reading import as_texts, split_categories
from schemas.features import ITEM_ID, TEXT, TIMESTAMP, TITLE, USER_ID, VALUE, TableLayout

_GENRES, _YEAR = "item_genres", "item_year"
_INTERACTIONS = {USER_ID: "userId", ITEM_ID: "movieId", TIMESTAMP: "timestamp", VALUE: "rating"}
_ITEMS = {ITEM_ID: "movieId", TITLE: "title", _GENRES: "genres"}
_NO_GENRES = "(no genres listed)"
# "(1995)", and of a series its first year: "(2006–2007)", "(2015- )".
_YEAR_IN_TITLE = r"\((?P<year>\d{4})(?:\s?[-–]\s?(?:\d{4})?)?\)$"


class MovieLensLatest(DatasetAdapter):
    """The adapter of a folder with `ratings.csv` and `movies.csv`, and perhaps texts of the films."""

    ids_are_public = True

    def __init__(self, source: MovieLensLatestSource):
        """Names the files; nothing is read.

        Args:
          source: The folder, and the file with texts if there is one.
        """
        self._source = source

    def layout(self) -> TableLayout:
        """Ratings, with films' genres and years, and their texts if there is a file of them."""
        return TableLayout(
            item_categories=(_GENRES,),
            item_numbers=(_YEAR,),
            has_text=self._source.item_text is not None,
        )

    def interaction_files(self) -> list[RawFile]:
        """The ratings."""
        return [RawFile(self._source.folder / "ratings.csv")]

    def other_files(self) -> list[RawFile]:
        """Films, and texts if there are any."""
        texts = self._source.item_text
        return [self._films(), *([] if texts is None else [RawFile(texts)])]

    def mapping(self) -> object:
        """The column of the texts."""
        return [type(self).__name__, None if self._source.item_text is None else self._source.text_column]

    def interactions(self, part: Part) -> Iterator[RawTable]:
        """The ratings."""
        return part.file.read(_INTERACTIONS, part)

    def items(self) -> Iterator[RawTable]:
        """The films; a text whose film is not among them is left out."""
        texts = self._texts()
        for raw in self._films().read(_ITEMS):
            raw = raw.changed(TITLE, pc.utf8_trim_whitespace).changed(_GENRES, _split_genres)
            raw = raw.with_column(_YEAR, _years(raw.table[TITLE]))
            if texts is not None:
                raw = raw.with_column(TEXT, _looked_up(raw.table[ITEM_ID], texts.table))
            yield raw
        if texts is not None and texts.num_read > len(texts.rows):
            # What could not be read of the texts is told like what could not be read of the films.
            nothing = raw.take(np.zeros(0, np.int64))
            yield replace(nothing, file=texts.file, faults=texts.faults)

    def _films(self) -> RawFile:
        return RawFile(self._source.folder / "movies.csv")

    def _texts(self) -> RawTable | None:
        """All texts, by their films' ids."""
        if self._source.item_text is None:
            return None
        file = RawFile(self._source.item_text)
        raws = list(file.read({ITEM_ID: "movieId", TEXT: self._source.text_column}))
        if not raws:
            return None
        faults = [fault for raw in raws for fault in raw.faults.faults]
        return RawTable(
            pa.concat_tables([raw.table for raw in raws]),
            np.concatenate([raw.rows for raw in raws]),
            raws[0].file,
            replace(raws[0].faults, faults=tuple(faults)),
        )


def _split_genres(genres: pa.ChunkedArray) -> pa.ChunkedArray:
    named = pc.if_else(pc.equal(genres, _NO_GENRES), pa.scalar(None, pa.string()), genres)
    return split_categories(named, "|")


def _years(titles: pa.ChunkedArray) -> pa.ChunkedArray:
    """The year at the end of each title, null where there is none."""
    return pc.struct_field(pc.extract_regex(titles, _YEAR_IN_TITLE), [0])


def _looked_up(ids: pa.ChunkedArray, texts: pa.Table) -> pa.ChunkedArray:
    """The first text of each film, null where there is none."""
    known = as_texts(texts[ITEM_ID], ITEM_ID).combine_chunks()
    return texts[TEXT].take(pc.index_in(ids, known))
