"""ExampleGen for Parquet: each file becomes one shard of examples, its rows in their order.

TFX's own executor turns every row into a Python dictionary, takes a zero for a missing value and
shuffles all rows; this one hands record batches to tfx-bsl's encoder and shuffles file names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from google.protobuf import any_pb2, struct_pb2
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.proto import example_gen_pb2
from tfx.types import Artifact, artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from pipeline.code_digest import code_digest
from pipeline.components.encoding import encode_columns
from pipeline.components.shards import Shard, find_files, make_examples, shard_name, write_shard

_ROWS_PER_BATCH = 4096
_CODE = [f"pipeline/components/{name}.py" for name in ("encoding", "parquet_example_gen", "shards")]


def _encodable(kind: pa.DataType) -> pa.DataType:
    """The type in which the encoder takes values of a type."""
    if pa.types.is_list(kind):
        return pa.list_(_encodable(kind.value_type))
    if pa.types.is_floating(kind):
        return pa.float32()
    if pa.types.is_integer(kind):
        return pa.int64()
    return pa.binary()


def as_lists(column: pa.ChunkedArray) -> pa.Array:
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
    """Encodes the rows of a table as serialized `tf.Example`s, a batch at a time.

    Args:
      table: Columns of strings, integers or floats, or lists of them. A null is an absent
        feature; a zero and an empty string are values.

    Yields:
      One serialized `tf.Example` a row.
    """
    for start in range(0, table.num_rows, _ROWS_PER_BATCH):
        batch = table.slice(start, _ROWS_PER_BATCH)
        yield from encode_columns({name: as_lists(batch[name]) for name in batch.column_names})


class _WriteShard(beam.DoFn):
    """Makes a shard of examples from a Parquet file."""

    def process(self, shard: Shard) -> None:
        """Reads and writes batch by batch."""
        # Parquet has compression of its own.
        with FileSystems.open(shard.source, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            batches = pq.ParquetFile(file).iter_batches(_ROWS_PER_BATCH)
            write_shard(shard, (encode_examples(pa.Table.from_batches([batch])) for batch in batches))


class ParquetExecutor(BaseBeamExecutor):
    """Writes Parquet rows as `tf.Example`s: a split for each input split, a shard for each file."""

    def Do(  # noqa: N802  (TFX's name)
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the artifact `examples`.

        Raises:
          InputError: A split has no file.
        """
        examples = artifact_utils.get_single_instance(output_dict[standard_component_specs.EXAMPLES_KEY])
        config = example_gen_pb2.Input()
        proto_utils.json_to_proto(exec_properties[standard_component_specs.INPUT_CONFIG_KEY], config)
        base = exec_properties[standard_component_specs.INPUT_BASE_KEY]
        shards = []
        for split in config.splits:
            files = find_files(os.path.join(base, split.pattern))
            shards += [
                Shard(file, examples.uri, split.name, shard_name(i, len(files)))
                for i, file in enumerate(files)
            ]
        make_examples(self._make_beam_pipeline(), shards, _WriteShard(), examples)


def parquet_example_gen(input_base: str, splits: tuple[str, ...]) -> FileBasedExampleGen:
    """An ExampleGen over `input_base/SPLIT/*.parquet`.

    TFX's driver asks for a new execution if the names, sizes or times of the files have changed.

    Args:
      input_base: Folder with one folder a split.
      splits: The splits' names.
    """
    code = struct_pb2.Struct()  # so that changed code is not answered from the cache
    code["code"] = code_digest(*_CODE)
    packed = any_pb2.Any()
    packed.Pack(code)
    return FileBasedExampleGen(
        input_base=input_base,
        input_config=example_gen_pb2.Input(
            splits=[example_gen_pb2.Input.Split(name=s, pattern=f"{s}/*.parquet") for s in splits]
        ),
        # Without a configuration a lone input split would be said to become `train` and `eval`.
        output_config=example_gen_pb2.Output(),
        custom_config=example_gen_pb2.CustomConfig(custom_config=packed),
        custom_executor_spec=BeamExecutorSpec(ParquetExecutor),
    )
