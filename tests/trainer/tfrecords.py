"""Transformed examples on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class SmallTransformOutput:
    """What the code under test asks of a `TFTransformOutput`, without a Transform graph.

    The end-to-end tests read the real one.
    """

    spec: dict[str, Any] = field(default_factory=dict)
    vocabularies: dict[str, list[bytes]] = field(default_factory=dict)

    def transformed_feature_spec(self) -> dict[str, Any]:
        return dict(self.spec)

    def vocabulary_by_name(self, name: str) -> list[bytes]:
        return self.vocabularies[name]

    def vocabulary_size_by_name(self, name: str) -> int:
        return len(self.vocabularies[name])


def write_examples(path: Path, rows: Iterable[Mapping[str, Any]]) -> str:
    """Writes rows as a gzipped TFRecord file; a value is text, numbers of one type, or a list of them."""
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions("GZIP")) as writer:
        for row in rows:
            features = {name: _feature(np.atleast_1d(value)) for name, value in row.items()}
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    return str(path)


def _feature(values: np.ndarray) -> tf.train.Feature:
    if values.dtype.kind == "f":
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))
    if values.dtype.kind in "iu":
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    texts = [value if isinstance(value, bytes) else value.encode() for value in values.tolist()]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=texts))
