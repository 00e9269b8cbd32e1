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
    """

    precision: Literal["auto", "float32", "mixed"] = "auto"
