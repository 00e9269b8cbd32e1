"""Examples artifacts on disk, written and read back without our own code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import tensorflow as tf
from tfx.types.standard_artifacts import Examples

BEAM_ARGS = ["--runner=DirectRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1"]


def examples_artifact(folder: Path) -> Examples:
    """An artifact in a folder."""
    artifact = Examples()
    artifact.uri = str(folder)
    return artifact


def decode(serialized: bytes) -> dict[str, list[Any]]:
    """A `tf.Example` as a dictionary; a feature that is absent is not in it."""
    features = tf.train.Example.FromString(serialized).features.feature
    return {
        name: list(getattr(feature, feature.WhichOneof("kind")).value)
        for name, feature in features.items()
        if feature.WhichOneof("kind") is not None
    }


def read_shard(path: Path) -> list[dict[str, list[Any]]]:
    """The decoded examples of a file, in its order."""
    dataset = tf.data.TFRecordDataset(str(path), compression_type="GZIP")
    return [decode(serialized) for serialized in dataset.as_numpy_iterator()]


def files(folder: Path) -> dict[str, bytes]:
    """Contents of all files of an artifact, by their path in it."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def in_another_process(module: str, function: str, *arguments: Any) -> None:
    """Calls a function in a process whose hashes differ; a path arrives as text."""
    texts = [str(argument) if isinstance(argument, Path) else argument for argument in arguments]
    statement = f"import pipeline; from {module} import {function}; {function}(*{texts!r})"
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment)
