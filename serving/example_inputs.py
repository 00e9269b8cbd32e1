"""Plausible inputs of any signature of a bundle, for warm-up and for showing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from schemas.features import HISTORY_ITEM_IDS, ITEM_ID, TITLE

EXAMPLES = "examples"

_LENGTH = 3  # of lists
_ITEM_IDS = "item_ids"  # how inputs end that hold ids of items
_TEXT = "text"


def example_inputs(signature: Any, item_ids: Sequence[str], batch: int) -> dict[str, np.ndarray]:
    """Inputs that a signature answers: items of the corpus, a history of a few of them, and no user.

    What has a default has it.

    Args:
      signature: A `SignatureDef`.
      item_ids: Some ids of the corpus; one at least.
      batch: Requests.

    Returns:
      Input name to an array of the signature's dtype and of first dimension `batch`, text as bytes.
    """
    import tensorflow as tf

    inputs = {}
    for name, info in sorted(signature.inputs.items()):
        if name in signature.defaults:
            inputs[name] = np.repeat(tf.make_ndarray(signature.defaults[name]), batch, axis=0)
        elif name == EXAMPLES:
            inputs[name] = np.array([_example(item_ids, number) for number in range(batch)], object)
        else:
            shape = (batch, _LENGTH)[: len(info.tensor_shape.dim)]
            inputs[name] = _values(name, tf.dtypes.as_dtype(info.dtype), shape, item_ids)
    return inputs


def _values(name: str, dtype: Any, shape: tuple[int, ...], item_ids: Sequence[str]) -> np.ndarray:
    """An input without a default."""
    if name.endswith(_ITEM_IDS):
        places = np.arange(int(np.prod(shape))).reshape(shape) % len(item_ids)
        return np.array([item_id.encode() for item_id in item_ids], object)[places]
    if dtype.name == "string":
        return np.full(shape, b"something new" if name == _TEXT else b"", object)
    return np.zeros(shape, dtype.as_numpy_dtype)


def _example(item_ids: Sequence[str], number: int) -> bytes:
    """A serialized request by somebody without a name, which is also that of an item."""
    import tensorflow as tf

    ids = [item_ids[(number + place) % len(item_ids)].encode() for place in range(_LENGTH)]
    features = {HISTORY_ITEM_IDS: ids, ITEM_ID: ids[:1], TITLE: [b"something new"]}
    lists = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=value)) for name, value in features.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=lists))
    return example.SerializeToString(deterministic=True)
