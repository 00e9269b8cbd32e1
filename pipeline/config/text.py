"""Configuration of the text tower."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.config.base import Frozen


class TextTowerConfig(Frozen):
    """The BERT that reads an item's title and text.

    Attributes:
      weights: `minilm` (fetched and cached), `random` (small, for tests), or a folder in
        Hugging Face layout (`config.json`, `vocab.txt`, `model.safetensors`).
      max_tokens: Tokens of a text that are read, the special ones included.
      training: What is fine-tuned: nothing (`frozen`), the topmost layers (`top`), all layers and the
        embeddings (`all`), or low-rank updates of every layer's query and value projections (`lora`;
        Hu et al. 2021), which are merged into the weights after training.
      trainable_layers: For `top`: layers from the top that are fine-tuned; the others stay frozen and
        are computed once for each text of the corpus.
      lora_rank: For `lora`: rank of an update.
      lora_alpha: For `lora`: an update counts `lora_alpha / lora_rank` times.
      cache_mb: Memory that the frozen layers' outputs may take while training; above it they
        are computed anew in each batch.
      disk_cache_mb: Disk that what frozen layers made of texts may take in the cache folder, over all
        runs; what was used least recently goes first. 0 keeps nothing.
      random_layers: Transformer layers of a `random` tower.
      random_hidden_dim: Width of a `random` tower.
    """

    weights: str = "minilm"
    max_tokens: int = Field(default=16, ge=3, le=512)
    training: Literal["frozen", "top", "all", "lora"] = "frozen"
    trainable_layers: int = Field(default=1, ge=0)
    lora_rank: int = Field(default=8, ge=1)
    lora_alpha: float = Field(default=16.0, gt=0)
    cache_mb: int = Field(default=1024, ge=0)
    disk_cache_mb: int = Field(default=4096, ge=0)
    random_layers: int = Field(default=2, ge=1)
    random_hidden_dim: int = Field(default=32, ge=4)

    def folder(self) -> Path | None:
        """The weights' folder if `weights` names one."""
        return None if self.weights in ("minilm", "random") else Path(self.weights)
