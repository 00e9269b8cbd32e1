"""Configuration of what both trainings have in common."""

from __future__ import annotations

from typing import Literal

from pipeline.config.base import Frozen


class TrainingConfig(Frozen):
    """How models are fitted, whatever they are.

    Attributes:
      precision: What layers compute in: `float32`; `mixed`, bfloat16 with float32 variables, losses and
        softmaxes; or `auto`, mixed where the device has bfloat16 (TPUs, and GPUs of compute capability 8
        or above), else float32.
      distribution: Where both models are trained: on `one_device`; `mirrored`, on all accelerators of a
        machine, or on all its processors where TensorFlow was told of several; or on `multi_worker`, the
        machines that `TF_CONFIG` names. A batch is divided among them; see docs/distributed.md.
      refit: Whether what the bundle holds is trained anew, on the training and the eval split, for as long
        as was best by the eval split the first time. It doubles the time of training.
      warm_start: Whether training starts from the models of the bundle that was blessed last, of those that
        learnt from other examples; rows of embeddings are carried over by what they stand for.
    """

    precision: Literal["auto", "float32", "mixed"] = "auto"
    distribution: Literal["one_device", "mirrored", "multi_worker"] = "one_device"
    refit: bool = False
    warm_start: bool = False
