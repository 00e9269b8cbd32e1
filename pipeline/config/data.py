"""Configuration of the data: where it comes from, how it is split and encoded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.config.base import Frozen
from pipeline.config.spans import SpansConfig


class MovieLens100KSource(Frozen):
    """MovieLens 100K, fetched and cached; see the README for its terms."""

    source: Literal["movielens_100k"]


class MovieLensLatestSource(Frozen):
    """A folder in GroupLens' layout: `ratings.csv` and `movies.csv`.

    Attributes:
      folder: The folder; a relative path is taken from the configuration file's folder.
      item_text: CSV file with the columns `movieId` and `text_column`, if there is one.
      text_column: Its column with the text.
    """

    source: Literal["movielens_latest"]
    folder: Path
    item_text: Path | None = None
    text_column: str = "wikipedia_extract"


class CompleteJourneySource(Frozen):
    """The Complete Journey, purchases of a grocery's households, fetched and cached."""

    source: Literal["completejourney"]


class MindSource(Frozen):
    """A folder in the layout of Microsoft News (MIND): `behaviors.tsv` and `news.tsv`.

    Attributes:
      folder: The folder; a relative path is taken from the configuration file's folder.
    """

    source: Literal["mind"]
    folder: Path


class CustomSource(Frozen):
    """A source that an adapter of one's own reads; see docs/adapters.md.

    Attributes:
      adapter: Where it is: `module:Class`.
      options: What its constructor is given; `paths` names those that are paths, which are
        taken from the configuration file's folder.
      paths: Names of options.
    """

    source: Literal["custom"]
    adapter: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    options: dict[str, Any] = Field(default_factory=dict)
    paths: tuple[str, ...] = ()


class CategoriesColumn(Frozen):
    """A column that holds several categories in one cell.

    Attributes:
      column: The column's name in the file.
      separator: What stands between two categories; a Parquet list column needs none.
    """

    column: str
    separator: str | None = None


class InteractionsFile(Frozen):
    """Column mapping of the interactions (CSV or Parquet, told by the suffix).

    Attributes:
      path: The file, or a folder of such files; a relative path is taken from the configuration
        file's folder.
      user_id: Column of the user's id.
      item_id: Column of the item's id.
      timestamp: Column of the time of the event.
      timestamp_unit: `s` or `ms` since 1970 UTC, or `iso` for ISO 8601 texts and
        Parquet timestamps.
      value: Column of a number that says how much (a rating, an amount), if any.
      event_type: Column of the event's kind, if any.
      dwell_seconds: Column of the seconds that the user dwelt on the item, if any.
      exposure_types: Event types of what was shown and not taken up: examples for the ranking
        tasks, and nothing else.
      prior_types: Event types of what is only known to have come before the log: history, and no
        examples.
      separator: Column separator of a CSV file.
      spans: If the folder holds dated folders, which of them are read and what for; they take the place
        of `split`.
    """

    path: Path
    user_id: str = "user_id"
    item_id: str = "item_id"
    timestamp: str = "timestamp"
    timestamp_unit: Literal["s", "ms", "iso"] = "s"
    value: str | None = None
    event_type: str | None = None
    dwell_seconds: str | None = None
    exposure_types: tuple[str, ...] = ()
    prior_types: tuple[str, ...] = ()
    separator: str = ","
    spans: SpansConfig | None = None


class ItemsFile(Frozen):
    """Column mapping of an items file.

    Attributes:
      path: The file; a relative path is taken from the configuration file's folder.
      item_id: Column of the item's id.
      title: Column of its title.
      text: Column of a longer text, if any.
      categories: Attribute name to column, or to a column with a separator inside.
      numbers: Attribute name to column.
      separator: Column separator of a CSV file.
    """

    path: Path
    item_id: str = "item_id"
    title: str = "title"
    text: str | None = None
    categories: dict[str, str | CategoriesColumn] = Field(default_factory=dict)
    numbers: dict[str, str] = Field(default_factory=dict)
    separator: str = ","


class UsersFile(Frozen):
    """Column mapping of a users file.

    Attributes:
      path: The file; a relative path is taken from the configuration file's folder.
      user_id: Column of the user's id.
      categories: Attribute name to column.
      numbers: Attribute name to column.
      separator: Column separator of a CSV file.
    """

    path: Path
    user_id: str = "user_id"
    categories: dict[str, str] = Field(default_factory=dict)
    numbers: dict[str, str] = Field(default_factory=dict)
    separator: str = ","


class CsvSource(Frozen):
    """Anybody's own files, CSV or Parquet.

    Attributes:
      interactions: Who did what with which item, and when.
      items: The corpus of items.
      users: Attributes of users, if there are any.
    """

    source: Literal["csv"]
    interactions: InteractionsFile
    items: ItemsFile
    users: UsersFile | None = None


DataSource = Annotated[
    MovieLens100KSource
    | MovieLensLatestSource
    | CompleteJourneySource
    | MindSource
    | CsvSource
    | CustomSource,
    Field(discriminator="source"),
]


class SplitConfig(Frozen):
    """Shares of the interactions in time order: the oldest train, the newest test.

    A boundary falls between two moments: events of one second are never parted.
    """

    train: float = Field(default=0.8, gt=0, lt=1)
    eval: float = Field(default=0.1, gt=0, lt=1)
    test: float = Field(default=0.1, gt=0, lt=1)

    @model_validator(mode="after")
    def _shares_add_up(self) -> SplitConfig:
        total = self.train + self.eval + self.test
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"train, eval and test must add up to 1, not {total:g}")
        return self


# All rows in one split: for data that are judged and not learnt from. No configuration can say it.
UNSPLIT = SplitConfig.model_construct(train=1.0, eval=0.0, test=0.0)


class VectorsFile(Frozen):
    """Dense vectors of items that an owner already has.

    Attributes:
      path: Parquet file with the two columns; a relative path is taken from the configuration
        file's folder.
      dim: Numbers of a vector.
      item_id: Column of the item's id.
      vector: Column of the vector, a list of numbers. Items without a row have no vector.
    """

    path: Path
    dim: int = Field(ge=1, le=8192)
    item_id: str = "item_id"
    vector: str = "vector"


class FeaturesConfig(Frozen):
    """How raw features are encoded.

    Attributes:
      history_length: Newest interactions kept in a user's history.
      max_categories: Categories kept of a category feature with several values.
      oov_buckets: Out-of-vocabulary rows of every vocabulary.
      number_buckets: Quantile buckets of every number.
      crosses: Pairs of features to cross, both of users (`user_...`, `weekday`, `hour_of_day`) or
        both of items (`item_...`); a number stands for its quantile bucket.
    """

    history_length: int = Field(default=50, ge=1, le=1000)
    max_categories: int = Field(default=8, ge=1, le=100)
    oov_buckets: int = Field(default=1, ge=1)
    number_buckets: int = Field(default=10, ge=2)
    crosses: tuple[tuple[str, str], ...] = (("weekday", "hour_of_day"),)

    @property
    def num_buckets(self) -> int:
        """Buckets of a number, that of an absent one included."""
        return self.number_buckets + 1


class BeamConfig(Frozen):
    """How Apache Beam runs the data steps.

    Attributes:
      pipeline_args: Beam's own options, passed through as they stand.
      rows_per_shard: Interactions that one worker holds at a time. It bounds memory; the people are
        spread over as many shards as that asks for.
    """

    pipeline_args: tuple[str, ...] = (
        "--runner=DirectRunner",
        "--direct_running_mode=in_memory",
        "--direct_num_workers=1",
    )
    rows_per_shard: int = Field(default=100_000, ge=1000)
