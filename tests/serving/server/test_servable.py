"""A servable: loaded into a session, run by the names of tensors."""

import shutil
import time

import numpy as np
import pytest
import tensorflow as tf

from serving.server.servable import load_servable
from serving.server.status import Code, ServingError
from tests.serving.server.half_plus_two import write_half_plus_two


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "1"
    write_half_plus_two(path)
    return path


@pytest.fixture(scope="module")
def servable(folder):
    loaded = load_servable("half_plus_two", 1, folder)
    yield loaded
    loaded.close()


def test_it_answers(servable):
    signature = servable.signature_defs["serving_default"]
    x, y = signature.inputs["x"].name, signature.outputs["y"].name
    (values,) = servable.run("serving_default", {x: np.float32([[2], [3]])}, [y])
    assert values.tolist() == [[3.0], [3.5]]


def test_every_method_has_a_signature(servable):
    methods = {proto.method_name.rsplit("/", 1)[1] for proto in servable.signature_defs.values()}
    assert methods == {"predict", "classify", "regress"}


def test_examples_are_parsed(servable):
    signature = servable.signature_defs["regress_x_to_y2"]
    example = tf.train.Example()
    example.features.feature["x"].float_list.value.append(80.0)
    feeds = {signature.inputs["inputs"].name: np.array([example.SerializeToString()], object)}
    (values,) = servable.run("regress_x_to_y2", feeds, [signature.outputs["outputs"].name])
    assert values.tolist() == [[43.0]]


def test_what_the_graph_refuses_is_the_callers_fault(servable):
    with pytest.raises(ServingError, match="Could not parse example") as raised:
        servable.run("regress_x_to_y", {"tf_example:0": np.array([b"no example"], object)}, ["y:0"])
    assert raised.value.code == Code.INVALID_ARGUMENT


def test_a_passed_deadline_ends_the_call(servable):
    with pytest.raises(ServingError) as raised:
        servable.run("serving_default", {"x:0": np.float32([[2]])}, ["y:0"], time.monotonic() - 1)
    assert raised.value.code == Code.DEADLINE_EXCEEDED


def test_a_model_without_its_graph_is_not_found(tmp_path):
    with pytest.raises(ServingError, match="Could not find SavedModel") as raised:
        load_servable("m", 1, tmp_path)
    assert raised.value.code == Code.NOT_FOUND


def _break(folder, tmp_path, file):
    """A copy whose file has lost its second half."""
    broken = tmp_path / "1"
    shutil.copytree(folder, broken)
    (path,) = broken.glob(file)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return broken


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.data*", "variables/variables.index"])
def test_a_truncated_file_is_an_error(folder, tmp_path, file):
    with pytest.raises(ServingError):
        load_servable("m", 1, _break(folder, tmp_path, file))
