"""Checks that this environment can run the stack, and says the cure where it cannot."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
from packaging.requirements import Requirement

from pipeline.config.environment import CACHE_VARIABLE, cache_dir
from pipeline.errors import StackError

_DISTRIBUTION = "recstack"
_NEEDED_MEMORY_GB = 6
_NEEDED_DISK_GB = 4
_REINSTALL = "run `make setup`, which installs requirements.lock"


@dataclass(frozen=True)
class Diagnosis:
    """What a check found.

    Attributes:
      name: What was checked.
      found: What is there; the reason if it is wrong.
      cure: What to do; `None` if all is well.
    """

    name: str
    found: str
    cure: str | None = None


def diagnose(output: Path) -> Iterator[Diagnosis]:
    """Runs every check, the quick ones first; a check that fails does not stop the others.

    Args:
      output: Where runs would write.
    """
    yield _python()
    yield from _versions()
    yield from (_guarded(name, check, cure) for name, check, cure in _LIBRARY_CHECKS)
    yield _memory()
    yield _disk("disk for runs", output, "free some, or set `output` in the configuration to another disk")
    yield _disk("disk for the cache", cache_dir(), f"free some, or set {CACHE_VARIABLE} to another disk")


def _python() -> Diagnosis:
    version = sys.version.split()[0]
    if sys.version_info[:2] != (3, 10):
        return Diagnosis("Python", version, "TFX 1.16 needs Python 3.10; install it and run `make setup`")
    return Diagnosis("Python", version)


def _versions() -> Iterator[Diagnosis]:
    """The packages that the project asks for, against what is installed."""
    for text in metadata.requires(_DISTRIBUTION) or []:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield Diagnosis(requirement.name, "not installed", _REINSTALL)
            continue
        fits = requirement.specifier.contains(version, prereleases=True)
        found = version if fits else f"{version}, but {requirement.specifier} is needed"
        yield Diagnosis(requirement.name, found, None if fits else _REINSTALL)


def _guarded(name: str, check: Callable[[], str], cure: str) -> Diagnosis:
    """Runs a check that says what it found, or raises."""
    try:
        return Diagnosis(name, check())
    except Exception as error:  # whatever a broken installation may raise
        reason = str(error).strip().splitlines() or [type(error).__name__]
        return Diagnosis(name, reason[0], cure)


def _keras_switch() -> str:
    import tensorflow as tf
    import tf_keras

    if tf.keras.layers.Layer is not tf_keras.layers.Layer:
        raise StackError("tf.keras is Keras 3, and TensorFlow Recommenders needs Keras 2")
    return f"tf.keras is tf_keras {tf_keras.__version__}"


def _recommenders() -> str:
    import tensorflow as tf
    import tensorflow_recommenders as tfrs

    index = tfrs.layers.factorized_top_k.BruteForce(k=1).index(tf.eye(2))
    _expect(index(tf.eye(2))[1].numpy().ravel().tolist(), [0, 1])
    return f"TensorFlow Recommenders {tfrs.__version__} answers"


def _text_ops() -> str:
    import tensorflow as tf
    import tensorflow_text as tf_text

    tokens = tf_text.WhitespaceTokenizer().tokenize(tf.constant(["a real op"]))
    _expect(tokens.to_list(), [[b"a", b"real", b"op"]])
    return "TF Text's ops load and run"


def _keras_nlp() -> str:
    import keras_nlp
    import numpy as np
    import tf_keras

    backbone = keras_nlp.models.BertBackbone(
        vocabulary_size=8, num_layers=1, num_heads=1, hidden_dim=4, intermediate_dim=4
    )
    _expect(isinstance(backbone, tf_keras.Model), True)
    tokens = np.ones([1, 3], np.int32)
    outputs = backbone({"token_ids": tokens, "segment_ids": tokens * 0, "padding_mask": tokens})
    _expect(tuple(outputs["sequence_output"].shape), (1, 3, 4))
    return "KerasNLP's BertBackbone is a Keras 2 model"


def _scann_ops() -> str:
    import numpy as np
    import tensorflow as tf
    from scann.scann_ops.py import scann_ops

    data = np.eye(32, dtype=np.float32)
    searcher = scann_ops.builder(tf.constant(data), 1, "dot_product").score_brute_force().build()
    _expect(searcher.search_batched(tf.constant(data[3:4]))[0].numpy().tolist(), [[3]])
    return "ScaNN's ops load and search"


def _tfx() -> str:
    import tfx
    from tfx.components import Transform  # noqa: F401  (with all that it imports)
    from tfx.orchestration.metadata import Metadata, sqlite_metadata_connection_config

    with Metadata(sqlite_metadata_connection_config(":memory:")) as handle:
        _expect(list(handle.store.get_artifacts()), [])
    return f"TFX {tfx.__version__} opens its metadata store"


def _expect(found: Any, wanted: Any) -> None:
    if found != wanted:
        raise StackError(f"an answer is {found}, and should be {wanted}")


_LIBRARY_CHECKS = (
    ("Keras switch", _keras_switch, "unset TF_USE_LEGACY_KERAS, or set it to 1"),
    ("TensorFlow Recommenders", _recommenders, _REINSTALL),
    ("TensorFlow Text", _text_ops, f"it must match TensorFlow's version: {_REINSTALL}"),
    ("KerasNLP", _keras_nlp, _REINSTALL),
    ("ScaNN", _scann_ops, f"its ops are built for one TensorFlow version: {_REINSTALL}"),
    ("TFX", _tfx, _REINSTALL),
)


def _memory() -> Diagnosis:
    available = psutil.virtual_memory().available / 2**30
    found = f"{available:.1f} GB available"
    if available < _NEEDED_MEMORY_GB:
        return Diagnosis("memory", found, f"the default run takes up to {_NEEDED_MEMORY_GB} GB; free some")
    return Diagnosis("memory", found)


def _disk(name: str, folder: Path, cure: str) -> Diagnosis:
    """Free space where a folder is, or would be."""
    existing = next(path for path in [folder.resolve(), *folder.resolve().parents] if path.exists())
    free = shutil.disk_usage(existing).free / 2**30
    found = f"{free:.1f} GB free in {existing}"
    return Diagnosis(name, found, cure if free < _NEEDED_DISK_GB else None)
