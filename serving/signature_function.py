"""Functions that become signatures: inputs by name, most of them with a default.

A default is exported with the signature, and gRPC's Predict fills it in. What is loaded in Python does not
know it: :func:`ask` does the same there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from schemas.features import TIMESTAMP
from serving.request_controls import DEFAULT_K, EXPLAIN, FILTER_SEEN, K
from trainer.graphs import graph_function

LENGTH = "length"
_DEFAULTS = {K: DEFAULT_K, FILTER_SEEN: True, EXPLAIN: True, LENGTH: 10, TIMESTAMP: 0}

EXAMPLES_SPEC = tf.TensorSpec([None], tf.string, name="examples")
TIMESTAMP_SPEC = tf.TensorSpec([None], tf.int64, name=TIMESTAMP)


def signature_function(
    call: Callable[..., dict[str, tf.Tensor]],
    required: Sequence[tf.TensorSpec],
    optional: Sequence[tf.TensorSpec] = (),
) -> Callable[..., Any]:
    """A function with a named input for each spec.

    Args:
      call: Takes a tensor for each spec, by its name.
      required: Specs of inputs without a default.
      optional: Specs of inputs with one, see :func:`default_input`.
    """
    specs = [*required, *optional]
    names = [spec.name for spec in specs]

    def by_name(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        return call(**dict(zip(names, tensors, strict=True)))

    # TensorFlow takes the inputs' names and defaults from here.
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(spec.name, kind) for spec in required]
    parameters += [
        inspect.Parameter(spec.name, kind, default=tf.constant(default_input(spec), spec.dtype))
        for spec in optional
    ]
    by_name.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    by_name.__name__ = call.__name__
    return graph_function(by_name, input_signature=specs)


def default_input(spec: tf.TensorSpec) -> np.ndarray:
    """What an input is that was not given: of first dimension 1, a list empty, a number 0 or its default."""
    if spec.shape.rank == 2:
        return np.zeros([1, 0], spec.dtype.as_numpy_dtype)
    return np.full([1], _DEFAULTS.get(spec.name, 0), spec.dtype.as_numpy_dtype)


def ask(signature: Any, **inputs: Any) -> dict[str, tf.Tensor]:
    """Asks a signature of a loaded SavedModel.

    Args:
      signature: From `signatures` of a loaded SavedModel.
      **inputs: Tensors, or what becomes one; those that are missing take their defaults.

    Returns:
      The answers by name.

    Raises:
      TypeError: The signature has no such input.
    """
    specs = signature.structured_input_signature[1]
    unknown = sorted(set(inputs) - set(specs))
    if unknown:
        raise TypeError(f"the signature has no input {', '.join(unknown)}; it has {', '.join(sorted(specs))}")
    tensors = {
        name: tf.constant(inputs[name] if name in inputs else default_input(spec), spec.dtype)
        for name, spec in specs.items()
    }
    return signature(**tensors)
