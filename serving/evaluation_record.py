"""What was measured of a bundle and what became of it: the one form of `evaluation.json`."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from pipeline.config.base import Frozen

IndexKind = Literal["exact", "scann"]

# The slice of everything, in each table of slices.
OVERALL, ALL = "overall", "all"
# The baseline of a value: the error of each item's mean.
ITEM_MEAN = "item_mean"


class _Record(Frozen):
    """Also a figure that is no number is kept, as `NaN`."""

    model_config = ConfigDict(ser_json_inf_nan="constants")


class Bounded(_Record):
    """A figure and its 95% confidence bounds.

    Attributes:
      value: The figure.
      low: Lower bound; `None` where the figure has none.
      high: Upper bound, likewise.
    """

    value: float
    low: float | None = None
    high: float | None = None


class ListFigures(_Record):
    """How good one recommender's lists are for one slice of the requests.

    Attributes:
      requests: How many there are.
      users: Of how many users.
      metrics: Name, such as `recall@20`, to figure.
    """

    requests: int
    users: int
    metrics: dict[str, Bounded]


class RankingFigures(_Record):
    """How well one ranking task is answered for one slice of the examples.

    Attributes:
      examples: How many have a label.
      metrics: `rmse`, `mae`, `auc`, `user_auc`, `calibration` (mean prediction over mean label),
        `mean_label`, `mean_prediction`: those that the task and the slice have.
      baselines: Name, such as `item_mean`, to the same metric of something simpler: `rmse` for a value.
    """

    examples: int
    metrics: dict[str, Bounded]
    baselines: dict[str, float] = Field(default_factory=dict)


class CalibrationBin(_Record):
    """Examples whose predictions are alike.

    Attributes:
      examples: How many.
      mean_prediction: Their mean.
      mean_label: What came true.
    """

    examples: int
    mean_prediction: float
    mean_label: float


class IndexFigures(_Record):
    """What was measured of one kind of index.

    Attributes:
      kind: `exact` or `scann`.
      recall_at_10: Share of the exact ten best that it finds.
      milliseconds_per_query: Median over single queries.
      rescored: Candidates that are scored exactly, if that was set.
      leaves: Partitions that are searched, if that was set.
    """

    kind: IndexKind
    recall_at_10: float
    milliseconds_per_query: float
    rescored: int | None = None
    leaves: int | None = None


class IndexReport(_Record):
    """The index against exact search, on seeded queries.

    Attributes:
      chosen: The kind that the bundle has.
      num_items: Size of the corpus.
      measured: One of each kind.
      curve: ScaNN's index searched more or less thoroughly, from the least to the most.
    """

    chosen: IndexKind
    num_items: int
    measured: tuple[IndexFigures, ...]
    curve: tuple[IndexFigures, ...] = ()


class Skew(_Record):
    """How far an exported graph on raw requests is from the model on training's features.

    Attributes:
      requests: How many were compared.
      largest: Largest difference, relative to the outputs' spread.
      tolerance: What is allowed.
    """

    requests: int
    largest: float
    tolerance: float


class Evaluation(_Record):
    """A bundle's evaluation.

    Attributes:
      format: Of this record.
      lists: Recommender (`popularity`, `item_knn`, `retrieval`, `recommender`, and `previous`, which is the
        `recommender` of the last blessed bundle) to slice feature (:data:`OVERALL`, `user`,
        `user_activity`, `item`, `item_popularity`, `item_age`, configured attributes) to slice value to
        figures. All are asked the same requests.
      previous: Version of the last blessed bundle; `None` if there is none that could be asked.
      ranking: Task to slice feature to slice value to figures.
      calibration: Task with probabilities to bins of equal counts, from low to high.
      index: The index.
      explanations: How true the events are that recommendations name as their reasons, see
        :func:`serving.list_evaluation.explanations.measure_explanations`; `None` if that was not measured.
      skew: Output of an exported graph, as `ranking/like`, to its skew.
      blessed: Whether the bundle may be pushed.
      reasons: Why not.
    """

    format: Literal[2] = 2
    lists: dict[str, dict[str, dict[str, ListFigures]]]
    previous: int | None = None
    ranking: dict[str, dict[str, dict[str, RankingFigures]]]
    calibration: dict[str, tuple[CalibrationBin, ...]] = Field(default_factory=dict)
    index: IndexReport
    explanations: ListFigures | None = None
    skew: dict[str, Skew] = Field(default_factory=dict)
    blessed: bool = False
    reasons: tuple[str, ...] = ()
