"""Rules on a person's events among each other, against plain oracles."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.preparation.clean_shard import drop_by_people_rules
from pipeline.preparation.interactions_table import PART, ROW, InteractionsTable
from tests.pipeline.preparation.small_source import small_settings, small_source

EVENTS = st.lists(
    st.tuples(st.sampled_from("uv"), st.sampled_from("ab"), st.integers(0, 6), st.sampled_from("bcs")),
    max_size=30,
)


def _frame(events):
    log = pd.DataFrame(events, columns=["user_id", "item_id", "timestamp", "event_type"])
    log = log.astype({"user_id": str, "item_id": str, "event_type": str, "timestamp": "int64"})
    return log.sort_values("timestamp", kind="stable", ignore_index=True)


def _judge(log, config):
    schema = pa.schema([(n, pa.int64() if n == "timestamp" else pa.string()) for n in log.columns])
    table = pa.Table.from_pandas(log, schema=schema, preserve_index=False)
    table = table.append_column(PART, pa.array(np.zeros(len(log), np.int32)))
    table = table.append_column(ROW, pa.array(np.arange(len(log))))
    interactions = InteractionsTable(table, ("log",))
    drop_by_people_rules(interactions, config)
    rejects = [row for reject in interactions.rejects for row in reject.to_pylist()]
    return set(interactions.table[ROW].to_pylist()), {(r["rule"], r["row"]) for r in rejects}


@pytest.fixture(scope="module")
def make_config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    log = pd.DataFrame({"user_id": ["u"], "item_id": ["a"], "timestamp": [1], "kind": ["b"]})

    def make(cleaning, **mapping):
        return small_settings(folder, small_source(folder, log, **mapping), cleaning)

    return make


@given(events=EVENTS)
def test_duplicates_keep_the_first(events, make_config):
    log = _frame(events)
    kept, rejects = _judge(log, make_config({"burst": None}))
    repeated = log.duplicated()
    assert kept == set(np.flatnonzero(~repeated))
    assert rejects == {("duplicate", row) for row in np.flatnonzero(repeated)}


def _cancelled(log):
    """Each cancelling event takes the newest open one of its user and item from a stack."""
    gone, stacks = set(), {}
    for row, event in enumerate(log.itertuples()):
        stack = stacks.setdefault((event.user_id, event.item_id), [])
        if event.event_type == "b":
            stack.append(row)
        elif event.event_type == "c":
            gone.add(row)
            if stack:
                gone.add(stack.pop())
    return gone


@settings(max_examples=300)
@given(events=EVENTS)
def test_cancellations_match_like_a_stack(events, make_config):
    log = _frame(events).drop_duplicates(ignore_index=True)
    kept, rejects = _judge(log, make_config({"burst": None, "cancellations": {"c": "b"}}))
    gone = _cancelled(log)
    assert kept == set(range(len(log))) - gone
    assert rejects == {("cancelled", row) for row in gone}


@given(events=EVENTS)
def test_bursts_reject_the_whole_user(events, make_config):
    log = _frame(events).drop_duplicates(ignore_index=True)
    kept, _ = _judge(log, make_config({"burst": {"events": 3, "seconds": 1}}))
    bots = {
        user
        for user, rows in log.groupby("user_id")
        if any(((rows.timestamp >= t) & (rows.timestamp <= t + 1)).sum() > 3 for t in rows.timestamp)
    }
    assert kept == set(np.flatnonzero(~log.user_id.isin(bots)))


@given(events=EVENTS)
def test_a_prior_event_is_told_once(events, make_config):
    log = _frame(events).drop_duplicates(ignore_index=True)
    kept, rejects = _judge(log, make_config({"burst": None}, prior_types=["b"]))
    priors = log[log.event_type == "b"]
    repeated = priors.index[priors.duplicated(["user_id", "item_id"])]
    assert kept == set(range(len(log))) - set(repeated)
    assert rejects == {("repeated_prior", row) for row in repeated}


def test_exposures_are_no_burst(make_config):
    log = _frame([("u", f"i{n}", 5, "s") for n in range(10)])
    kept, _ = _judge(log, make_config({"burst": {"events": 3, "seconds": 1}}, exposure_types=["s"]))
    assert len(kept) == 10
