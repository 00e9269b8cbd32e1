"""What layers compute in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import tensorflow as tf
import tf_keras

from trainer.graphs import untouched_by_autograph

FLOAT32, MIXED = "float32", "mixed_bfloat16"

# The first GPUs with bfloat16. Of earlier ones some have float16, whose small range would ask every training
# step to scale its loss.
_BFLOAT16_CAPABILITY = (8, 0)


@dataclass(frozen=True)
class Accelerator:
    """A device that training may run on.

    Attributes:
      kind: `GPU` or `TPU`.
      compute_capability: A GPU's, major and minor; `None` if it is not known.
    """

    kind: str
    compute_capability: tuple[int, int] | None = None


def accelerators() -> list[Accelerator]:
    """Those of this machine."""
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    found = [Accelerator("GPU", entry.get("compute_capability")) for entry in details]
    return found + [Accelerator("TPU") for _ in tf.config.list_physical_devices("TPU")]


def policy_name(precision: str, devices: Sequence[Accelerator]) -> str:
    """Keras' mixed precision policy of a configuration.

    Args:
      precision: `auto`, `float32` or `mixed`.
      devices: What training may run on; `auto` is mixed if there are any and all have bfloat16.
    """
    if precision != "auto":
        return MIXED if precision == "mixed" else FLOAT32
    return MIXED if devices and all(map(_has_bfloat16, devices)) else FLOAT32


def _has_bfloat16(device: Accelerator) -> bool:
    """Whether it computes in bfloat16 faster than in float32."""
    return device.kind == "TPU" or (device.compute_capability or (0, 0)) >= _BFLOAT16_CAPABILITY


@untouched_by_autograph
@contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers that are made inside compute as a configuration has it; their variables are float32.

    Args:
      precision: `auto`, `float32` or `mixed`.
    """
    before = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy(policy_name(precision, accelerators()))
    try:
        yield
    finally:
        tf_keras.mixed_precision.set_global_policy(before)
