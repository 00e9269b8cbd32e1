"""The ops of a SavedModel, and which servers have them.

A SavedModel with a single op that a server does not know is not loaded by it at all. Stock TensorFlow
Serving is linked with TensorFlow's own ops and with those of TF Text (`SUPPORTED_TENSORFLOW_OPS` in its
`model_servers/BUILD`), and with nothing of ScaNN.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

TENSORFLOW, TEXT, SCANN, OTHER = "tensorflow", "tensorflow_text", "scann", "other"

STOCK, WITH_SCANN = "stock", "scann"
SERVERS = {STOCK: (TENSORFLOW, TEXT), WITH_SCANN: (TENSORFLOW, TEXT, SCANN)}
"""Server to the libraries whose ops it has."""

_SAVED_MODEL_FILE = "saved_model.pb"
_SCANN_NAMESPACE = "Scann>"
_TEXT_NAMESPACE = "TFText>"
# TF Text's older ops have no namespace; of release 2.16.
_TEXT_OPS = frozenset(
    {
        "CaseFoldUTF8",
        "ConstrainedSequence",
        "FastBertNormalize",
        "FastWordpieceTokenizeWithOffsets",
        "FindSourceOffsets",
        "MaxSpanningTree",
        "NormalizeUTF8",
        "NormalizeUTF8WithOffsetsMap",
        "PhraseTokenize",
        "RegexSplitWithOffsets",
        "RougeL",
        "SentenceFragments",
        "SentenceFragmentsV2",
        "SentencepieceDetokenizeOp",
        "SentencepieceIdToStringOp",
        "SentencepieceOp",
        "SentencepieceStringToIdOp",
        "SentencepieceTokenizeOp",
        "SentencepieceTokenizeWithOffsetsOp",
        "SentencepieceVocabSizeOp",
        "SplitMergeTokenizeWithOffsets",
        "TokenizerFromLogits",
        "UnicodeScriptTokenizeWithOffsets",
        "WhitespaceTokenizeWithOffsets",
        "WordpieceTokenizeWithOffsets",
    }
)


def read_saved_model(folder: Path) -> Any:
    """The `SavedModel` proto of a folder; no op needs to be registered for that.

    Raises:
      OSError: The file cannot be read.
      google.protobuf.message.DecodeError: It holds no proto.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    return saved_model_pb2.SavedModel.FromString((folder / _SAVED_MODEL_FILE).read_bytes())


def op_names(saved_model: Any) -> list[str]:
    """All ops of a SavedModel's graphs and of their functions' bodies, each once, in order."""
    names: set[str] = set()
    for meta_graph in saved_model.meta_graphs:
        library = meta_graph.graph_def.library
        names.update(node.op for node in meta_graph.graph_def.node)
        names.update(node.op for function in library.function for node in function.node_def)
        # A node may also be the call of a function.
        names.difference_update(function.signature.name for function in library.function)
    return sorted(names)


def ops_by_library(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Which library each op is of; `other` if TensorFlow has no such op.

    TF Text and ScaNN are told by name, since what they add is in the registry of every process that
    imported them. Others that this process imported count as TensorFlow.
    """
    from tensorflow.python.framework import op_def_registry

    found: dict[str, list[str]] = {}
    for name in sorted(names):
        if name.startswith(_SCANN_NAMESPACE):
            library = SCANN
        elif name.startswith(_TEXT_NAMESPACE) or name in _TEXT_OPS:
            library = TEXT
        else:
            library = OTHER if op_def_registry.get(name) is None else TENSORFLOW
        found.setdefault(library, []).append(name)
    return {library: tuple(ops) for library, ops in found.items()}


def lacking_ops(ops: Mapping[str, Iterable[str]], server: str) -> list[str]:
    """The ops of a model that a server lacks, in order.

    Args:
      ops: From :func:`ops_by_library`.
      server: `stock` or `scann`.
    """
    had = SERVERS[server]
    return sorted(name for library, names in ops.items() if library not in had for name in names)
