"""Where a training stands, on disk, so that a killed one goes on."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf
from safetensors.numpy import load, save

from pipeline.errors import InputError

_FILE = "checkpoint"
_HEADER_BYTES = 8
_BEST = "best"


@dataclass
class Progress:
    """Where a training stands.

    Attributes:
      epochs: Epochs done.
      best: The best value of what is monitored; `None` before there is one.
      best_epoch: How many epochs were done then.
      stopped: Whether it ended before its last epoch, since nothing became better.
      history: Figure to its value after each epoch.
      best_weights: The model's variables as they were at the best value.
    """

    epochs: int = 0
    best: float | None = None
    best_epoch: int = 0
    stopped: bool = False
    history: dict[str, list[float]] = field(default_factory=dict)
    best_weights: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True)
class Stored:
    """A checkpoint as it was read.

    Attributes:
      progress: Where the training stood.
      groups: Values of variables, by the names that they were saved under.
      names: The variables' own names, as :func:`plain_name` has them.
    """

    progress: Progress
    groups: dict[str, list[np.ndarray]]
    names: dict[str, list[str]]

    def restore(self, groups: Mapping[str, Sequence[tf.Variable]]) -> None:
        """Gives variables their stored values.

        Args:
          groups: As they were saved.

        Raises:
          InputError: The checkpoint is not of these variables.
        """
        for name, variables in groups.items():
            values = self.groups.get(name, [])
            needed = [(plain_name(variable), tuple(variable.shape)) for variable in variables]
            shapes = [value.shape for value in values]
            if needed != list(zip(self.names.get(name, []), shapes, strict=True)):
                raise InputError(
                    f"the checkpoint's variables of '{name}' are not those of the model: {len(values)} are "
                    f"stored, {len(needed)} needed, or their names or shapes differ\n"
                    "remove the run's folder of checkpoints, and train from the start"
                )
        for name, variables in groups.items():
            for variable, value in zip(variables, self.groups[name], strict=True):
                variable.assign(value)


class Checkpoint:
    """A file that holds the state of one training after its last whole epoch.

    It is replaced whole, so that a kill leaves the last one or the one before; a damaged one is not
    taken, and the training starts anew. It holds what users' embeddings have learnt: personal data.
    """

    def __init__(self, folder: str, writes: bool = True):
        """Initializes; nothing is read or written yet.

        Args:
          folder: Any that TensorFlow can write to, in a folder that holds nothing but the checkpoints of
            one step; see :func:`checkpoint_folder`.
          writes: Whether it is written and removed; of several machines, one does, and all read it.
        """
        self._writes = writes
        self._folder = folder
        self._path = f"{folder}/{_FILE}"

    def save(self, groups: Mapping[str, Sequence[tf.Variable]], progress: Progress) -> None:
        """Replaces the checkpoint.

        Args:
          groups: Variables under a name.
          progress: Where the training stands.

        Raises:
          tf.errors.OpError: The folder cannot be written.
        """
        # Some variables are sums over machines, so that each of them must ask.
        arrays = {name: [variable.numpy() for variable in variables] for name, variables in groups.items()}
        if not self._writes:
            return
        arrays[_BEST] = progress.best_weights
        tensors = {
            f"{name}/{place:06d}": np.asarray(value, order="C")
            for name, values in arrays.items()
            for place, value in enumerate(values)
        }
        figures = {key: value for key, value in vars(progress).items() if key != "best_weights"}
        names = {name: list(map(plain_name, variables)) for name, variables in groups.items()}
        body = save(tensors, metadata={"progress": json.dumps(figures), "names": json.dumps(names)})
        tf.io.gfile.makedirs(self._folder)
        partial = f"{self._path}.partial"
        with tf.io.gfile.GFile(partial, "wb") as file:
            file.write(zlib.crc32(body).to_bytes(_HEADER_BYTES, "little") + body)
        tf.io.gfile.rename(partial, self._path, overwrite=True)

    def load(self) -> Stored | None:
        """The checkpoint; `None` if there is none, or, with a warning, if it is damaged."""
        if not tf.io.gfile.exists(self._path):
            return None
        with tf.io.gfile.GFile(self._path, "rb") as file:
            contents = file.read()
        checksum, body = contents[:_HEADER_BYTES], contents[_HEADER_BYTES:]
        if checksum != zlib.crc32(body).to_bytes(_HEADER_BYTES, "little"):
            logging.getLogger(__name__).warning(
                "%s is damaged; the training starts from the beginning", self._path
            )
            return None
        return _parse(body)

    def remove(self) -> None:
        """Ends the training: removes the checkpoint, and those beside it of what was given up."""
        root = self._folder.rpartition("/")[0]
        if self._writes and tf.io.gfile.exists(root):
            tf.io.gfile.rmtree(root)


def _parse(body: bytes) -> Stored:
    """A checkpoint from its bytes."""
    tensors = load(body)
    header = int.from_bytes(body[:8], "little")
    metadata = json.loads(body[8 : 8 + header])["__metadata__"]
    groups: dict[str, list[np.ndarray]] = {}
    for name in sorted(tensors):
        groups.setdefault(name.rpartition("/")[0], []).append(tensors[name])
    progress = Progress(**json.loads(metadata["progress"]), best_weights=groups.pop(_BEST, []))
    return Stored(progress, groups, json.loads(metadata["names"]))


def plain_name(variable: tf.Variable) -> str:
    """A variable's name without numbers, which follow from what else was made in its process."""
    return re.sub(r"_\d+", "", variable.name)


def checkpoint_folder(root: str, *depends_on: str) -> str:
    """The folder of one training's checkpoint.

    A step that is tried again writes elsewhere; so its checkpoint is found by what is trained.

    Args:
      root: Folder of a step's checkpoints.
      *depends_on: All that the outcome depends on: settings, code, where the inputs stand.
    """
    parts = [tf.__version__, *depends_on]
    return f"{root}/{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}"
