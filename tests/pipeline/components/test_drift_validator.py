"""DriftValidator over artifacts on disk."""

import apache_beam as beam
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types import artifact_utils
from tfx.types.channel_utils import as_channel
from tfx.types.standard_artifacts import ExampleAnomalies, ExampleStatistics, Schema

from pipeline.components.anomaly_gate import AnomalyGate, anomalies_path, read_anomalies
from pipeline.components.drift_validator import DriftValidator, drift_validator
from pipeline.errors import AnomalyError, InputError
from pipeline.request_log import RequestLog
from pipeline.statistics_files import write_statistics
from schemas.derive import derive_schema
from schemas.features import Stream, TableLayout, declare_features
from tests.pipeline.components.examples import BEAM_ARGS
from tests.pipeline.small_statistics import people
from tests.trainer.tfrecords import write_examples

FEATURES = declare_features(TableLayout(user_categories=("user_sex",), has_value=False))


@pytest.fixture
def statistics(tmp_path):
    """Of 80 men and 20 women."""
    artifact = ExampleStatistics()
    artifact.uri = str(tmp_path / "statistics")
    artifact.split_names = artifact_utils.encode_split_names(["train", "eval"])
    for split in ("train", "eval"):
        write_statistics(people(80, 20), f"{artifact.uri}/Split-{split}")
    return artifact


@pytest.fixture
def schema(tmp_path):
    (tmp_path / "schema").mkdir()
    derived = derive_schema(FEATURES, Stream.INTERACTIONS)
    (tmp_path / "schema" / "schema.pbtxt").write_text(text_format.MessageToString(derived))
    artifact = Schema()
    artifact.uri = str(tmp_path / "schema")
    return artifact


def _run(statistics, schema, tmp_path, baseline="", requests=""):
    """Calls the component's function as its executor does."""
    output = ExampleAnomalies()
    output.uri = str(tmp_path / "anomalies")
    DriftValidator.test_call(
        statistics=statistics,
        schema=schema,
        anomalies=output,
        split="train",
        baseline=str(baseline),
        requests=str(requests),
        compared="",
        code="",
        pipeline=beam.Pipeline(argv=BEAM_ARGS),
    )
    return output


def _requests(path, num_men, num_women, **others):
    rows = [{"user_sex": "m"}] * num_men + [{"user_sex": "f"}] * num_women
    return write_examples(path, [{**row, **others} for row in rows])


def _lines(output):
    assert artifact_utils.decode_split_names(output.split_names) == ["train"]
    return read_anomalies(anomalies_path(output.uri, "train"))


def test_with_nothing_to_compare_with_nothing_is_found(statistics, schema, tmp_path):
    assert _lines(_run(statistics, schema, tmp_path)) == []


def test_drift_against_the_version_that_is_served(statistics, schema, tmp_path):
    write_statistics(people(30, 70), str(tmp_path / "served"))
    (line,) = _lines(_run(statistics, schema, tmp_path, baseline=tmp_path / "served"))
    assert line.startswith("user_sex: drift: ")
    assert "is 0.5 " in line


def test_skew_against_requests_in_several_files(statistics, schema, tmp_path):
    log = tmp_path / "log"
    log.mkdir()
    # 40 of 100; what else a request holds is not looked at, not even labels.
    _requests(log / "a.gz", 40, 0, user_id="u", user_town="x", event_type="view")
    _requests(log / "b", 0, 60)
    (line,) = _lines(_run(statistics, schema, tmp_path, requests=log))
    assert line.startswith("user_sex: skew: ")
    assert "is 0.4 " in line


def test_requests_like_the_training_data(statistics, schema, tmp_path):
    log = _requests(tmp_path / "log", 8, 2)
    assert _lines(_run(statistics, schema, tmp_path, requests=log)) == []


def test_requests_without_an_attribute(statistics, schema, tmp_path):
    log = write_examples(tmp_path / "log", [{"user_id": "u"}] * 3)
    (line,) = _lines(_run(statistics, schema, tmp_path, requests=log))
    assert line == "user_sex: skew: the training data have it, the requests do not."


def test_requests_of_the_wrong_type_and_files_that_are_cut_off(statistics, schema, tmp_path):
    log = write_examples(tmp_path / "log", [{"user_sex": 1}])
    with pytest.raises(InputError, match="cannot use .*log: .*wrong type.*user_sex"):
        _run(statistics, schema, tmp_path, requests=log)
    log = tmp_path / "cut"
    _requests(log, 500, 500)
    log.write_bytes(log.read_bytes()[:-20])
    with pytest.raises(InputError, match="cannot use .*cut: "):
        _run(statistics, schema, tmp_path, requests=log)


def test_the_gate_names_stream_split_and_feature(statistics, schema, tmp_path):
    write_statistics(people(30, 70), str(tmp_path / "served"))
    moved = _run(statistics, schema, tmp_path, baseline=tmp_path / "served")
    quiet = ExampleAnomalies()
    quiet.split_names = artifact_utils.encode_split_names([])
    broken = ExampleAnomalies()
    broken.uri = str(tmp_path / "broken")
    broken.split_names = artifact_utils.encode_split_names(["eval"])
    (tmp_path / "broken" / "Split-eval").mkdir(parents=True)
    anomalies = anomalies_pb2.Anomalies()
    anomalies.anomaly_info["value"].description = "too large"
    (tmp_path / "broken" / "Split-eval" / "SchemaDiff.pb").write_bytes(anomalies.SerializeToString())
    AnomalyGate.test_call(interactions=quiet, items=quiet, interactions_shift=quiet, items_shift=quiet)
    with pytest.raises(AnomalyError) as caught:
        AnomalyGate.test_call(interactions=broken, items=quiet, interactions_shift=moved, items_shift=quiet)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("the data break their schema")
    assert lines[1] == "  interactions/eval: value: too large"
    assert "(drift)" in lines[2]
    assert lines[3].startswith("  interactions/train: user_sex: drift: ")


def test_what_is_compared_with_decides_whether_ml_metadata_reuses(statistics, schema, tmp_path):
    def compared(**changes):
        arguments = {"baseline": tmp_path / "served", "requests": RequestLog(tmp_path / "log"), **changes}
        node = drift_validator(as_channel([statistics]), as_channel([schema]), "train", **arguments)
        return node.exec_properties["compared"]

    write_statistics(people(30, 70), str(tmp_path / "served"))
    _requests(tmp_path / "log", 8, 2)
    seen = [compared(), compared(baseline=None), compared(requests=None), compared()]
    assert seen[3] == seen[0]
    write_statistics(people(70, 30), str(tmp_path / "served"))
    seen.append(compared())
    _requests(tmp_path / "log", 8, 3)
    seen.append(compared())
    assert len(set(seen)) == 5
