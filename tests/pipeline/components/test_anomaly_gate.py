"""Anomalies as lines for people, from TFDV's own validation."""

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2

from pipeline.components.anomaly_gate import read_anomalies
from schemas.derive import derive_schema
from schemas.features import Stream, TableLayout, declare_features


def _anomalies(frame, tmp_path):
    """What TFDV finds in a table of items."""
    features = declare_features(TableLayout(item_numbers=("item_year",)))
    statistics = tfdv.generate_statistics_from_dataframe(frame)
    found = tfdv.validate_statistics(statistics, derive_schema(features, Stream.ITEMS))
    path = tmp_path / "SchemaDiff.pb"
    path.write_bytes(found.SerializeToString())
    return read_anomalies(str(path))


def test_good_data_have_none(tmp_path):
    import pandas as pd

    frame = pd.DataFrame({"item_id": ["a", "b"], "title": ["A", "B"], "item_year": [1990.0, 2000.0]})
    assert _anomalies(frame, tmp_path) == []


def test_a_missing_a_new_and_a_mistyped_feature_are_named(tmp_path):
    import pandas as pd

    frame = pd.DataFrame({"item_id": ["a", "b"], "colour": ["red", "blue"], "item_year": ["old", "new"]})
    lines = _anomalies(frame, tmp_path)
    assert [line.split(":")[0] for line in lines] == ["colour", "item_year", "title"]
    assert all(line.split(": ", 1)[1] for line in lines)


def test_an_anomaly_of_the_whole_data_set(tmp_path):
    anomalies = anomalies_pb2.Anomalies()
    anomalies.dataset_anomaly_info.description = "too few examples"
    path = tmp_path / "SchemaDiff.pb"
    path.write_bytes(anomalies.SerializeToString())
    assert read_anomalies(str(path)) == ["(data set): too few examples"]
