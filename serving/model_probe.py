"""What a server finds out about a version's models: a process that has only what the server has.

Run as `python -m serving.model_probe VERSION VARIANT SERVER OUTPUT`. It imports TensorFlow and TF
Text, and ScaNN if the server has it; nothing else that registers ops.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import Field

from pipeline.config.base import Frozen
from schemas.features import ITEM_ID
from serving.layout import MODELS, model_dir
from serving.manifest import TowerPair
from serving.ops import WITH_SCANN, op_names, ops_by_library, read_saved_model

_DEFAULT = "serving_default"
_INTERNAL = "__"  # signatures that SavedModel has for itself


class ModelFindings(Frozen):
    """What was found of one model.

    Attributes:
      model: Its name.
      ops: Library to ops; empty if `saved_model.pb` cannot be read.
      signatures: Names, in order.
      error: Why it cannot be read, loaded or asked; `None` if it can.
      towers: Whose embeddings it holds, if it was loaded and has an index.
    """

    model: str
    ops: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    signatures: tuple[str, ...] = ()
    error: str | None = None
    towers: TowerPair | None = None


def probe_models(version: Path, variant: str, server: str, output: Path) -> None:
    """Writes what is found of each model, a line each as soon as it is known.

    Args:
      version: Folder of the version.
      variant: Of the models.
      server: `stock` or `scann`.
      output: Gets a line of JSON a model, see :class:`ModelFindings`.
    """
    import tensorflow_text  # noqa: F401

    if server == WITH_SCANN:
        import scann  # noqa: F401
    with output.open("w", encoding="utf-8") as file:
        for model in MODELS:
            file.write(probe_model(model_dir(version, variant, model)).model_dump_json() + "\n")
            file.flush()  # the next one may take the process with it


def probe_model(folder: Path) -> ModelFindings:
    """Reads a SavedModel, then loads and asks it.

    Args:
      folder: Of the SavedModel, named after the model.
    """
    findings = ModelFindings(model=folder.name)
    try:
        saved_model = read_saved_model(folder)
        defined = {name for graph in saved_model.meta_graphs for name in graph.signature_def}
        findings = ModelFindings(
            model=folder.name,
            ops=ops_by_library(op_names(saved_model)),
            signatures=tuple(sorted(name for name in defined if not name.startswith(_INTERNAL))),
        )
        return findings.model_copy(update={"towers": _load_and_ask(folder)})
    except Exception as error:  # whatever a damaged model may raise
        reason = str(error).strip().splitlines() or [type(error).__name__]
        return findings.model_copy(update={"error": reason[0]})


def _load_and_ask(folder: Path) -> TowerPair | None:
    """Loads a model and asks its default signature; the fingerprints of its towers, if it has an index."""
    import numpy as np
    import tensorflow as tf

    from serving.bundle_integrity import towers_of

    loaded = tf.saved_model.load(str(folder))
    answers = _ask(loaded.signatures[_DEFAULT])
    for name, values in answers.items():
        if values.dtype.is_floating and not np.isfinite(values.numpy()).all():
            raise ValueError(f"{_DEFAULT} answers {name} with what is no number")
    has_index = hasattr(loaded, "index") and hasattr(loaded, "corpus")
    return towers_of(loaded.corpus, loaded.index) if has_index else None


def _ask(signature: Any) -> dict[str, Any]:
    """Answers to the least that may be asked: one example of an item that nobody knows."""
    import tensorflow as tf

    item = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b""]))
    example = tf.train.Example(features=tf.train.Features(feature={ITEM_ID: item}))
    return signature(examples=tf.constant([example.SerializeToString()]))


def read_findings(output: Path) -> dict[str, ModelFindings]:
    """What :func:`probe_models` has found so far, by model."""
    lines = output.read_text(encoding="utf-8").splitlines() if output.is_file() else []
    found = [ModelFindings.model_validate(json.loads(line)) for line in lines]
    return {findings.model: findings for findings in found}


if __name__ == "__main__":
    probe_models(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]))
