"""Arrow tables as `tf.Example`s."""

import pyarrow as pa
import pytest
import tensorflow as tf

from pipeline.components.parquet_example_gen import encode_examples


def _decode(serialized):
    """A `tf.Example` as a dictionary; a feature that is absent is not in it."""
    features = tf.train.Example.FromString(serialized).features.feature
    return {
        name: list(getattr(feature, feature.WhichOneof("kind")).value)
        for name, feature in features.items()
        if feature.WhichOneof("kind") is not None
    }


def test_zeros_and_empty_texts_are_values_and_nulls_are_absent():
    table = pa.table(
        {
            "text": ["", None, "用户"],
            "whole": pa.array([0, 7, None], pa.int64()),
            "real": pa.array([None, 0.0, 1.5], pa.float32()),
            "list": pa.array([["a", "b"], [], None], pa.list_(pa.string())),
        }
    )
    assert [_decode(example) for example in encode_examples(table)] == [
        {"text": [b""], "whole": [0], "list": [b"a", b"b"]},
        {"whole": [7], "real": [0.0], "list": []},
        {"text": ["用户".encode()], "real": [1.5]},
    ]


@pytest.mark.parametrize("rows", [0, 1, 4096, 4097, 9000])
def test_every_row_is_encoded_once_and_in_order(rows):
    table = pa.table({"x": pa.array(range(rows), pa.int64())})
    chunked = pa.concat_tables([table.slice(0, rows // 3), table.slice(rows // 3)])
    assert [_decode(example).get("x") for example in encode_examples(chunked)] == [[i] for i in range(rows)]


def test_wide_and_narrow_types_become_those_of_examples():
    table = pa.table(
        {
            "f64": pa.array([0.5], pa.float64()),
            "i8": pa.array([3], pa.int8()),
            "dictionary": pa.array(["a"]).dictionary_encode().cast(pa.string()),
        }
    )
    assert _decode(next(encode_examples(table))) == {"f64": [0.5], "i8": [3], "dictionary": [b"a"]}
