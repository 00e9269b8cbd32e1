"""Copies of a step's inputs, and delivery of its outputs."""

import uuid
from pathlib import Path

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.errors import InputError
from pipeline.object_store import ObjectStore
from pipeline.runners.staging import Staging


@pytest.fixture
def store():
    return ObjectStore(f"memory://{uuid.uuid4().hex}")


def _call(store, **parameters):
    """What a platform tells a step with one input and one output."""
    message = {
        "inputs": {
            "artifacts": {"examples": {"artifacts": [{"name": "e", "uri": store.at("examples")}]}},
            "parameterValues": parameters,
        },
        "outputs": {
            "artifacts": {"model": {"artifacts": [{"name": "m", "uri": store.at("model")}]}},
            "outputFile": store.at("executor_output.json"),
        },
    }
    return json_format.ParseDict(message, pipeline_spec_pb2.ExecutorInput())


def _uri(artifacts, name):
    return artifacts[name].artifacts[0].uri


def _say(local, *uris):
    """Writes what TFX's entry point writes of a step's outputs."""
    said = pipeline_spec_pb2.ExecutorOutput()
    for uri in uris:
        said.artifacts["model"].artifacts.add(name="m", uri=uri)
    with open(local.outputs.output_file, "w") as file:
        file.write(json_format.MessageToJson(said))


def _said(store):
    text = store.read("executor_output.json").decode()
    return json_format.Parse(text, pipeline_spec_pb2.ExecutorOutput())


def test_a_step_reads_copies_and_its_outputs_are_uploaded_whole(store, tmp_path):
    store.write("examples/Split-train/a", b"1")
    store.write("model/left/by/an/earlier/try", b"old")
    call = _call(store, rate=0.5, name="x", empty="")
    with Staging(tmp_path / "s") as staging:
        local = staging.localise(call)
        examples, model = (tmp_path / "s").rglob("Split-train/a"), _uri(local.outputs.artifacts, "model")
        assert next(examples).read_bytes() == b"1"
        assert local.inputs.parameter_values == call.inputs.parameter_values
        with open(f"{model}/saved_model.pb", "wb") as file:
            file.write(b"graph")
        _say(local, model)
        assert store.read("executor_output.json") is None
        staging.deliver(call)
    assert store.names("model") == ["model/saved_model.pb"]
    assert _uri(_said(store).artifacts, "model") == store.at("model")
    assert not (tmp_path / "s").exists()


def test_an_input_that_was_left_empty_is_an_empty_folder(store, tmp_path):
    with Staging(tmp_path / "s") as staging:
        local = staging.localise(_call(store))
        folder = _uri(local.inputs.artifacts, "examples")
        assert list((tmp_path / "s" / "inputs").iterdir()) == [Path(folder)]
        assert not any(Path(folder).iterdir())


def test_an_address_that_a_step_gives_itself_stays(store, tmp_path):
    call = _call(store)
    with Staging(tmp_path / "s") as staging:
        _say(staging.localise(call), "gs://bucket/bundle/versions/3")
        staging.deliver(call)
    assert _uri(_said(store).artifacts, "model") == "gs://bucket/bundle/versions/3"


def test_parameters_that_are_files_are_fetched_and_the_destination_is_not(store, tmp_path):
    store.write("data/items/corpus/a.parquet", b"a")
    store.write("data/users.parquet", b"u")
    names = ("versions/1/manifest.json", "versions/1/exact/ranking/saved_model.pb", "serving/labels.json")
    for name in names:
        store.write(f"bundle/{name}", name.encode())
    call = _call(
        store,
        input_base=store.at("data/items"),
        users_file=store.at("data/users.parquet"),
        served=store.at("bundle"),
        destination=store.at("bundle"),
    )
    with Staging(tmp_path / "s") as staging:
        values = staging.localise(call).inputs.parameter_values
        told = {name: Path(value.string_value) for name, value in values.items()}
        assert (told["input_base"] / "corpus" / "a.parquet").read_bytes() == b"a"
        assert told["users_file"].read_bytes() == b"u"
        assert told["users_file"].name == "users.parquet"
        served = [path for path in told["served"].rglob("*") if path.is_file()]
        assert served == [told["served"] / "versions" / "1" / "manifest.json"]
        assert values["destination"].string_value == store.at("bundle")


def test_a_parameter_that_leads_nowhere_is_a_message(store, tmp_path):
    with (
        Staging(tmp_path / "s") as staging,
        pytest.raises(InputError, match=r"nothing stands at .*/gone, .* users_file"),
    ):
        staging.localise(_call(store, users_file=store.at("gone")))


def test_places_are_the_same_when_a_step_is_tried_again(store, tmp_path):
    store.write("examples/a", b"1")
    places = []
    for _ in range(2):
        with Staging(tmp_path / "s") as staging:
            places.append(_uri(staging.localise(_call(store)).inputs.artifacts, "examples"))
    assert places[0] == places[1]


def test_what_a_failing_step_wrote_is_not_delivered(store, tmp_path):
    with pytest.raises(RuntimeError), Staging(tmp_path / "s") as staging:  # noqa: PT012
        local = staging.localise(_call(store))
        with open(f"{_uri(local.outputs.artifacts, 'model')}/half", "wb") as file:
            file.write(b"half")
        raise RuntimeError("killed")
    assert store.names() == []


def test_a_trainer_is_told_a_folder_that_is_mirrored(store, tmp_path):
    store.write("checkpoints/Ranking/k/checkpoint", b"epoch 3")
    call = _call(store, checkpoint_dir=store.at("checkpoints/Ranking"))
    with Staging(tmp_path / "s") as staging:
        local = staging.localise(call)
        folder = Path(local.inputs.parameter_values["checkpoint_dir"].string_value)
        assert (folder / "k" / "checkpoint").read_bytes() == b"epoch 3"
        (folder / "k" / "checkpoint").write_bytes(b"epoch 4")
        _say(local)
        staging.deliver(call)
    assert store.read("checkpoints/Ranking/k/checkpoint") == b"epoch 4"


def test_of_those_that_train_together_the_others_write_nothing(store, tmp_path):
    store.write("checkpoints/k/checkpoint", b"epoch 3")
    call, before = _call(store, checkpoint_dir=store.at("checkpoints")), store.names()
    with Staging(tmp_path / "s", delivers=False) as staging:
        local = staging.localise(call)
        checkpoint = Path(local.inputs.parameter_values["checkpoint_dir"].string_value, "k", "checkpoint")
        assert checkpoint.read_bytes() == b"epoch 3"
        checkpoint.unlink()
        Path(_uri(local.outputs.artifacts, "model"), "weights").write_bytes(b"w")
        _say(local, _uri(local.outputs.artifacts, "model"))
        staging.deliver(call)
    assert store.names() == before
