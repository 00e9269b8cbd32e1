"""Configuration of the ranking model and its tasks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from pipeline.config.base import Frozen


class TaskConfig(Frozen):
    """One task of the ranking model.

    Attributes:
      name: Its name in outputs, metrics and logs.
      kind: `value` regresses an interaction's value; `value_at_least` is whether the value
        reaches `threshold`; `above_usual` is whether it exceeds the mean of the user's earlier
        values (undefined, and weighted zero, for a first interaction); `event` is whether
        the event type is `event_type`; `dwell` regresses log(1 + seconds) of dwelling (weighted zero
        where they are not known).
      weight: Weight of its loss.
      loss: `pointwise` judges each example alone; `listwise` judges how the examples of one user in a
        batch are ordered, see :class:`trainer.ranking_tasks.ListwiseRanking`, and leaves it to calibration to
        make probabilities of the scores. Regressions have no listwise loss.
      threshold: For `value_at_least`.
      event_type: For `event`.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["value", "value_at_least", "above_usual", "event", "dwell"]
    weight: float = Field(default=1.0, ge=0)
    loss: Literal["pointwise", "listwise"] = "pointwise"
    threshold: float | None = None
    event_type: str | None = None

    @model_validator(mode="after")
    def _has_its_parameter(self) -> TaskConfig:
        if (self.kind == "value_at_least") != (self.threshold is not None):
            raise ValueError("'threshold' belongs to kind 'value_at_least', and to it alone")
        if (self.kind == "event") != (self.event_type is not None):
            raise ValueError("'event_type' belongs to kind 'event', and to it alone")
        if self.loss == "listwise" and self.is_regression:
            raise ValueError(f"kind '{self.kind}' regresses a number, and a listwise loss has no scale")
        return self

    @property
    def is_value(self) -> bool:
        """Whether the task's label is the interaction's value itself."""
        return self.kind == "value"

    @property
    def is_regression(self) -> bool:
        """Whether the task predicts a number rather than a probability."""
        return self.kind in ("value", "dwell")

    @property
    def label_name(self) -> str:
        """Name of the task's label among the transformed features."""
        return f"label_{self.name}"

    @property
    def weight_name(self) -> str:
        """Name of the label's example weight (0 where the label is undefined)."""
        return f"weight_{self.name}"


class RankingConfig(Frozen):
    """The multi-task ranking model.

    Attributes:
      tasks: The tasks.
      loss_weights: `fixed` takes each task's own weight; `uncertainty` learns how noisy the tasks are and
        weighs them by it as well (Kendall et al. 2018).
      architecture: What the tasks share: one `shared_bottom`, the experts of `mmoe`, or of `ple`, in
        which each task has experts of its own too; see :mod:`trainer.bottoms`.
      num_experts: Experts that the tasks of `mmoe` and `ple` share.
      num_task_experts: Experts of each task of `ple`.
      hidden_dims: Hidden layers of the shared bottom or of each expert.
      cross_layers: DCN-v2 layers before the hidden ones, which multiply features with each other
        explicitly (Wang et al. 2021); 0 for none.
      cross_rank: Rank of a cross layer's matrix; 0 for full rank.
      attention_heads: Ways in which a candidate attends to the history; 0 for no attention.
      attention_dim: Width of a head.
      factor_dim: Width of the factors of items, users and histories; 0 for none. See
        :class:`trainer.history_factors.HistoryFactors`.
      factor_prior: Strength of the prior that keeps factors and biases near zero, counted in examples: a
        row with as many examples is half free.
      dropout: Dropout of the hidden layers.
      calibrated: Whether probabilities are calibrated on the eval split after training (Platt 1999).
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
    loss_weights: Literal["fixed", "uncertainty"] = "fixed"
    architecture: Literal["shared_bottom", "mmoe", "ple"] = "shared_bottom"
    num_experts: int = Field(default=4, ge=1)
    num_task_experts: int = Field(default=1, ge=1)
    hidden_dims: tuple[int, ...] = Field(default=(128, 64), min_length=1)
    cross_layers: int = Field(default=0, ge=0)
    cross_rank: int = Field(default=0, ge=0)
    attention_heads: int = Field(default=2, ge=0)
    attention_dim: int = Field(default=16, ge=1)
    factor_dim: int = Field(default=32, ge=0)
    factor_prior: float = Field(default=20.0, ge=0)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    calibrated: bool = True
    epochs: int = Field(default=8, ge=1)
    patience: int = Field(default=1, ge=1)
    batch_size: int = Field(default=1024, ge=2)
    learning_rate: float = Field(default=2e-3, gt=0)

    @property
    def has_lists(self) -> bool:
        """Whether a task's loss judges lists."""
        return any(task.loss == "listwise" for task in self.tasks)

    @model_validator(mode="after")
    def _tasks_are_consistent(self) -> RankingConfig:
        names = [task.name for task in self.tasks]
        if not names:
            raise ValueError("at least one task is needed")
        if len(set(names)) != len(names):
            raise ValueError(f"two tasks share a name: {', '.join(names)}")
        return self
