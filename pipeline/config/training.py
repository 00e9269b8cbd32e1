"""Configuration of the models: retrieval, ranking and index."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from pipeline.config.base import Frozen


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


class TaskConfig(Frozen):
    """One task of the ranking model.

    Attributes:
      name: Its name in outputs, metrics and logs.
      kind: `value` regresses an interaction's value; `value_at_least` is whether the value
        reaches `threshold`; `above_usual` is whether it exceeds the mean of the user's earlier
        values (undefined, and weighted zero, for a first interaction); `event` is whether
        the event type is `event_type`.
      weight: Weight of its loss.
      threshold: For `value_at_least`.
      event_type: For `event`.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["value", "value_at_least", "above_usual", "event"]
    weight: float = Field(default=1.0, ge=0)
    threshold: float | None = None
    event_type: str | None = None

    @model_validator(mode="after")
    def _has_its_parameter(self) -> TaskConfig:
        if (self.kind == "value_at_least") != (self.threshold is not None):
            raise ValueError("'threshold' belongs to kind 'value_at_least', and to it alone")
        if (self.kind == "event") != (self.event_type is not None):
            raise ValueError("'event_type' belongs to kind 'event', and to it alone")
        return self

    @property
    def is_regression(self) -> bool:
        """Whether the task predicts a number rather than a probability."""
        return self.kind == "value"

    @property
    def label_name(self) -> str:
        """Name of the task's label among the transformed features."""
        return f"label_{self.name}"

    @property
    def weight_name(self) -> str:
        """Name of the label's example weight (0 where the label is undefined)."""
        return f"weight_{self.name}"


RETRIEVAL_SCORE = "retrieval"


class RankingConfig(Frozen):
    """The multi-task ranking model.

    Attributes:
      tasks: The tasks.
      order_by: Weight of each task, and of `retrieval`, in the order of recommendations; those not
        named weigh nothing. Values count in standard deviations, probabilities as logits, and
        retrieval's score divided by its temperature.
      hidden_dims: Hidden layers shared by all tasks.
      dropout: Dropout of the hidden layers.
      epochs: Passes over the training split at most.
      patience: Epochs without a lower validation loss before training stops.
      batch_size: Examples a step.
      learning_rate: Adam's.
    """

    tasks: tuple[TaskConfig, ...] = (
        TaskConfig(name="rating", kind="value"),
        TaskConfig(name="like", kind="value_at_least", threshold=4.0),
        TaskConfig(name="above_usual", kind="above_usual"),
    )
    order_by: dict[str, float] = Field(default_factory=lambda: {RETRIEVAL_SCORE: 1.0})
    hidden_dims: tuple[int, ...] = (128, 64)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    epochs: int = Field(default=4, ge=1)
    patience: int = Field(default=1, ge=1)
    batch_size: int = Field(default=1024, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0)

    @model_validator(mode="after")
    def _tasks_are_consistent(self) -> RankingConfig:
        names = [task.name for task in self.tasks]
        if not names:
            raise ValueError("at least one task is needed")
        if len(set(names)) != len(names):
            raise ValueError(f"two tasks share a name: {', '.join(names)}")
        if RETRIEVAL_SCORE in names:
            raise ValueError(f"a task cannot be named '{RETRIEVAL_SCORE}'")
        for name in self.order_by:
            if name not in (*names, RETRIEVAL_SCORE):
                known = ", ".join([*names, RETRIEVAL_SCORE])
                raise ValueError(f"order_by names '{name}'; there are {known}")
        return self


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
