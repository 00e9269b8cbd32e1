"""BERT weights from a folder in Hugging Face layout, as a KerasNLP backbone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras_nlp
import numpy as np
from safetensors import SafetensorError, safe_open

from pipeline.bert_folder import TOKENIZER_FILE, VOCABULARY_FILE, WEIGHTS_FILE, bert_config, read_json
from pipeline.errors import InputError
from trainer.graphs import untouched_by_autograph

# In the order of a KerasNLP TransformerEncoder's weights: the two layer norms come before the two
# feed-forward layers. Each is the name of a tensor and whether its matrix is stored transposed.
_LAYER_TENSORS = (
    ("attention.self.query.weight", True),
    ("attention.self.query.bias", False),
    ("attention.self.key.weight", True),
    ("attention.self.key.bias", False),
    ("attention.self.value.weight", True),
    ("attention.self.value.bias", False),
    ("attention.output.dense.weight", True),
    ("attention.output.dense.bias", False),
    ("attention.output.LayerNorm.weight", False),
    ("attention.output.LayerNorm.bias", False),
    ("output.LayerNorm.weight", False),
    ("output.LayerNorm.bias", False),
    ("intermediate.dense.weight", True),
    ("intermediate.dense.bias", False),
    ("output.dense.weight", True),
    ("output.dense.bias", False),
)

_EMBEDDING_TENSORS = {
    "token_embedding": ("embeddings.word_embeddings.weight",),
    "position_embedding": ("embeddings.position_embeddings.weight",),
    "segment_embedding": ("embeddings.token_type_embeddings.weight",),
    "embeddings_layer_norm": ("embeddings.LayerNorm.weight", "embeddings.LayerNorm.bias"),
}


@dataclass(frozen=True)
class Bert:
    """A BERT with its vocabulary.

    Attributes:
      backbone: KerasNLP's functional model.
      vocabulary: Word pieces in the order of their ids.
      lowercase: Whether texts are lower-cased first.
      strip_accents: Whether accents are taken off; `None` goes by `lowercase`.
      split_chinese: Whether each Chinese character is a word.
    """

    backbone: keras_nlp.models.BertBackbone
    vocabulary: tuple[str, ...]
    lowercase: bool = True
    strip_accents: bool | None = None
    split_chinese: bool = True


@untouched_by_autograph
def load_bert(folder: Path) -> Bert:
    """Loads a BERT.

    Args:
      folder: Holds `config.json`, `vocab.txt`, `model.safetensors` and, if texts are not to be
        lower-cased or accents are to be kept, a `tokenizer_config.json` that says so.

    Raises:
      InputError: The folder does not hold a BERT; the message names the file and the tensor.
    """
    config = bert_config(folder)
    backbone = _backbone(config)
    _fill(backbone, folder / WEIGHTS_FILE)
    vocabulary = _vocabulary(folder / VOCABULARY_FILE)
    if len(vocabulary) > config["vocab_size"]:
        raise InputError(
            f"{folder / VOCABULARY_FILE} has {len(vocabulary)} word pieces; "
            f"the weights, {config['vocab_size']}"
        )
    return Bert(backbone, vocabulary, **_tokenizer_settings(folder / TOKENIZER_FILE))


def _tokenizer_settings(path: Path) -> dict[str, Any]:
    """How texts are read, as Hugging Face's tokenizer understands its file; by default as uncased."""
    settings = read_json(path) if path.is_file() else {}
    read = {
        "lowercase": settings.get("do_lower_case", True),
        "strip_accents": settings.get("strip_accents"),
        "split_chinese": settings.get("tokenize_chinese_chars", True),
    }
    for name, value in read.items():
        if not isinstance(value, bool) and not (name == "strip_accents" and value is None):
            raise InputError(
                f"{path}: do_lower_case, strip_accents and tokenize_chinese_chars are true or false"
            )
    return read


def _vocabulary(path: Path) -> tuple[str, ...]:
    """Word pieces in the order of their ids, BERT's special ones among them."""
    try:
        vocabulary = tuple(path.read_text(encoding="utf-8").rstrip("\n").split("\n"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a UTF-8 text file: {error}") from error
    for piece in ("[PAD]", "[UNK]", "[CLS]", "[SEP]"):
        if piece not in vocabulary:
            raise InputError(f"{path} has no {piece}")
    if vocabulary[0] != "[PAD]":
        raise InputError(f"{path}: [PAD] must be the first piece, as in every BERT, not '{vocabulary[0]}'")
    return vocabulary


def _backbone(config: dict[str, Any]) -> keras_nlp.models.BertBackbone:
    """An untrained backbone of the configuration's shape."""
    return keras_nlp.models.BertBackbone(
        vocabulary_size=config["vocab_size"],
        num_layers=config["num_hidden_layers"],
        num_heads=config["num_attention_heads"],
        hidden_dim=config["hidden_size"],
        intermediate_dim=config["intermediate_size"],
        dropout=config.get("hidden_dropout_prob", 0.1),
        max_sequence_length=config["max_position_embeddings"],
        num_segments=config.get("type_vocab_size", 2),
    )


def _fill(backbone: keras_nlp.models.BertBackbone, path: Path) -> None:
    """Copies the stored tensors into the backbone."""
    try:
        with safe_open(str(path), framework="numpy") as tensors:
            names = set(tensors.keys())
            prefix = "bert." if f"bert.{_EMBEDDING_TENSORS['token_embedding'][0]}" in names else ""

            def read(name: str) -> np.ndarray:
                first = name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta")
                if prefix + first in names:  # as in the first BERTs
                    name = first
                if prefix + name not in names:
                    raise InputError(f"{path} has no tensor '{prefix}{name}'")
                return tensors.get_tensor(prefix + name)

            for layer, tensor_names in _EMBEDDING_TENSORS.items():
                _assign(backbone.get_layer(layer), [read(name) for name in tensor_names], path)
            for index in range(backbone.num_layers):
                values = [
                    read(f"encoder.layer.{index}.{name}").T
                    if transposed
                    else read(f"encoder.layer.{index}.{name}")
                    for name, transposed in _LAYER_TENSORS
                ]
                _assign(backbone.get_layer(f"transformer_layer_{index}"), values, path)
    except SafetensorError as error:
        raise InputError(f"{path} is not a safetensors file: {error}") from error


def _assign(layer: Any, values: list[np.ndarray], path: Path) -> None:
    """Sets a layer's weights; attention kernels are stored flat and kept by head."""
    shaped = []
    for variable, value in zip(layer.weights, values, strict=True):
        same_rank = len(variable.shape) == value.ndim  # attention's is another
        if variable.shape.num_elements() != value.size or (same_rank and variable.shape != value.shape):
            raise InputError(
                f"{path}: {variable.name} needs shape {tuple(variable.shape)}, not {value.shape}"
            )
        shaped.append(value.reshape(variable.shape).astype(np.float32))
    layer.set_weights(shaped)


@untouched_by_autograph
def random_bert(num_layers: int, hidden_dim: int, max_tokens: int) -> Bert:
    """A small BERT with random weights that spells texts out by ASCII characters, for tests.

    Args:
      num_layers: Transformer layers.
      hidden_dim: Width; divided by the 2 attention heads.
      max_tokens: Longest text.
    """
    characters = [chr(code) for code in range(33, 127)]
    vocabulary = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters, *(f"##{c}" for c in characters))
    backbone = keras_nlp.models.BertBackbone(
        vocabulary_size=len(vocabulary),
        num_layers=num_layers,
        num_heads=2,
        hidden_dim=hidden_dim,
        intermediate_dim=2 * hidden_dim,
        max_sequence_length=max_tokens,
    )
    return Bert(backbone, vocabulary)
