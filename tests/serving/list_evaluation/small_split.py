"""A small log, written as the raw examples of the pipeline, with a known answer.

Users of the north like the items of the genre `drama`, those of the south `comedy`; of a user whose city is
not known nothing can be said. Each user goes for items of the liked genre in a random order; some users and
items come into the log with the test split.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf

from pipeline.components.parquet_example_gen import encode_examples
from pipeline.config.ranking import TaskConfig
from pipeline.config.training import IndexConfig
from pipeline.history import with_history
from pipeline.splits import EVAL, TEST, TRAIN
from schemas.features import TableLayout
from schemas.tables import interactions_schema, items_schema
from serving.bundle_settings import BundleSettings

LAYOUT = TableLayout(
    user_categories=("user_city",),
    item_categories=("item_genre",),
    has_event_type=True,
    exposure_types=("shown",),
)
SETTINGS = BundleSettings(
    name="small",
    layout=LAYOUT,
    crosses=(),
    tasks=(TaskConfig(name="click", kind="event", event_type="click"),),
    index=IndexConfig(),
)
DAY = 86400
GENRES = ("drama", "comedy")
CITIES = ("north", "south", None)
NUM_USERS, NUM_ITEMS, LENGTH = 60, 80, 5
ITEM_IDS = np.array([b"i%d" % i for i in range(NUM_ITEMS)], dtype=object)
# Days at which the splits end; in the last one the users from 45 on and the items from 60 on are new.
ENDS = {TRAIN: 50, EVAL: 60, TEST: 100}
FIRST_NEW_USER, FIRST_NEW_ITEM = 45, 60


def city_of(user: str) -> str | None:
    """Where a user lives."""
    return CITIES[int(user[1:]) % 3]


def genre_of(item: int) -> str:
    """What an item is."""
    return GENRES[item % 2]


def likes(user: str) -> tuple[int, ...]:
    """Corpus rows of what a user goes for: of those without a city, anything."""
    city = city_of(user)
    return tuple(
        item for item in range(NUM_ITEMS) if city is None or genre_of(item) == GENRES[CITIES.index(city)]
    )


def make_log(seed: int = 0) -> pa.Table:
    """Some events of each user, at moments of their own, in the order of time; some were only shown."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(NUM_USERS):
        items = rng.permutation(likes(f"u{user}"))
        days = np.sort(rng.random(16)) * (100 if user < FIRST_NEW_USER else 40)
        days += 0 if user < FIRST_NEW_USER else 60
        open_items = iter(items)
        for day in days:
            item = next(i for i in open_items if i < FIRST_NEW_ITEM or day >= ENDS[EVAL])
            kind = "shown" if rng.random() < 0.1 else "click"
            rows.append((f"u{user}", f"i{item}", int(day * DAY), 1.0, kind))
    rows.sort(key=lambda row: row[2])
    schema = interactions_schema(LAYOUT)
    return pa.table([list(column) for column in zip(*rows, strict=True)], names=schema.names).cast(schema)


def make_items() -> pa.Table:
    """Each item has its genre, every fifth `classic` as well, and the last one nothing."""
    genres = [[genre_of(i), *(["classic"] if i % 5 == 0 else [])] for i in range(NUM_ITEMS)]
    genres[-1] = None
    ids = [item.decode() for item in ITEM_IDS]
    return pa.table([ids, ids, genres], schema=items_schema(LAYOUT))


def write_examples(folder: Path, log: pa.Table) -> tuple[str, str]:
    """Writes the raw examples of both streams, and says where they are: interactions, items."""
    table = with_history(log, LAYOUT, LENGTH)
    cities = pa.array([city_of(user) for user in table["user_id"].to_pylist()], pa.string())
    table = table.append_column("user_city", cities)
    days = table["timestamp"].to_numpy() / DAY
    start = 0
    for split, end in ENDS.items():
        _write(folder / "interactions", split, table.filter(pa.array((days >= start) & (days < end))))
        start = end
    _write(folder / "items", "corpus", make_items().take(pa.array(np.arange(NUM_ITEMS)[::-1])))
    return str(folder / "interactions"), str(folder / "items")


def _write(folder: Path, split: str, table: pa.Table) -> None:
    (folder / f"Split-{split}").mkdir(parents=True)
    path = str(folder / f"Split-{split}" / "part.gz")
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions("GZIP")) as writer:
        for example in encode_examples(table):
            writer.write(example)
