"""Raw interactions and items, read back from the pipeline's examples."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import tensorflow as tf

from pipeline.canonical import CORPUS
from schemas.features import DType, Feature, FeatureSet, Stream

_BATCH = 4096
_DTYPES = {DType.STRING: tf.string, DType.INT: tf.int64, DType.FLOAT: tf.float32}


def read_interactions(
    examples_dir: str, features: FeatureSet, split: str, names: Collection[str] | None = None
) -> pa.Table:
    """Reads a split of the interaction stream.

    Args:
      examples_dir: Artifact folder of the stream's ExampleGen.
      features: The declared features.
      split: The split.
      names: The features that are wanted; by default all.

    Returns:
      A column for each feature, in the order of their declaration: of one value, null where it is
      absent, or a list, empty where it is absent.
    """
    wanted = [f for f in features.of(Stream.INTERACTIONS) if names is None or f.name in names]
    return _read(examples_dir, wanted, split)


def read_items(examples_dir: str, features: FeatureSet, names: Collection[str]) -> pa.Table:
    """Reads the item stream.

    Args:
      examples_dir: Artifact folder of the stream's ExampleGen.
      features: The declared features.
      names: The features that are wanted.

    Returns:
      A column for each feature, as :func:`read_interactions` has them.
    """
    wanted = [f for f in features.of(Stream.ITEMS) if f.name in names]
    return _read(examples_dir, wanted, CORPUS)


def _read(examples_dir: str, wanted: Sequence[Feature], split: str) -> pa.Table:
    """Some features of a split, batch by batch."""
    spec = {feature.name: tf.io.VarLenFeature(_DTYPES[feature.dtype]) for feature in wanted}
    files = sorted(tf.io.gfile.glob(f"{examples_dir}/Split-{split}/*.gz"))
    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_BATCH)
    chunks: dict[str, list[pa.Array]] = {feature.name: [] for feature in wanted}
    for batch in dataset:
        parsed = tf.io.parse_example(batch, spec)
        for feature in wanted:
            chunks[feature.name].append(_column(feature, parsed[feature.name]))
    return pa.table({f.name: pa.chunked_array(chunks[f.name], _arrow_type(f)) for f in wanted})


def _column(feature: Feature, sparse: tf.SparseTensor) -> pa.Array:
    """One feature of a batch."""
    values = pa.array(sparse.values.numpy(), _arrow_type(feature, is_list=False))
    num_rows = int(sparse.dense_shape[0])
    rows = sparse.indices.numpy()[:, 0]
    if feature.is_list:
        ends = np.cumsum(np.bincount(rows, minlength=num_rows))
        return pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), values)
    present = np.zeros(num_rows, bool)
    present[rows] = True
    # The position of each present value; null, and so a null value, elsewhere.
    return values.take(pa.array(np.cumsum(present) - 1, mask=~present))


def _arrow_type(feature: Feature, is_list: bool | None = None) -> pa.DataType:
    """As the canonical tables have it."""
    kind = {DType.STRING: pa.string(), DType.INT: pa.int64(), DType.FLOAT: pa.float32()}[feature.dtype]
    return pa.list_(kind) if (feature.is_list if is_list is None else is_list) else kind
