"""Arrow tables as `tf.Example`s, and Parquet files as shards of them."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.utils import proto_utils

from pipeline.components.parquet_example_gen import ParquetExecutor, encode_examples, parquet_example_gen
from pipeline.errors import InputError
from tests.pipeline.components.examples import (
    BEAM_ARGS,
    decode,
    examples_artifact,
    files,
    in_another_process,
    read_shard,
)

SCHEMA = pa.schema(
    [
        ("item_id", pa.string()),
        ("timestamp", pa.int64()),
        ("value", pa.float32()),
        ("history_item_ids", pa.list_(pa.string())),
        ("history_values", pa.list_(pa.float32())),
        ("history_times", pa.list_(pa.int64())),
    ]
)
ROWS = [
    {
        "item_id": "a",
        "timestamp": 3,
        "value": 1.5,
        "history_item_ids": ["b", "c"],
        "history_values": [1.0, 2.0],
        "history_times": [1, 2],
    },
    {"item_id": None, "timestamp": 0, "value": None, "history_item_ids": [], "history_values": [0.0]},
    {"item_id": "", "timestamp": 1, "value": 0.0, "history_item_ids": None, "history_times": [7]},
]
DECODED = [
    {
        "item_id": [b"a"],
        "timestamp": [3],
        "value": [1.5],
        "history_item_ids": [b"b", b"c"],
        "history_values": [1.0, 2.0],
        "history_times": [1, 2],
    },
    {"timestamp": [0], "history_item_ids": [], "history_values": [0.0]},
    {"item_id": [b""], "timestamp": [1], "value": [0.0], "history_times": [7]},
]


class TestEncode:
    def test_zeros_and_empty_texts_are_values_and_nulls_are_absent(self):
        table = pa.table(
            {
                "text": ["", None, "用户"],
                "whole": pa.array([0, 7, None], pa.int64()),
                "real": pa.array([None, 0.0, 1.5], pa.float32()),
                "list": pa.array([["a", "b"], [], None], pa.list_(pa.string())),
            }
        )
        assert [decode(example) for example in encode_examples(table)] == [
            {"text": [b""], "whole": [0], "list": [b"a", b"b"]},
            {"whole": [7], "real": [0.0], "list": []},
            {"text": ["用户".encode()], "real": [1.5]},
        ]

    @pytest.mark.parametrize("rows", [0, 1, 4096, 4097, 9000])
    def test_every_row_is_encoded_once_and_in_order(self, rows):
        table = pa.table({"x": pa.array(range(rows), pa.int64())})
        chunked = pa.concat_tables([table.slice(0, rows // 3), table.slice(rows // 3)])
        assert [decode(example).get("x") for example in encode_examples(chunked)] == [
            [i] for i in range(rows)
        ]

    def test_wide_and_narrow_types_become_those_of_examples(self):
        table = pa.table(
            {
                "f64": pa.array([0.5], pa.float64()),
                "i8": pa.array([3], pa.int8()),
                "dictionary": pa.array(["a"]).dictionary_encode().cast(pa.string()),
            }
        )
        assert decode(next(encode_examples(table))) == {"f64": [0.5], "i8": [3], "dictionary": [b"a"]}

    def test_equal_rows_are_equal_bytes(self):
        table = pa.table({f"feature_{i}": [i] * 100 for i in range(20)})
        assert len(set(encode_examples(table))) == 1


def _write(base, split, number, rows, row_group_size=1000):
    folder = base / split
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows, SCHEMA)
    pq.write_table(table, folder / f"part-{number:05d}.parquet", row_group_size=row_group_size)


def _run(base, output, splits):
    """Runs the executor as TFX does, with the properties of the component."""
    artifact = examples_artifact(output)
    config = example_gen_pb2.Input(
        splits=[example_gen_pb2.Input.Split(name=s, pattern=f"{s}/*.parquet") for s in splits]
    )
    properties = {"input_base": str(base), "input_config": proto_utils.proto_to_json(config)}
    context = ParquetExecutor.Context(beam_pipeline_args=[*BEAM_ARGS])
    ParquetExecutor(context).Do({}, {"examples": [artifact]}, properties)
    return artifact


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Two splits; the training split has three files, of which one is empty and one of several row groups."""
    base = tmp_path_factory.mktemp("parquet")
    _write(base, "train", 0, ROWS)
    _write(base, "train", 1, [])
    _write(base, "train", 2, [{"timestamp": i} for i in range(9000)], row_group_size=2500)
    _write(base, "eval", 0, ROWS[::-1])
    return base


class TestShards:
    def test_each_file_becomes_a_shard_with_its_rows_in_order(self, base, tmp_path):
        artifact = _run(base, tmp_path, ["train", "eval"])
        assert artifact_utils.decode_split_names(artifact.split_names) == ["train", "eval"]
        assert artifact.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"
        assert list(files(tmp_path)) == [
            "Split-eval/data_tfrecord-00000-of-00001.gz",
            "Split-train/data_tfrecord-00000-of-00003.gz",
            "Split-train/data_tfrecord-00001-of-00003.gz",
            "Split-train/data_tfrecord-00002-of-00003.gz",
        ]
        train = [
            read_shard(tmp_path / "Split-train" / f"data_tfrecord-{i:05d}-of-00003.gz") for i in range(3)
        ]
        assert train == [DECODED, [], [{"timestamp": [i]} for i in range(9000)]]
        assert read_shard(tmp_path / "Split-eval/data_tfrecord-00000-of-00001.gz") == DECODED[::-1]

    def test_nothing_but_shards_is_left(self, base, tmp_path):
        _run(base, tmp_path, ["eval"])
        assert [path.name for path in tmp_path.iterdir()] == ["Split-eval"]

    @pytest.mark.slow
    def test_another_process_writes_the_same_bytes(self, base, tmp_path):
        _run(base, tmp_path / "here", ["train", "eval"])
        in_another_process(__name__, "_run", base, tmp_path / "there", ["train", "eval"])
        assert files(tmp_path / "here") == files(tmp_path / "there")

    def test_a_split_without_files_is_named(self, base, tmp_path):
        with pytest.raises(InputError, match=r"no file matches .*test/\*\.parquet"):
            _run(base, tmp_path, ["test"])


def test_the_component_has_the_splits_of_its_input():
    for splits in (("corpus",), ("train", "eval")):
        properties = parquet_example_gen("/data", splits).exec_properties
        config = example_gen_pb2.Input()
        proto_utils.json_to_proto(properties["input_config"], config)
        assert tuple(split.name for split in config.splits) == splits
        assert properties["output_config"] == "{}"
