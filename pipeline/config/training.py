"""Configuration of the models: text tower, retrieval and index; ranking has its own file."""

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
      trainable_layers: Layers from the top that are fine-tuned; the others stay frozen and
        are computed once for each text of the corpus.
      cache_mb: Memory that the frozen layers' outputs may take while training; above it they
        are computed anew in each batch.
      random_layers: Transformer layers of a `random` tower.
      random_hidden_dim: Width of a `random` tower.
    """

    weights: str = "minilm"
    max_tokens: int = Field(default=16, ge=3, le=512)
    trainable_layers: int = Field(default=1, ge=0)
    cache_mb: int = Field(default=1024, ge=0)
    random_layers: int = Field(default=2, ge=1)
    random_hidden_dim: int = Field(default=32, ge=4)

    def folder(self) -> Path | None:
        """The weights' folder if `weights` names one."""
        return None if self.weights in ("minilm", "random") else Path(self.weights)


class RetrievalConfig(Frozen):
    """The two-tower model.

    Attributes:
      embedding_dim: Width of the space in which queries meet candidates.
      id_dim: Width of id embeddings.
      attribute_dim: Width of attribute embeddings.
      vector_dim: Width to which each dense vector of an item is projected.
      history_encoder: How the history becomes one vector.
      hidden_dims: Hidden layers of each tower.
      dropout: Dropout of the towers' hidden layers.
      id_dropout: Share of a batch's item ids replaced by the out-of-vocabulary row, so that
        text and attributes learn to carry an item without an id.
      time_dropout: Share of a batch's queries whose histories lose their times, so that requests
        without them are answered well, and no request is answered by them alone: long after the last
        event of the log they are like none that training has seen.
      epochs: Passes over the training split at most.
      text_epochs: Passes in which the text tower is fine-tuned as well; after them its embeddings
        are computed once and kept, which makes a pass many times cheaper.
      patience: Epochs without a better validation recall before training stops.
      validation_examples: Examples of the eval split, evenly spaced, by which recall is measured
        after each epoch; all of them if there are no more.
      batch_size: Examples a step; also the number of in-batch negatives.
      learning_rate: Of the towers (Adam).
      text_learning_rate: Of the text tower's fine-tuned layers.
      initial_temperature: Start value of the learnt temperature.
    """

    embedding_dim: int = Field(default=64, ge=2)
    id_dim: int = Field(default=64, ge=2)
    attribute_dim: int = Field(default=8, ge=1)
    vector_dim: int = Field(default=32, ge=1)
    history_encoder: Literal["mean", "attention"] = "attention"
    hidden_dims: tuple[int, ...] = (128,)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    id_dropout: float = Field(default=0.1, ge=0, lt=1)
    time_dropout: float = Field(default=0.1, ge=0, lt=1)
    epochs: int = Field(default=8, ge=1)
    text_epochs: int = Field(default=1, ge=0)
    patience: int = Field(default=2, ge=1)
    validation_examples: int = Field(default=20_000, ge=1)
    batch_size: int = Field(default=1024, ge=2)
    learning_rate: float = Field(default=2e-3, gt=0)
    text_learning_rate: float = Field(default=2e-5, gt=0)
    initial_temperature: float = Field(default=0.1, gt=0)


class IndexConfig(Frozen):
    """The index over candidate embeddings.

    Attributes:
      kind: `auto` goes by the size of the corpus: exact below `exact_below`, quantised and
        rescored below `partition_above`, partitioned as well above it.
      exact_below: See `kind`.
      partition_above: See `kind`.
      retrieved: Candidates that `recommender` retrieves for the ranking model.
      recall_queries: Queries, drawn with the run's seed, on which recall is measured.
    """

    kind: Literal["auto", "exact", "scann"] = "auto"
    exact_below: int = Field(default=20_000, ge=0)
    partition_above: int = Field(default=100_000, ge=0)
    retrieved: int = Field(default=100, ge=1)
    recall_queries: int = Field(default=1000, ge=1)
