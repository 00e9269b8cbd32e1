"""Arrow columns as serialized `tf.Example`s, always the same bytes for the same values."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa


def encode_columns(columns: Mapping[str, pa.Array]) -> list[bytes]:
    """Encodes columns as serialized `tf.Example`s.

    A `tf.Example` holds its features in a map, and tfx-bsl writes the entries of a map in an order that
    differs from row to row and from process to process. So each column is encoded alone, and a row's parts
    are joined: protocol buffers, TensorFlow's and tfx-bsl's parsers among them, read messages that stand
    one after another as one message. Constant order is also what makes TensorFlow parse them fast.

    Args:
      columns: Feature name to lists of int64, float32 or bytes, a list a row. A null list is an absent
        feature.

    Returns:
      One serialized `tf.Example` a row, features in the order of the columns.
    """
    from tfx_bsl.coders import example_coder

    encoder = example_coder.RecordBatchToExamplesEncoder()
    parts = [
        encoder.encode(pa.RecordBatch.from_arrays([column], names=[name])) for name, column in columns.items()
    ]
    return [b"".join(row) for row in zip(*parts, strict=True)]
