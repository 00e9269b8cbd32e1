"""Graphs without autograph.

Autograph does not know `tf_keras` for a library and rewrites all of it, and KerasNLP, when a layer is first
traced: 13 s instead of 2 for the text tower alone. No graph of ours has Python control flow over tensors, so
none needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf

graph_function: Callable[..., Any] = partial(tf.function, autograph=False)
"""`tf.function`, also as a decorator with arguments."""

untouched_by_autograph: Callable[..., Any] = tf.autograph.experimental.do_not_convert
"""Decorator of a function that Keras traces, or that builds layers."""
