"""Warm-up: answered before a version can be asked, and a version that cannot answer is not served."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from serving.server.manager_options import ManagerOptions
from serving.server.servable import load_servable
from serving.server.server import Server
from serving.server.server_options import ServerOptions
from serving.server.status import Code, ServingError
from serving.server.warmup import MAX_RECORDS, WARMUP_FILE, warm_up
from tests.serving.server.half_plus_two import write_half_plus_two


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("half_plus_two") / "1"
    write_half_plus_two(path)
    return path


@pytest.fixture
def servable(folder):
    loaded = load_servable("half_plus_two", 1, folder)
    yield loaded
    loaded.close()
    (folder / WARMUP_FILE).unlink(missing_ok=True)


def write(folder, *records):
    path = folder / WARMUP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record if isinstance(record, bytes) else record.SerializeToString())


def predict_log(value=1.0):
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32([[value]])))
    return log


def example_logs():
    """One of each kind that takes examples."""
    example = tf.train.Example()
    example.features.feature["x"].float_list.value.append(2.0)
    classify, regress, multi = (prediction_log_pb2.PredictionLog() for _ in range(3))
    classify.classify_log.request.model_spec.signature_name = "classify_x_to_y"
    regress.regress_log.request.model_spec.signature_name = "regress_x_to_y"
    for request in (classify.classify_log.request, regress.regress_log.request):
        request.input.example_list.examples.add().CopyFrom(example)
    request = multi.multi_inference_log.request
    request.input.example_list.examples.add().CopyFrom(example)
    for name, method in [("regress_x_to_y", "regress"), ("classify_x_to_y", "classify")]:
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name, task.model_spec.signature_name = "half_plus_two", name
    return [classify, regress, multi]


def test_without_a_file_there_is_nothing_to_do(folder, servable):
    assert warm_up(servable, folder) == 0


def test_every_kind_of_request_is_answered(folder, servable):
    write(folder, predict_log(), *example_logs(), prediction_log_pb2.PredictionLog())
    assert warm_up(servable, folder) == 5


def test_a_request_that_cannot_be_answered_is_an_error(folder, servable):
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.inputs["nobody"].CopyFrom(tf.make_tensor_proto(np.float32([[1]])))
    write(folder, predict_log(), log)
    with pytest.raises(ServingError, match="nobody"):
        warm_up(servable, folder)


def test_a_record_that_is_none_is_an_error(folder, servable):
    write(folder, b"\xff\xff")
    with pytest.raises(ServingError, match="Failed to parse warmup record"):
        warm_up(servable, folder)


def test_a_file_without_a_whole_record_is_an_error(folder, servable):
    write(folder)
    assert warm_up(servable, folder) == 0
    (folder / WARMUP_FILE).write_bytes(b"nonsense\n")
    with pytest.raises(ServingError, match="no record") as raised:
        warm_up(servable, folder)
    assert raised.value.code == Code.DATA_LOSS


def test_an_unsupported_kind_is_an_error(folder, servable):
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.SetInParent()
    write(folder, log)
    with pytest.raises(ServingError, match="Unsupported log_type") as raised:
        warm_up(servable, folder)
    assert raised.value.code == Code.UNIMPLEMENTED


def test_too_many_requests_are_an_error(folder, servable):
    write(folder, *[predict_log()] * (MAX_RECORDS + 1))
    with pytest.raises(ServingError, match="exceeds the maximum"):
        warm_up(servable, folder)


def test_a_version_whose_file_is_damaged_is_not_served(folder, servable):
    write(folder, predict_log(), predict_log())
    path = folder / WARMUP_FILE
    content = path.read_bytes()
    path.write_bytes(content[:-10])
    server = Server(
        ServerOptions(
            base_path=folder.parent,
            grpc_port=0,
            rest_port=0,
            manager=ManagerOptions(max_num_load_retries=0),
        )
    )
    try:
        with pytest.raises(ServingError, match="verify your warmup data is in TFRecord format"):
            server.start()
        (state,) = server.manager.states("default")
        assert (state.state, state.code) == ("END", Code.DATA_LOSS)
    finally:
        server.stop()
