"""JSON of the client."""

import json

import numpy as np
import pytest

from serving.client.model import ModelTarget
from serving.client.rest_codec import RestCodec

CODEC = RestCodec()


def _read(outputs, names=()):
    return CODEC.predict(ModelTarget("m"), "s", {}, names).read(json.dumps({"outputs": outputs}).encode())


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (ModelTarget("m"), "/v1/models/m"),
        (ModelTarget("a/b c", version=3), "/v1/models/a%2Fb%20c/versions/3"),
        (ModelTarget("m", label="ö"), "/v1/models/m/labels/%C3%B6"),
    ],
)
def test_paths(target, path):
    assert CODEC.status(target).path == path
    assert CODEC.metadata(target).path == f"{path}/metadata"
    assert CODEC.predict(target, "s", {}, []).path == f"{path}:predict"
    assert CODEC.status(target).body is None


def test_a_target_is_checked():
    with pytest.raises(ValueError, match="not for both"):
        ModelTarget("m", version=1, label="stable")
    with pytest.raises(ValueError, match="needs the name"):
        ModelTarget("")


def test_inputs_become_columns():
    inputs = {"x": np.float32([[1.5, np.nan]]), "k": np.int32([3]), "b": [True], "s": ["ä", b"\xff\x00"]}
    call = CODEC.predict(ModelTarget("m"), "top_k", {**inputs, "none": np.empty((1, 0), np.object_)}, [])
    assert b"[1.5, NaN]" in call.body
    body = json.loads(call.body)
    assert body["signature_name"] == "top_k"
    assert body["inputs"]["s"] == ["ä", {"b64": "/wA="}]
    assert (body["inputs"]["k"], body["inputs"]["b"], body["inputs"]["none"]) == ([3], [True], [[]])
    with pytest.raises(TypeError, match="complex"):
        CODEC.predict(ModelTarget("m"), "s", {"x": np.complex64([1])}, [])


def test_outputs_by_name():
    outputs = _read({"i": [[1], [2]], "f": [1.5, float("inf")], "s": ["a", {"b64": "/wA="}], "b": [True]})
    assert outputs["i"].dtype == np.int64
    assert outputs["f"].tolist() == [1.5, float("inf")]
    assert outputs["s"].tolist() == [b"a", b"\xff\x00"]
    assert outputs["b"].dtype == np.bool_
    assert list(_read({"a": [1], "b": [2]}, ["b"])) == ["b"]


def test_an_only_output_has_the_name_that_was_asked_for():
    assert _read([1.0])["outputs"].tolist() == [1.0]
    assert _read([1.0], ["y"])["y"].tolist() == [1.0]
    assert _read({"b64": "/wA="}, ["y_bytes"])["y_bytes"].item() == b"\xff\x00"
