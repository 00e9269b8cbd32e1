"""Applies a Transform graph to examples, shard by shard.

TFX's Transform can write transformed examples itself, but in an order and into shards that differ from run
to run, and with a split in memory on the local runner. Here it only analyses.
"""

import json
import math
import os
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, TransformGraph

from pipeline.components.encoding import encode_columns
from pipeline.components.shards import Shard, find_files, make_examples, split_folder, write_shard

_ROWS_PER_BATCH = 4096


@component(use_beam=True)
def Materializer(  # noqa: N802  (a TFX component)
    examples: InputArtifact[Examples],
    transform_graph: InputArtifact[TransformGraph],
    transformed_examples: OutputArtifact[Examples],
    splits: Parameter[str],
    code: Parameter[str],
    pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Writes for each shard of raw examples one of the same name with the same rows, transformed.

    `splits` are those to transform, a JSON list, since Kubeflow's parameters are no lists; `code` is a digest
    of the code.

    Raises:
      InputError: A split has no shard.
      ValueError: An output of the graph is not dense.
    """
    shards = [
        Shard(file, transformed_examples.uri, split, os.path.basename(file))
        for split in json.loads(splits)
        for file in find_files(os.path.join(split_folder(examples.uri, split), "*.gz"))
    ]
    make_examples(pipeline, shards, _WriteShard(transform_graph.uri), transformed_examples)


class _WriteShard(beam.DoFn):
    """Makes a shard of transformed examples from one of raw examples."""

    def __init__(self, graph_dir: str):
        """Initializes the step.

        Args:
          graph_dir: Folder of the Transform graph.
        """
        self._graph_dir = graph_dir

    def setup(self) -> None:
        """Loads the graph, once a worker."""
        self._transform = BatchTransform(self._graph_dir)

    def process(self, shard: Shard) -> None:
        """Reads, transforms and writes batch by batch."""
        raw = tf.data.TFRecordDataset(shard.source, compression_type="GZIP").batch(_ROWS_PER_BATCH)
        write_shard(shard, (encode_columns(self._transform(examples)) for examples in raw))


class BatchTransform:
    """A Transform graph, from serialized raw examples to Arrow columns."""

    def __init__(self, graph_dir: str):
        """Loads the graph.

        Args:
          graph_dir: Folder of the Transform graph.

        Raises:
          ValueError: An output is not dense, or of no fixed shape.
        """
        output = tft.TFTransformOutput(graph_dir)
        self._widths = {}
        for name, spec in sorted(output.transformed_feature_spec().items()):
            if not isinstance(spec, tf.io.FixedLenFeature):
                raise ValueError(
                    f"the Transform output '{name}' must be dense and of a fixed shape, not {spec}"
                )
            self._widths[name] = math.prod(spec.shape)
        layer, raw_spec = output.transform_features_layer(), output.raw_feature_spec()

        def transform(examples: tf.Tensor) -> dict[str, Any]:
            outputs = layer(tf.io.parse_example(examples, raw_spec))
            return {name: _flat(outputs[name]) for name in self._widths}

        self._function = tf.function(
            transform, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False
        )

    def __call__(self, examples: tf.Tensor) -> dict[str, pa.Array]:
        """Transforms a batch.

        Args:
          examples: [B] serialized raw examples.

        Returns:
          Output name, in alphabetical order, to B lists of its values.
        """
        outputs = self._function(examples)
        return {name: _lists(outputs[name], width) for name, width in self._widths.items()}


def _flat(values: tf.Tensor) -> Any:
    """All values in a row; strings as one text and their lengths, which need no Python object a value."""
    values = tf.reshape(values, [-1])
    if values.dtype != tf.string:
        return values
    return tf.strings.reduce_join(values), tf.strings.length(values)


def _lists(flat: Any, width: int) -> pa.Array:
    """What :func:`_flat` made, as lists of `width` values."""
    if isinstance(flat, tuple):
        text, lengths = flat[0].numpy(), flat[1].numpy()
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
        values = pa.Array.from_buffers(pa.large_binary(), len(lengths), buffers)
    else:
        values = pa.array(flat.numpy())
    return pa.LargeListArray.from_arrays(np.arange(0, len(values) + 1, width), values)
