"""The signatures of a SavedModel, without loading it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from serving.ops import read_saved_model

_INTERNAL = "__"  # how TensorFlow's own signatures begin


def saved_signatures(folder: Path) -> dict[str, Any]:
    """Signature name to its `SignatureDef`, in the order of the names.

    Args:
      folder: The SavedModel's.

    Raises:
      OSError: The file cannot be read.
    """
    (meta_graph,) = read_saved_model(folder).meta_graphs
    names = sorted(name for name in meta_graph.signature_def if not name.startswith(_INTERNAL))
    return {name: meta_graph.signature_def[name] for name in names}
