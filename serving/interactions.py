"""Raw interactions, read back from the pipeline's examples."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import tensorflow as tf

from schemas.features import DType, Feature, FeatureSet, Stream

_BATCH = 4096
_DTYPES = {DType.STRING: tf.string, DType.INT: tf.int64, DType.FLOAT: tf.float32}


def read_interactions(examples_dir: str, features: FeatureSet, split: str) -> pa.Table:
    """Reads a split of the interaction stream, histories left out.

    Args:
      examples_dir: Artifact folder of the stream's ExampleGen.
      features: The declared features.
      split: The split.

    Returns:
      A column for each feature of one value; null where it is absent.
    """
    scalars = [feature for feature in features.of(Stream.INTERACTIONS) if not feature.is_list]
    spec = {feature.name: tf.io.VarLenFeature(_DTYPES[feature.dtype]) for feature in scalars}
    files = sorted(tf.io.gfile.glob(f"{examples_dir}/Split-{split}/*.gz"))
    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_BATCH)
    batches = [tf.io.parse_example(batch, spec) for batch in dataset]
    return pa.table({feature.name: _column(feature, batches) for feature in scalars})


def _column(feature: Feature, batches: list[dict[str, tf.SparseTensor]]) -> pa.ChunkedArray:
    """One feature of all batches."""
    chunks = []
    for batch in batches:
        sparse = batch[feature.name]
        present = np.zeros(sparse.dense_shape[0], bool)
        present[sparse.indices.numpy()[:, 0]] = True
        values = pa.array(sparse.values.numpy())
        if feature.dtype == DType.STRING:
            values = values.cast(pa.string())
        # The position of each present value; null, and so a null value, elsewhere.
        positions = pa.array(np.cumsum(present) - 1, mask=~present)
        chunks.append(values.take(positions))
    return pa.chunked_array(chunks)
