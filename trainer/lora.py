"""Low-rank updates of a BERT's attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import tf_keras

_ADAPTED = ("_query_dense", "_value_dense")


@dataclass(frozen=True)
class Lora:
    """Size of the updates.

    Attributes:
      rank: Of each.
      alpha: An update counts `alpha / rank` times.
      seed: Of their start values.
    """

    rank: int
    alpha: float
    seed: int


class LoraDense(tf_keras.layers.Layer):
    """A frozen projection onto attention heads and a trained update of low rank (Hu et al. 2021).

    The update is the product of `down`, [dim, rank], and `up`, [rank, heads, head_dim]; `up` starts at
    zero, so that at first nothing changes.
    """

    def __init__(self, base: Any, rank: int, scale: float, seed: int, **kwargs: Any):
        """Initializes the layer.

        Args:
          base: Keras' `EinsumDense`, built, from [B, length, dim] to [B, length, heads, head_dim]; it is
            frozen.
          rank: Of the update.
          scale: The update's factor.
          seed: Of `down`.
          **kwargs: Keras' own arguments.
        """
        super().__init__(**kwargs)
        base.trainable = False
        self.base = base
        self._scale = scale
        dim, heads, head_dim = base.kernel.shape
        uniform = tf_keras.initializers.HeUniform(seed)
        self.down = self.add_weight("down", (dim, rank), initializer=uniform)
        self.up = self.add_weight("up", (rank, heads, head_dim), initializer="zeros")

    @property
    def own(self) -> tuple[tf.Variable, tf.Variable]:
        """The update's variables."""
        return self.down, self.up

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Projects [B, length, dim] to [B, length, heads, head_dim]."""
        low = tf.einsum("bld,dr->blr", inputs, self.down)
        return self.base(inputs) + self._scale * tf.einsum("blr,rnh->blnh", low, self.up)

    def merge(self) -> Any:
        """Adds the update to the base's kernel, and gives the base."""
        self.base.kernel.assign_add(self._scale * tf.einsum("dr,rnh->dnh", self.down, self.up))
        return self.base


def add_lora(encoders: Sequence[Any], lora: Lora) -> None:
    """Freezes transformer layers, and adapts their query and value projections.

    Args:
      encoders: KerasNLP's `TransformerEncoder`s, built.
      lora: Size of the updates.
    """
    for number, encoder in enumerate(encoders):
        attention = encoder._self_attention_layer
        # Not the layers around the adapters: what is in a frozen layer is frozen, whatever it says.
        for part in encoder.submodules:
            if part is not attention and isinstance(part, tf_keras.layers.Layer):
                part.trainable = False
        for place, name in enumerate(_ADAPTED):
            seed = lora.seed + len(_ADAPTED) * number + place
            base = getattr(attention, name)
            setattr(
                attention,
                name,
                LoraDense(base, lora.rank, lora.alpha / lora.rank, seed, name=f"{base.name}_lora"),
            )


def merge_lora(encoders: Sequence[Any]) -> None:
    """Puts the adapted projections back with the updates in their kernels, so that they cost nothing.

    Args:
      encoders: The layers; those without adapters stay as they are.
    """
    for encoder in encoders:
        attention = encoder._self_attention_layer
        for name in _ADAPTED:
            projection = getattr(attention, name)
            if isinstance(projection, LoraDense):
                setattr(attention, name, projection.merge())


def adapters_of(encoders: Sequence[Any]) -> list[LoraDense]:
    """The adapted projections of some layers."""
    projections = [getattr(encoder._self_attention_layer, name) for encoder in encoders for name in _ADAPTED]
    return [projection for projection in projections if isinstance(projection, LoraDense)]
