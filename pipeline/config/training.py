"""Configuration of retrieval, of the index and of the fusion."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from pipeline.config.base import Frozen


class HistoryEncoderConfig(Frozen):
    """How a user's history becomes one vector.

    Attributes:
      kind: `self_attention` (SASRec, with positions and time gaps), `gru`, `cnn` (causal convolutions) or
        `mean`.
      blocks: Attention blocks or convolutions.
      heads: Attention heads; they must divide `embedding_dim`.
      dropout: Dropout inside the encoder.
    """

    kind: Literal["self_attention", "gru", "cnn", "mean"] = "self_attention"
    blocks: int = Field(default=2, ge=1)
    heads: int = Field(default=2, ge=1)
    dropout: float = Field(default=0.3, ge=0, lt=1)


class RetrievalConfig(Frozen):
    """The two-tower model.

    Attributes:
      embedding_dim: Width of the directions in which queries meet candidates; one more dimension holds
        popularity and its weight.
      attribute_dim: Width of attribute embeddings.
      content_dim: Width to which an item's text and each of its dense vectors are projected.
      reads_text: Whether the candidate tower reads texts; without, they are a source of candidates alone.
      history_encoder: How the history becomes one vector.
      user_id: Whether a user has an embedding beside the history. Without one, a user is what he did,
        and a new user is answered as well as one that training has seen.
      hidden_dims: Hidden layers of each tower.
      dropout: Dropout of the towers' hidden layers.
      id_dropout: Share of a step's item ids replaced by the out-of-vocabulary row, so that
        text and attributes learn to carry an item without an id.
      time_dropout: Share of a batch's queries whose histories lose what follows from their times, so that
        requests without them are answered well, and no request is answered by them alone: long after the
        last event of the log they are like none that training has seen.
      attribute_dropout: Share of a batch's queries that lose all attributes, so that histories learn to say
        what they can, and attributes, by which a training would else know each user, say the rest.
      loss: `softmax` over the candidates of a step, or `bpr`, one candidate at a time.
      sampler: The candidates of a step. `full` is the whole corpus; `in_batch` the step's own items, with
        the logQ correction; `mixed` adds `num_uniform` items drawn evenly from the corpus; `hard` adds
        the best rivals of the step's requests as well. `auto` is `full` for a corpus of up to `full_below`
        items, else `mixed`.
      full_below: See `sampler`.
      num_uniform: See `sampler`.
      num_hard: Rivals of each request that `hard` adds.
      window_stride: Events between the examples of a user that a pass reads: each teaches the next event
        at all moments of its history, so that those in between teach little more.
      shuffle_ties: Whether events of one second, whose order means little, come in another order in each
        pass.
      epochs: Passes at most.
      text_epochs: Passes in which the text tower is fine-tuned, if `text.training` says so; after them its
        embeddings are computed once and kept, which makes a pass many times cheaper.
      patience: Epochs without a better validation NDCG before training stops; the best one counts. Without
        (`null`) every epoch is run, and the last one counts.
      validation_examples: Examples of the eval split, evenly spaced, by which it is judged
        after each epoch; all of them if there are no more.
      batch_size: Examples a step.
      learning_rate: Of the towers (Adam).
      text_learning_rate: Of the text tower's fine-tuned layers.
      initial_temperature: Start value of the learnt temperature.
    """

    embedding_dim: int = Field(default=64, ge=2)
    attribute_dim: int = Field(default=8, ge=1)
    content_dim: int = Field(default=32, ge=1)
    reads_text: bool = True
    history_encoder: HistoryEncoderConfig = HistoryEncoderConfig()
    user_id: bool = False
    hidden_dims: tuple[int, ...] = (128,)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    id_dropout: float = Field(default=0.1, ge=0, lt=1)
    time_dropout: float = Field(default=0.1, ge=0, lt=1)
    attribute_dropout: float = Field(default=0.2, ge=0, lt=1)
    loss: Literal["softmax", "bpr"] = "softmax"
    sampler: Literal["auto", "full", "in_batch", "mixed", "hard"] = "auto"
    full_below: int = Field(default=10_000, ge=0)
    num_uniform: int = Field(default=1024, ge=1)
    num_hard: int = Field(default=10, ge=1)
    window_stride: int = Field(default=10, ge=1)
    shuffle_ties: bool = True
    epochs: int = Field(default=30, ge=1)
    text_epochs: int = Field(default=1, ge=0)
    patience: int | None = Field(default=4, ge=1)
    validation_examples: int = Field(default=20_000, ge=1)
    batch_size: int = Field(default=128, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0)
    text_learning_rate: float = Field(default=2e-5, gt=0)
    initial_temperature: float = Field(default=0.1, gt=0)

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> RetrievalConfig:
        encoder = self.history_encoder
        if encoder.kind == "self_attention" and self.embedding_dim % encoder.heads:
            raise ValueError(
                f"history_encoder.heads ({encoder.heads}) must divide embedding_dim ({self.embedding_dim})"
            )
        return self

    def sampler_for(self, num_items: int) -> str:
        """The sampler that the configuration means for a corpus of this size."""
        if self.sampler != "auto":
            return self.sampler
        return "full" if num_items <= self.full_below else "mixed"


class IndexConfig(Frozen):
    """The index over candidate embeddings.

    Attributes:
      kind: `auto` goes by the size of the corpus: exact below `exact_below`, ScaNN above it.
      exact_below: See `kind`.
      partition_above: Candidates from which on a ScaNN index is partitioned; below, its codes alone find
        enough, and few partitions would lose too much.
      retrieved: Candidates that `recommender` takes from the index.
      from_others: Candidates that it takes from each source of collaborative filtering, and from the texts.
      recall_queries: Queries, drawn with the run's seed, on which recall is measured.
    """

    kind: Literal["auto", "exact", "scann"] = "auto"
    exact_below: int = Field(default=20_000, ge=0)
    partition_above: int = Field(default=5_000, ge=0)
    retrieved: int = Field(default=100, ge=1)
    from_others: int = Field(default=50, ge=1)
    recall_queries: int = Field(default=1000, ge=1)


class FusionConfig(Frozen):
    """How the sources of candidates and the ranking tasks are made into one order.

    Attributes:
      sources: The scores that count: `retrieval`, `content`, the names of collaborative filtering's sources
        and of the ranking tasks. All of them by default.
      hidden_dim: Width of the network that sees all scores together.
      epochs: Passes over the eval split at most.
      patience: Epochs without a better order before training stops.
      learning_rate: Adam's.
      regularization: Of the weights' squares.
      max_examples: Interactions of the eval split that are learnt from; of more, a sample is.
    """

    sources: tuple[str, ...] | None = None
    hidden_dim: int = Field(default=16, ge=1)
    epochs: int = Field(default=60, ge=1)
    patience: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=3e-3, gt=0)
    regularization: float = Field(default=1e-5, ge=0)
    max_examples: int = Field(default=20_000, ge=1)
