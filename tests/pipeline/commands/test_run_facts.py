"""What the page says of a run is what the run left."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2

from pipeline.commands.run_facts import run_facts
from tests.serving.report.small_run import SUMMARY, small_config, write_small_run


@pytest.fixture
def run(tmp_path):
    config = write_small_run(tmp_path, None)
    histories = config.run_dir / "data" / SUMMARY["digest"] / "histories.parquet"
    pq.write_table(pa.table({"user_id": [f"u{i}" for i in range(50)]}), histories)
    return config


def test_a_run_that_is_elsewhere_has_its_configuration(tmp_path):
    facts = run_facts(small_config(tmp_path), ["click"], shows_users=True)
    assert (facts.name, facts.user_ids, facts.counting, facts.drift) == ("small", (), ("click",), None)
    assert facts.tasks == {"rating": "value", "like": "value_at_least", "above_usual": "above_usual"}


def test_some_users_are_drawn_the_same_ones_each_time(run):
    users = run_facts(run, [], shows_users=True).user_ids
    assert len(set(users)) == 20
    assert set(users) <= {f"u{i}" for i in range(50)}
    assert run_facts(run, [], shows_users=True).user_ids == users


def test_pseudonyms_are_not_shown(run):
    assert run_facts(run, [], shows_users=False).user_ids == ()


def test_drift_is_what_the_validators_found(run):
    assert run_facts(run, [], shows_users=False).drift == ()
    anomalies = anomalies_pb2.Anomalies()
    anomalies.anomaly_info["item_genre"].description = "drift: it has moved"
    (file,) = run.run_dir.glob("artifacts/items.DriftValidator/**/SchemaDiff.pb")
    file.write_bytes(anomalies.SerializeToString())
    assert run_facts(run, [], shows_users=False).drift == ("items: item_genre: drift: it has moved",)
