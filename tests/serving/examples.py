"""Serialized `tf.Example`s for tests."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def example(features: dict[str, Any]) -> bytes:
    """An example of texts, integers and floats, or lists of them."""
    message = tf.train.Example()
    for name, values in features.items():
        values = values if isinstance(values, list) else [values]
        feature = message.features.feature[name]
        for value in values:
            if isinstance(value, str):
                feature.bytes_list.value.append(value.encode())
            elif isinstance(value, float):
                feature.float_list.value.append(value)
            else:
                feature.int64_list.value.append(value)
    return message.SerializeToString()
