"""One shard in, one shard out: Beam steps whose elements are file names.

Which records stand in which shard, and in what order, is then what it is in the input, on every Beam
runner and in every run. A worker holds a batch of records, never a split.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import apache_beam as beam
import tensorflow as tf
from tfx.components.util import examples_utils
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples

from pipeline.errors import InputError

# Five times as fast as zlib's usual 6, for files a third larger.
_GZIP_LEVEL = 1
# Beside the splits' folders: whoever reads a split reads every file in its folder.
_UNFINISHED = "unfinished"


@dataclass(frozen=True)
class Shard:
    """One file to make from one file.

    Attributes:
      source: The file to read.
      artifact: Folder of the Examples artifact to write into.
      split: The split.
      name: Name of the file to write.
    """

    source: str
    artifact: str
    split: str
    name: str


def find_files(pattern: str) -> list[str]:
    """The files of a pattern, in the order of their names.

    Raises:
      InputError: There is none.
    """
    files = sorted(fileio.glob(pattern))
    if not files:
        raise InputError(f"no file matches {pattern}")
    return files


def shard_name(number: int, count: int) -> str:
    """Name of a shard of examples, as TFX gives it."""
    return f"data_tfrecord-{number:05d}-of-{count:05d}.gz"


def write_shard(shard: Shard, batches: Iterable[Iterable[bytes]]) -> None:
    """Writes serialized examples as a gzipped TFRecord file; it appears whole or not at all.

    Args:
      shard: Says where to.
      batches: The examples, in order.
    """
    # A runner may try a shard twice, even at the same time.
    unfinished = os.path.join(shard.artifact, _UNFINISHED, f"{shard.split}-{shard.name}-{uuid.uuid4().hex}")
    options = tf.io.TFRecordOptions("GZIP", compression_level=_GZIP_LEVEL)
    with tf.io.TFRecordWriter(unfinished, options) as writer:
        for batch in batches:
            for example in batch:
                writer.write(example)
    target = os.path.join(split_folder(shard.artifact, shard.split), shard.name)
    fileio.rename(unfinished, target, overwrite=True)


def split_folder(artifact: str, split: str) -> str:
    """Folder of a split in an Examples artifact."""
    return os.path.join(artifact, f"Split-{split}")


def make_examples(
    pipeline: beam.Pipeline, shards: Sequence[Shard], write: beam.DoFn, output: Examples
) -> None:
    """Runs a pipeline that writes an Examples artifact shard by shard.

    Args:
      pipeline: An empty pipeline.
      shards: What to write, the splits in their order.
      write: Takes a :class:`Shard` and writes it.
      output: The artifact; gets its splits and formats.
    """
    splits = list(dict.fromkeys(shard.split for shard in shards))
    unfinished = os.path.join(output.uri, _UNFINISHED)
    for folder in (unfinished, *(split_folder(output.uri, split) for split in splits)):
        fileio.makedirs(folder)
    with pipeline:
        _ = pipeline | "Shards" >> beam.Create(shards) | beam.Reshuffle() | "WriteShards" >> beam.ParDo(write)
    fileio.rmtree(unfinished)  # holds what killed workers left
    output.split_names = artifact_utils.encode_split_names(splits)
    examples_utils.set_payload_format(output, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(output, "tfrecords_gzip")
