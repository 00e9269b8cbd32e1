"""Random draws that depend on the seed and the epoch, and not on how often a process was started.

TensorFlow's plain random operations keep their state in the process, which cannot be stored; what is drawn
while training comes from generators, whose state is a variable.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tf_keras


def seed_everything(seed: int) -> None:
    """Seeds Python, NumPy and TensorFlow; layers made from now on draw from generators.

    Args:
      seed: Any number.
    """
    tf_keras.backend.experimental.enable_tf_random_generator()
    tf_keras.utils.set_random_seed(seed)


def epoch_seed(seed: int, epoch: int, stream: int = 0) -> int:
    """A seed for one epoch.

    Args:
      seed: Of the training.
      epoch: Its number, from 0.
      stream: Tells those apart that draw in the same epoch.

    Returns:
      Below 2**31, as `tf.data` likes it.
    """
    return int(np.random.SeedSequence([seed, epoch, stream]).generate_state(1)[0]) >> 1


def reseed(model: tf_keras.Model, seed: int, epoch: int) -> None:
    """Sets every generator of a model for an epoch.

    Args:
      model: Layers that are not built yet are left alone: none of them has drawn.
      seed: Of the training.
      epoch: Its number, from 0.
    """
    for stream, generator in enumerate(_generators(model), start=1):
        if generator is not None:
            generator.reset_from_seed(epoch_seed(seed, epoch, stream))


def _generators(model: tf_keras.Model) -> Iterator[tf.random.Generator | None]:
    """A model's own generators, and of each random layer its own or, before it is built, `None`."""
    for module in (model, *model.submodules):
        for value in list(vars(module).values()):
            if isinstance(value, tf.random.Generator):
                yield value
        if hasattr(module, "_random_generator"):  # Keras' way of drawing, by a generator or otherwise
            yield getattr(module._random_generator, "_generator", None)
