"""Transformed examples, shard by shard, from a real Transform graph."""

import json

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import TransformGraph

from pipeline.components.materializer import Materializer
from pipeline.errors import InputError
from tests.pipeline.components.examples import (
    BEAM_ARGS,
    examples_artifact,
    files,
    in_another_process,
    read_shard,
)
from tests.trainer.tfrecords import write_examples

LENGTH = 3
RAW_SPEC = {
    "place": tf.io.FixedLenFeature([], tf.int64),
    "name": tf.io.VarLenFeature(tf.string),
    "age": tf.io.VarLenFeature(tf.float32),
    "names": tf.io.VarLenFeature(tf.string),
    "numbers": tf.io.VarLenFeature(tf.float32),
}
ROWS = [
    {"place": 0, "name": "电影", "age": 20.0, "names": ["a", "", "用户"], "numbers": [1.0, 2.0, 3.0]},
    {"place": 1},
    {"place": 2, "name": "", "age": 40.0, "names": ["b"], "numbers": [0.0]},
]
TRANSFORMED = [
    {
        "place": [0],
        "name": ["电影".encode()],
        "age": [-1.0],
        "names": [b"a", b"", "用户".encode()],
        "indices": [1, 1, 2],
        "numbers": [1.0, 2.0, 3.0],
    },
    {
        "place": [1],
        "name": [b"none"],
        "age": [0.0],
        "names": [b""] * 3,
        "indices": [-1] * 3,
        "numbers": [0.0] * 3,
    },
    {
        "place": [2],
        "name": [b""],
        "age": [1.0],
        "names": [b"b", b"", b""],
        "indices": [1, -1, -1],
        "numbers": [0.0] * 3,
    },
]


def _preprocess(inputs):
    """Outputs of each type, of one value and of several."""

    def one(x, default):
        x = tf.SparseTensor(x.indices, x.values, [x.dense_shape[0], 1])
        return tf.squeeze(tf.sparse.to_dense(x, default), axis=1)

    def several(x, default):
        return tf.RaggedTensor.from_sparse(x).to_tensor(default, shape=[None, LENGTH])

    lengths = tf.SparseTensor(
        inputs["names"].indices,
        tf.strings.length(inputs["names"].values, unit="UTF8_CHAR"),
        inputs["names"].dense_shape,
    )
    return {
        "place": inputs["place"],
        "name": one(inputs["name"], "none"),
        "age": one(tft.scale_to_z_score(inputs["age"]), 0.0),
        "names": several(inputs["names"], ""),
        "indices": several(tf.sparse.map_values(lambda x: tf.cast(tf.maximum(x, 1), tf.int64), lengths), -1),
        "numbers": several(inputs["numbers"], 0.0),
    }


def write_graph(folder, preprocessing_fn=_preprocess):
    """A Transform graph as TFX's Transform leaves it."""
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(RAW_SPEC))
    rows = [{"place": 0, "name": [], "age": [age], "names": [], "numbers": []} for age in (20.0, 40.0)]
    with beam.Pipeline(argv=BEAM_ARGS) as pipeline, tft_beam.Context(temp_dir=str(folder / "temp")):
        data = pipeline | beam.Create(rows)
        transform_fn = (data, metadata) | tft_beam.AnalyzeDataset(preprocessing_fn)
        _ = transform_fn | tft_beam.WriteTransformFn(str(folder))
        raw_dir = str(folder / tft.TFTransformOutput.RAW_METADATA_DIR)
        _ = metadata | tft_beam.WriteMetadata(raw_dir, pipeline)
    return folder


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    return write_graph(tmp_path_factory.mktemp("graph"))


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Two splits; the training split has three shards, one of them empty."""
    folder = tmp_path_factory.mktemp("raw")
    shards = {
        "train/a-00000.gz": ROWS,
        "train/b-00001.gz": [],
        "train/c-00002.gz": [{"place": i, "names": [str(i)]} for i in range(9000)],
        "eval/a-00000.gz": ROWS[::-1],
    }
    for name, rows in shards.items():
        path = folder / f"Split-{name}"
        path.parent.mkdir(exist_ok=True)
        write_examples(path, rows)
    return folder


def _run(raw, graph, output, splits):
    """Calls the component's function as its executor does."""
    transform_graph = TransformGraph()
    transform_graph.uri = str(graph)
    artifact = examples_artifact(output)
    Materializer.test_call(
        examples=examples_artifact(raw),
        transform_graph=transform_graph,
        transformed_examples=artifact,
        splits=json.dumps(splits),
        code="",
        pipeline=beam.Pipeline(argv=BEAM_ARGS),
    )
    return artifact


def test_each_shard_is_transformed_into_one_of_the_same_name_and_order(raw, graph, tmp_path):
    artifact = _run(raw, graph, tmp_path, ["train", "eval"])
    assert artifact_utils.decode_split_names(artifact.split_names) == ["train", "eval"]
    assert artifact.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"
    assert files(tmp_path).keys() == files(raw).keys()
    assert read_shard(tmp_path / "Split-train/a-00000.gz") == TRANSFORMED
    assert read_shard(tmp_path / "Split-train/b-00001.gz") == []
    assert read_shard(tmp_path / "Split-eval/a-00000.gz") == TRANSFORMED[::-1]
    long = read_shard(tmp_path / "Split-train/c-00002.gz")
    assert [(row["place"], row["names"][0]) for row in long] == [([i], b"%d" % i) for i in range(9000)]


def test_the_transformed_spec_parses_what_the_graph_makes_of_the_same_rows(raw, graph, tmp_path):
    _run(raw, graph, tmp_path, ["train"])
    output = tft.TFTransformOutput(str(graph))

    def batch(folder):
        file = str(folder / "Split-train/a-00000.gz")
        return next(iter(tf.data.TFRecordDataset(file, compression_type="GZIP").batch(10)))

    parsed = tf.io.parse_example(batch(tmp_path), output.transformed_feature_spec())
    expected = output.transform_features_layer()(tf.io.parse_example(batch(raw), output.raw_feature_spec()))
    assert parsed.keys() == expected.keys() == TRANSFORMED[0].keys()
    for name, values in expected.items():
        assert parsed[name].dtype == values.dtype
        np.testing.assert_array_equal(parsed[name], values, err_msg=name)


def test_only_the_splits_that_were_asked_for(raw, graph, tmp_path):
    _run(raw, graph, tmp_path, ["eval"])
    assert list(files(tmp_path)) == ["Split-eval/a-00000.gz"]
    assert [path.name for path in tmp_path.iterdir()] == ["Split-eval"]


def test_a_split_without_shards_is_named(raw, graph, tmp_path):
    with pytest.raises(InputError, match=r"no file matches .*Split-test/\*\.gz"):
        _run(raw, graph, tmp_path, ["test"])


def test_a_sparse_output_is_refused(raw, tmp_path):
    graph = write_graph(tmp_path / "graph", lambda inputs: {"names": inputs["names"]})
    with pytest.raises(ValueError, match="the Transform output 'names' must be dense"):
        _run(raw, graph, tmp_path / "out", ["eval"])


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(raw, graph, tmp_path):
    _run(raw, graph, tmp_path / "here", ["train", "eval"])
    in_another_process(__name__, "_run", raw, graph, tmp_path / "there", ["train", "eval"])
    assert files(tmp_path / "here") == files(tmp_path / "there")
