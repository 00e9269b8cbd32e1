"""The second step: judges the events of a shard's people among each other."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.distinct import distinct_texts
from pipeline.preparation.interactions_table import PART, REQUEST, ROW, InteractionsTable
from pipeline.preparation.rejects import write_rejects
from pipeline.preparation.settings import PreparationSettings
from pipeline.preparation.spill import read_arrow, write_arrow
from pipeline.time_histogram import TimeHistogram
from schemas.features import EVENT_TYPE, ITEM_ID, TIMESTAMP, USER_ID, TableLayout
from schemas.quarantine import Rule


@dataclass(frozen=True)
class ShardReport:
    """What is known of a cleaned shard.

    Attributes:
      rows: How many are left.
      rules: How many each rule rejected.
      items: `item_id` of every event's item, and `users`, how many people engaged with it or were
        known to have; [I].
      times: When its events happened, those before the log left out.
    """

    rows: int
    rules: dict[str, int]
    items: pa.Table
    times: TimeHistogram


def clean_shard(number: int, files: Iterable[str], settings: PreparationSettings) -> Path:
    """Reads what the first step wrote for a shard, and writes what is left in order of time.

    Args:
      number: The shard's.
      files: The files that hold its rows, in any order.
      settings: The settings.

    Returns:
      The file written. Its report stands beside it; see :func:`read_report`.
    """
    table = pa.concat_tables([read_arrow(Path(file)) for file in sorted(files)])
    keys = (table[name].to_numpy() for name in (ROW, PART, TIMESTAMP))  # the last decides first
    table = table.take(pa.array(np.lexsort(tuple(keys))))
    interactions = InteractionsTable(table, tuple(part.name for part in settings.parts))
    drop_by_people_rules(interactions, settings)
    name = f"shard-{number:05d}"
    rules = write_rejects(interactions.rejects, settings.quarantine_dir / f"{name}.parquet")
    path = settings.spill_dir / f"{name}.clean.arrow"
    write_arrow(interactions.table, path)
    _write_report(interactions, settings.layout, rules, path)
    return path


def drop_by_people_rules(interactions: InteractionsTable, settings: PreparationSettings) -> None:
    """Applies the rules on a person's events among each other.

    Args:
      interactions: In order of time; every person is there whole.
      settings: The settings.
    """
    layout, cleaning = settings.layout, settings.cleaning
    if settings.adapter.names_requests:
        interactions.drop(Rule.TAKEN_UP, _taken_up(interactions, layout))
    interactions.drop(Rule.REPEATED_PRIOR, _repeated_priors(interactions, layout))
    if settings.adapter.names_requests:
        # Two lists on a page may show an item in the same second: no fault of anybody's.
        stored = np.array([settings.adapter.has_stored_ids(part) for part in settings.parts])
        told = stored[interactions.numbers(PART)]
        interactions.drop(Rule.REPEATED_EVENT, told & _duplicates(interactions, layout))
    interactions.drop(Rule.DUPLICATE, _duplicates(interactions, layout))
    for cancelling, cancelled in cleaning.cancellations.items():
        interactions.drop(Rule.CANCELLED, _cancelled(interactions, cancelling, cancelled))
    if cleaning.burst is not None:
        interactions.drop(
            Rule.BURST, _bursts(interactions, layout, cleaning.burst.events, cleaning.burst.seconds)
        )


def _repeated(keys: list[np.ndarray], among: np.ndarray) -> np.ndarray:
    """Which rows have the keys of an earlier row; only rows `among` count."""
    places = np.flatnonzero(among)
    keys = [key[places] for key in keys]
    order = np.lexsort(tuple(reversed(keys)))  # stable: equal keys stay in order of time
    equal = np.ones(len(places), bool)
    for key in keys:
        ordered = key[order]
        equal[1:] &= ordered[1:] == ordered[:-1]
    equal[:1] = False
    repeated = np.zeros(len(among), bool)
    repeated[places[order[equal]]] = True
    return repeated


def _taken_up(interactions: InteractionsTable, layout: TableLayout) -> np.ndarray:
    """Exposures in a list of which their person took up the item, sooner or later."""
    exposed = interactions.has_type(layout.exposure_types)
    requests = interactions.table[REQUEST]
    named = requests.is_valid().to_numpy()
    _, request_codes = distinct_texts(requests.fill_null(""))
    keys = np.stack([interactions.codes(USER_ID), interactions.codes(ITEM_ID), request_codes])
    _, groups = np.unique(keys, axis=1, return_inverse=True)
    taken = np.bincount(groups, weights=~exposed & named, minlength=1) > 0
    return exposed & named & taken[groups]


def _repeated_priors(interactions: InteractionsTable, layout: TableLayout) -> np.ndarray:
    """Prior events of an item that an earlier row told of: each impression tells the whole history."""
    prior = interactions.has_type(layout.prior_types)
    return _repeated([interactions.codes(USER_ID), interactions.codes(ITEM_ID)], prior)


def _duplicates(interactions: InteractionsTable, layout: TableLayout) -> np.ndarray:
    """The same person, item, second and kind of event."""
    keys = [interactions.codes(USER_ID), interactions.codes(ITEM_ID), interactions.numbers(TIMESTAMP)]
    if layout.has_event_type:
        keys.append(interactions.codes(EVENT_TYPE))
    return _repeated(keys, np.ones(interactions.table.num_rows, bool))


def _cancelled(interactions: InteractionsTable, cancelling: str, cancelled: str) -> np.ndarray:
    """Events that cancel, and for each the newest earlier event of its person and item that is left.

    Cancelling and cancelled events match like brackets: an opening one is closed by the next
    closing one of its depth.
    """
    closes, opens = interactions.has_type((cancelling,)), interactions.has_type((cancelled,))
    places = np.flatnonzero(closes | opens)
    users, items = interactions.codes(USER_ID)[places], interactions.codes(ITEM_ID)[places]
    order = np.lexsort((items, users))
    places, users, items = places[order], users[order], items[order]
    step = np.where(closes[places], -1, 1)
    level = np.cumsum(step) + (step < 0)  # of the opening bracket that a closing one would close
    by_level = np.lexsort((level, items, users))
    ordered = [x[by_level] for x in (users, items, level)]
    matches = np.zeros(len(places), bool)  # whether the next one at this level closes this one
    matches[:-1] = (step[by_level][:-1] > 0) & (step[by_level][1:] < 0)
    for x in ordered:
        matches[:-1] &= x[:-1] == x[1:]
    result = closes.copy()
    result[places[by_level[matches]]] = True
    return result


def _bursts(interactions: InteractionsTable, layout: TableLayout, events: int, seconds: int) -> np.ndarray:
    """All events of people who engaged more than `events` times within `seconds`."""
    users, engaged = interactions.codes(USER_ID), interactions.is_engaged(layout)
    places = np.flatnonzero(engaged)
    places = places[np.argsort(users[places], kind="stable")]
    who, when = users[places], interactions.numbers(TIMESTAMP)[places]
    if len(places) <= events:
        return np.zeros(len(users), bool)
    too_many = (who[events:] == who[:-events]) & (when[events:] - when[:-events] <= seconds)
    return np.isin(users, np.unique(who[events:][too_many]))


def _write_report(
    interactions: InteractionsTable, layout: TableLayout, rules: dict[str, int], path: Path
) -> None:
    """Writes what the third step needs to know of all shards."""
    exposed = interactions.has_type(layout.exposure_types)
    item_ids, items = distinct_texts(interactions.table[ITEM_ID])
    users = _distinct_users(
        interactions.codes(USER_ID)[~exposed], items[~exposed].astype(np.int64), len(item_ids)
    )
    times = TimeHistogram.of(interactions.numbers(TIMESTAMP)[~interactions.has_type(layout.prior_types)])
    write_arrow(
        pa.table({ITEM_ID: item_ids, "users": pa.array(users, pa.int64())}),
        path.with_suffix(".items.arrow"),
    )
    write_arrow(pa.table({"start": times.starts, "count": times.counts}), path.with_suffix(".times.arrow"))
    report = json.dumps({"rows": interactions.table.num_rows, "rules": rules, "width": times.width})
    path.with_suffix(".json").write_text(report, encoding="utf-8")


def _distinct_users(users: np.ndarray, items: np.ndarray, num_items: int) -> np.ndarray:
    """[num_items] int64 distinct users of each item; `users` and `items` [N] are codes."""
    pairs = np.unique(users.astype(np.int64) * num_items + items)
    return np.bincount(pairs % max(num_items, 1), minlength=num_items)


def read_report(path: Path) -> ShardReport:
    """The report on a cleaned shard's file."""
    report = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    times = read_arrow(path.with_suffix(".times.arrow"))
    return ShardReport(
        rows=report["rows"],
        rules=report["rules"],
        items=read_arrow(path.with_suffix(".items.arrow")),
        times=TimeHistogram(times["start"].to_numpy(), times["count"].to_numpy(), report["width"]),
    )
