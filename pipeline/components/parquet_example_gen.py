"""ExampleGen for Parquet that works on Arrow batches.

TFX's own Parquet executor turns every row into a Python dictionary and takes a zero for a missing
value; this one hands whole record batches to tfx-bsl's encoder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs

_ROWS_PER_BATCH = 4096


def _encodable(kind: pa.DataType) -> pa.DataType:
    """The type in which the encoder takes values of a type."""
    if pa.types.is_list(kind):
        return pa.list_(_encodable(kind.value_type))
    if pa.types.is_floating(kind):
        return pa.float32()
    if pa.types.is_integer(kind):
        return pa.int64()
    return pa.binary()


def _as_lists(column: pa.ChunkedArray) -> pa.Array:
    """A column as lists of encodable values.

    A scalar becomes a list of one value; a null becomes a null list (an absent feature).
    """
    column = column.cast(_encodable(column.type))
    # pyarrow 10 keeps a column without rows chunked.
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if pa.types.is_list(array.type):
        return array
    present = array.is_valid()
    ends = np.cumsum(present.to_numpy(zero_copy_only=False), dtype=np.int32)
    lists = pa.ListArray.from_arrays(pa.array(np.append(np.int32(0), ends), pa.int32()), array.drop_null())
    return lists if array.null_count == 0 else pc.if_else(present, lists, pa.scalar(None, lists.type))


def encode_examples(table: pa.Table) -> Iterator[bytes]:
    """Encodes the rows of a table as serialized `tf.Example`s.

    Args:
      table: Columns of strings, integers or floats, or lists of them. A null is an absent
        feature; a zero and an empty string are values.

    Yields:
      One serialized `tf.Example` a row.
    """
    from tfx_bsl.coders import example_coder

    for start in range(0, table.num_rows, _ROWS_PER_BATCH):
        batch = table.slice(start, _ROWS_PER_BATCH)
        arrays = [_as_lists(column) for column in batch.columns]
        yield from example_coder.RecordBatchToExamplesEncoder().encode(
            pa.RecordBatch.from_arrays(arrays, names=batch.column_names)
        )


@beam.ptransform_fn
@beam.typehints.with_input_types(beam.Pipeline)
@beam.typehints.with_output_types(bytes)
def _parquet_to_examples(
    pipeline: beam.Pipeline, exec_properties: dict[str, Any], split_pattern: str
) -> beam.PCollection:
    """Reads one split's files and encodes them."""
    pattern = os.path.join(exec_properties[standard_component_specs.INPUT_BASE_KEY], split_pattern)
    return (
        pipeline
        | "ReadParquet" >> beam.io.ReadFromParquetBatched(pattern)
        | "EncodeExamples" >> beam.FlatMap(encode_examples)
    )


class ParquetExecutor(BaseExampleGenExecutor):
    """Writes Parquet rows as `tf.Example`s, each input split a split of its own."""

    def GetInputSourceToExamplePTransform(self) -> Callable[..., beam.PTransform]:  # noqa: N802  (TFX's name)
        """The transform from input files to examples."""
        return _parquet_to_examples


def parquet_example_gen(input_base: str, splits: tuple[str, ...]) -> FileBasedExampleGen:
    """An ExampleGen over `input_base/SPLIT/*.parquet`.

    Args:
      input_base: Folder with one folder a split.
      splits: The splits' names.
    """
    # ExampleGen would part a lone input split into `train` and `eval`.
    whole = example_gen_pb2.SplitConfig(
        splits=[example_gen_pb2.SplitConfig.Split(name=splits[0], hash_buckets=1)]
    )
    return FileBasedExampleGen(
        input_base=input_base,
        input_config=example_gen_pb2.Input(
            splits=[example_gen_pb2.Input.Split(name=s, pattern=f"{s}/*.parquet") for s in splits]
        ),
        output_config=example_gen_pb2.Output(split_config=whole) if len(splits) == 1 else None,
        custom_executor_spec=executor_spec.BeamExecutorSpec(ParquetExecutor),
    )
