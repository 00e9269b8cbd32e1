"""Drift and skew of small tables, distances worked out by hand."""

import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.distribution_shift import Shift, compared_features, find_shift, merge_anomalies
from tests.pipeline.small_statistics import people, statistics_of

SCHEMA = text_format.Parse(
    """
    feature {
      name: "user_sex" type: BYTES string_domain { value: "f" value: "m" }
      drift_comparator { infinity_norm { threshold: 0.1 } }
      skew_comparator { infinity_norm { threshold: 0.1 } }
    }
    feature {
      name: "value" type: FLOAT not_in_environment: "SERVING" float_domain { max: 5 }
      drift_comparator { jensen_shannon_divergence { threshold: 0.2 } }
      skew_comparator { jensen_shannon_divergence { threshold: 0.2 } }
    }
    feature { name: "user_id" type: BYTES presence { min_fraction: 1.0 } }
    """,
    schema_pb2.Schema(),
)


def _found(shift, ours, reference):
    """Descriptions by feature."""
    anomalies = find_shift(shift, ours, reference, SCHEMA)
    return {name: info.description for name, info in anomalies.anomaly_info.items()}


@pytest.mark.parametrize("shift", list(Shift))
def test_a_shift_names_the_distance_the_threshold_and_the_value(shift):
    # 30% of men became 80%.
    found = _found(shift, people(80, 20), people(30, 70))
    assert list(found) == ["user_sex"]
    assert found["user_sex"].startswith(f"{shift.value}: ")
    for part in ("is 0.5 ", "above the threshold 0.1", "maximum difference is: "):
        assert part in found["user_sex"]


def test_within_the_threshold_nothing_is_found_but_the_distance_is_told():
    anomalies = find_shift(Shift.DRIFT, people(35, 65), people(30, 70), SCHEMA)
    assert not anomalies.anomaly_info
    (measured,) = anomalies.drift_skew_info
    assert measured.drift_measurements[0].value == pytest.approx(0.05)


def test_numbers_that_moved():
    values = np.linspace(0, 1, 100)
    found = _found(Shift.DRIFT, statistics_of(value=values + 2), statistics_of(value=values))
    # Nothing in common: a divergence of one bit.
    assert "is 1 " in found["value"] or "is 0.99" in found["value"]


def test_other_anomalies_are_not_told():
    # `user_id` is missing, `other` is new, `x` is in no domain, 9 is out of range.
    ours = people(30, 70, other=["a"] * 100, value=[9.0] * 100)
    assert _found(Shift.DRIFT, ours, people(30, 70, value=[9.0] * 100)) == {}
    assert _found(Shift.DRIFT, statistics_of(user_sex=["x"]), statistics_of(user_sex=["x"])) == {}


@pytest.mark.parametrize("gone", [{"other": ["a"]}, {"other": ["a"], "user_sex": [None]}])
def test_a_feature_that_vanished(gone):
    found = _found(Shift.DRIFT, statistics_of(**gone), people(1, 1))
    assert found == {"user_sex": "drift: the previous data have it, the current data do not."}
    found = _found(Shift.SKEW, people(1, 1), statistics_of(**gone))
    assert found == {"user_sex": "skew: the training data have it, the requests do not."}


@pytest.mark.parametrize("before", [{"other": ["a"]}, {"other": ["a"], "user_sex": [None]}])
def test_a_feature_that_is_new_has_nothing_to_be_compared_with(before):
    assert _found(Shift.DRIFT, people(1, 1), statistics_of(**before)) == {}


def test_labels_are_not_looked_for_in_requests():
    assert [feature.name for feature in compared_features(SCHEMA, Shift.SKEW)] == ["user_sex"]
    assert _found(Shift.SKEW, people(1, 1, value=[1.0, 2.0]), people(1, 1)) == {}


def test_drift_and_skew_of_one_feature_are_both_told():
    ours, reference = people(80, 20), people(30, 70)
    merged = merge_anomalies(find_shift(shift, ours, reference, SCHEMA) for shift in Shift)
    info = merged.anomaly_info["user_sex"]
    assert info.description.count("above the threshold 0.1") == 2
    assert info.description.index("drift: ") < info.description.index("skew: ")
    assert len(info.reason) == 2
    assert list(info.path.step) == ["user_sex"]
    assert len(merged.drift_skew_info) == 2
