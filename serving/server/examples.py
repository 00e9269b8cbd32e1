"""The `tf.Example`s of a Classify, Regress or MultiInference request."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.server.status import Code, ServingError


def serialized_examples(request_input: Any) -> np.ndarray:
    """Serializes the examples of an `Input`; the shared context, if there is one, goes before each.

    Returns:
      `[batch]` bytes.

    Raises:
      ServingError: There is no example.
    """
    kind = request_input.WhichOneof("kind")
    context, examples = b"", []
    if kind is not None:
        examples = getattr(request_input, kind).examples
    if kind == "example_list_with_context":
        context = request_input.example_list_with_context.context.SerializeToString()
    if not examples:
        raise ServingError(Code.INVALID_ARGUMENT, "Input is empty.")
    return np.array([context + example.SerializeToString() for example in examples], np.object_)


def shape_text(array: np.ndarray) -> str:
    """A shape as TensorFlow prints it, such as `[2,3]`."""
    return f"[{','.join(map(str, array.shape))}]"
