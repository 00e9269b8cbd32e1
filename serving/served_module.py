"""What the three SavedModels have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY

# The module to save, and its signatures by name.
Signatures = tuple[tf.Module, dict[str, Callable[..., Any]]]


class ServedModule(tf.Module):
    """Keeps what the signatures use, and nothing else, in the SavedModel."""

    def __init__(self, **parts: Any):
        """Takes the parts, by the names under which they are kept."""
        super().__init__(name="served")
        for name, part in parts.items():
            setattr(self, name, part)
