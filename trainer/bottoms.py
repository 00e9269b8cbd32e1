"""What the tasks of the ranking model share: one bottom, or experts between which gates choose.

All bottoms have one interface: [B, K, width] float32 to a dictionary of task to [B, K, output width].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras

Outputs = dict[str, tf.Tensor]


class _Bottom(tf_keras.layers.Layer):
    """The arguments that all bottoms have."""

    def __init__(self, tasks: Sequence[str], hidden_dims: Sequence[int], dropout: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.tasks = tuple(tasks)
        self.hidden_dims = tuple(hidden_dims)
        self.dropout = dropout
        if not self.tasks or not self.hidden_dims:
            raise ValueError(
                f"a bottom needs tasks and hidden layers, got tasks {self.tasks}, layers {self.hidden_dims}"
            )

    def _expert(self, name: str) -> tf_keras.Sequential:
        """A multi-layer perceptron, dropout after each of its layers."""
        layers = []
        for width in self.hidden_dims:
            layers += [
                tf_keras.layers.Dense(width, activation="relu"),
                tf_keras.layers.Dropout(self.dropout),
            ]
        return tf_keras.Sequential(layers, name=name)

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        return {
            **super().get_config(),
            "tasks": self.tasks,
            "hidden_dims": self.hidden_dims,
            "dropout": self.dropout,
        }


@tf_keras.utils.register_keras_serializable("recstack")
class SharedBottom(_Bottom):
    """One multi-layer perceptron, the same for all tasks (Caruana 1997)."""

    def __init__(self, tasks: Sequence[str], hidden_dims: Sequence[int], dropout: float, **kwargs: Any):
        """Initializes the bottom.

        Args:
          tasks: Names of the tasks.
          hidden_dims: Widths of the hidden layers; the last is the output's.
          dropout: Dropout after each hidden layer.
          **kwargs: Keras' own arguments.

        Raises:
          ValueError: There is no task, or no layer.
        """
        super().__init__(tasks, hidden_dims, dropout, **kwargs)
        self._shared = self._expert("shared")

    def call(self, inputs: tf.Tensor, training: bool = False) -> Outputs:
        """Encodes a batch; see the module."""
        shared = self._shared(inputs, training=training)
        return {task: shared for task in self.tasks}


@tf_keras.utils.register_keras_serializable("recstack")
class MultiGateMixtureOfExperts(_Bottom):
    """Experts for all tasks, and for each task a gate that weighs them by the input (Ma et al. 2018)."""

    def __init__(
        self,
        tasks: Sequence[str],
        hidden_dims: Sequence[int],
        dropout: float,
        num_experts: int,
        **kwargs: Any,
    ):
        """Initializes the bottom.

        Args:
          tasks: Names of the tasks.
          hidden_dims: Widths of each expert's layers; the last is the output's.
          dropout: Dropout after each hidden layer.
          num_experts: Number of experts.
          **kwargs: Keras' own arguments.

        Raises:
          ValueError: There is no task, no layer, or no expert.
        """
        super().__init__(tasks, hidden_dims, dropout, **kwargs)
        if num_experts < 1:
            raise ValueError(f"at least one expert is needed, got {num_experts}")
        self.num_experts = num_experts
        self._experts = [self._expert(f"expert_{number}") for number in range(num_experts)]
        self._gates = {task: _gate(task, num_experts) for task in self.tasks}

    def call(self, inputs: tf.Tensor, training: bool = False) -> Outputs:
        """Encodes a batch; see the module."""
        experts = [expert(inputs, training=training) for expert in self._experts]
        return {task: _mixed(gate(inputs), experts) for task, gate in self._gates.items()}

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        return {**super().get_config(), "num_experts": self.num_experts}


@tf_keras.utils.register_keras_serializable("recstack")
class ProgressiveLayeredExtraction(_Bottom):
    """Levels of experts, some of one task and some shared (Tang et al. 2020).

    A level's experts have one layer each. On every level a task's gate chooses between its own experts and
    the shared ones; the shared experts of the next level are fed by a gate over all experts. What is
    particular to a task thus cannot disturb the others, and levels part the two more and more.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        hidden_dims: Sequence[int],
        dropout: float,
        num_experts: int,
        num_task_experts: int,
        **kwargs: Any,
    ):
        """Initializes the bottom.

        Args:
          tasks: Names of the tasks.
          hidden_dims: Width of the experts of each level; the last is the output's.
          dropout: Dropout after each hidden layer.
          num_experts: Shared experts of a level.
          num_task_experts: Experts of each task of a level.
          **kwargs: Keras' own arguments.

        Raises:
          ValueError: There is no task, no level, or no expert of a kind.
        """
        super().__init__(tasks, hidden_dims, dropout, **kwargs)
        if min(num_experts, num_task_experts) < 1:
            raise ValueError(
                f"at least one expert of each kind is needed, got {num_experts} shared and "
                f"{num_task_experts} a task"
            )
        self.num_experts = num_experts
        self.num_task_experts = num_task_experts
        last = len(self.hidden_dims) - 1
        self._levels = [self._level(level, width, level == last) for level, width in enumerate(hidden_dims)]
        self._drop = tf_keras.layers.Dropout(dropout)

    def _level(self, level: int, width: int, is_last: bool) -> dict[str, dict[str, Any]]:
        """Experts and gates of a level, by owner; the empty name owns what is shared."""
        counts = {"": self.num_experts, **{task: self.num_task_experts for task in self.tasks}}
        experts = {
            owner: [
                tf_keras.layers.Dense(width, activation="relu", name=f"expert_{level}_{owner}_{number}")
                for number in range(count)
            ]
            for owner, count in counts.items()
        }
        gates = {
            task: _gate(f"{level}_{task}", self.num_task_experts + self.num_experts) for task in self.tasks
        }
        if not is_last:
            gates[""] = _gate(f"{level}_", sum(counts.values()))
        return {"experts": experts, "gates": gates}

    def call(self, inputs: tf.Tensor, training: bool = False) -> Outputs:
        """Encodes a batch; see the module."""
        states: Outputs = {owner: inputs for owner in ("", *self.tasks)}
        for level in self._levels:
            experts = {
                owner: [self._drop(expert(states[owner]), training=training) for expert in its_own]
                for owner, its_own in level["experts"].items()
            }
            everything = [x for its_own in experts.values() for x in its_own]
            states = {
                owner: _mixed(gate(states[owner]), experts[owner] + experts[""] if owner else everything)
                for owner, gate in level["gates"].items()
            }
        return {task: states[task] for task in self.tasks}

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        return {
            **super().get_config(),
            "num_experts": self.num_experts,
            "num_task_experts": self.num_task_experts,
        }


def _gate(name: str, num_experts: int) -> tf_keras.layers.Layer:
    """From an input to the weights of experts, which sum to one."""
    return tf_keras.layers.Dense(num_experts, activation="softmax", use_bias=False, name=f"gate_{name}")


def _mixed(weights: tf.Tensor, experts: Sequence[tf.Tensor]) -> tf.Tensor:
    """The weighted sum of experts' outputs: [..., E] and E times [..., out] to [..., out]."""
    return tf.einsum("...e,e...o->...o", weights, tf.stack(experts))


def build_bottom(
    architecture: str,
    tasks: Sequence[str],
    hidden_dims: Sequence[int],
    dropout: float,
    num_experts: int,
    num_task_experts: int,
) -> tf_keras.layers.Layer:
    """The bottom of a configuration's name for it: `shared_bottom`, `mmoe` or `ple`."""
    if architecture == "mmoe":
        return MultiGateMixtureOfExperts(tasks, hidden_dims, dropout, num_experts, name="bottom")
    if architecture == "ple":
        return ProgressiveLayeredExtraction(
            tasks, hidden_dims, dropout, num_experts, num_task_experts, name="bottom"
        )
    return SharedBottom(tasks, hidden_dims, dropout, name="bottom")
