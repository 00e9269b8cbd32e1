"""What the ranking tasks must reach on the test split."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from pipeline.config.base import Frozen
from pipeline.config.ranking import TaskConfig

# Metric to the direction in which it is better; `None` where neither end is.
REGRESSION_METRICS: dict[str, Literal["higher", "lower"] | None] = {
    "rmse": "lower",
    "mae": "lower",
    "mean_label": None,
    "mean_prediction": None,
}
PROBABILITY_METRICS: dict[str, Literal["higher", "lower"] | None] = {
    "auc": "higher",
    "log_loss": "lower",
    "calibration": None,
    "mean_label": None,
    "mean_prediction": None,
}
# It needs a user's examples together, so that it is measured beside TFMA, and of everything alone.
USER_AUC = "user_auc"
_WHERE = "gate.ranking.thresholds"


def metrics_of(task: TaskConfig) -> dict[str, Literal["higher", "lower"] | None]:
    """The metrics that TFMA measures of a task, each with the direction in which it is better."""
    return REGRESSION_METRICS if task.is_regression else PROBABILITY_METRICS


class MetricBound(Frozen):
    """Within what a metric must stay.

    Attributes:
      at_least: Lowest value.
      at_most: Highest value.
      lose_at_most: Share of the last blessed bundle's figure by which it may be worse, on the same examples;
        says nothing where there is none. Only for metrics of which one end is better.
      slice: The slice that is meant, slice feature to value, as `user: cold`; by default everything.
    """

    at_least: float | None = None
    at_most: float | None = None
    lose_at_most: float | None = Field(default=None, ge=0)
    slice: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _bounds_something(self) -> MetricBound:
        if self.at_least is None and self.at_most is None and self.lose_at_most is None:
            raise ValueError("give at least one of 'at_least', 'at_most' and 'lose_at_most'")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"nothing is at least {self.at_least:g} and at most {self.at_most:g}")
        return self


class RankingGateConfig(Frozen):
    """What the ranking model must reach on the test split before it is pushed.

    Attributes:
      thresholds: Task to metric to its bound, or to several, for one slice each:
        `{like: {auc: [{at_least: 0.6}, {at_least: 0.55, slice: {user: cold}}]}}`. A regression has `rmse`,
        `mae`, `mean_label` and `mean_prediction`; a probability `auc`, `user_auc` (of everything alone),
        `log_loss`, `calibration` (mean prediction over mean label), `mean_label` and `mean_prediction`.
      min_auc: Lowest AUC of a probability whose `auc` has no thresholds; `null` for none.
      max_loss: Share of the last blessed bundle's AUC, or of its RMSE of a regression, by which one without
        thresholds may be worse; `null` for any.
    """

    thresholds: dict[str, dict[str, tuple[MetricBound, ...]]] = Field(default_factory=dict)
    min_auc: float | None = Field(default=0.5, ge=0, le=1)
    max_loss: float | None = Field(default=0.05, ge=0)

    @field_validator("thresholds", mode="before")
    @classmethod
    def _one_bound_is_several(cls, thresholds: Any) -> Any:
        """A lone bound may stand without brackets."""
        if not isinstance(thresholds, dict):
            return thresholds

        def several(bounds: Any) -> Any:
            return (bounds,) if isinstance(bounds, dict | MetricBound) else bounds

        return {
            task: {name: several(bounds) for name, bounds in metrics.items()}
            if isinstance(metrics, dict)
            else metrics
            for task, metrics in thresholds.items()
        }

    def bounds_of(self, task: TaskConfig) -> dict[str, tuple[MetricBound, ...]]:
        """Metric to its bounds, those of every task of its kind among them."""
        name = "rmse" if task.is_regression else "auc"
        lowest = None if task.is_regression else self.min_auc
        own = self.thresholds.get(task.name, {})
        if name in own or (lowest is None and self.max_loss is None):
            return own
        return {**own, name: (MetricBound(at_least=lowest, lose_at_most=self.max_loss),)}

    def check_tasks(self, tasks: tuple[TaskConfig, ...]) -> None:
        """Checks that every threshold is of a task and a metric that there are.

        Args:
          tasks: The ranking model's.

        Raises:
          ValueError: One is not, or bounds what it cannot.
        """
        known = {task.name: task for task in tasks}
        for name, metrics in self.thresholds.items():
            if name not in known:
                raise ValueError(f"{_WHERE}: there is no task '{name}'; there are {', '.join(known)}")
            for metric, bounds in metrics.items():
                _check_metric(known[name], metric, bounds)


def _check_metric(task: TaskConfig, metric: str, bounds: tuple[MetricBound, ...]) -> None:
    """Raises `ValueError` if a task's metric cannot be bound like this."""
    directions = metrics_of(task) if task.is_regression else {**metrics_of(task), USER_AUC: "higher"}
    if metric not in directions:
        raise ValueError(
            f"{_WHERE}: task '{task.name}' has no metric '{metric}'; it has {', '.join(directions)}"
        )
    slices = [bound.slice for bound in bounds]
    if any(slices.count(one) > 1 for one in slices):
        raise ValueError(f"{_WHERE}: {task.name}.{metric} bounds one slice twice; join the bounds")
    for bound in bounds:
        if bound.lose_at_most is not None and directions[metric] is None:
            raise ValueError(
                f"{_WHERE}: {task.name}.{metric} cannot get worse, since neither more nor less of it is "
                "better; take 'at_least' and 'at_most' in place of 'lose_at_most'"
            )
        if metric == USER_AUC and bound.slice:
            raise ValueError(f"{_WHERE}: {task.name}.{metric} is not measured of slices; take 'auc'")
