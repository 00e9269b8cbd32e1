"""Configuration of the gate: what a trained version must reach before it is pushed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from pipeline.config.base import Frozen
from pipeline.config.ranking_gate import RankingGateConfig

ListMetric = Literal[
    "recall@20",
    "hit_rate@10",
    "ndcg@10",
    "mrr@20",
    "novelty@20",
    "diversity@20",
    "popularity_bias@20",
    "coverage@20",
]
Recommending = Literal["retrieval", "recommender"]


class ListThreshold(Frozen):
    """What lists must reach, over all requests or those of one slice.

    Attributes:
      model: Whose lists: `retrieval` alone, or the whole path.
      metric: See :mod:`serving.list_evaluation.metrics`.
      slice: Slice feature to its value, such as `user: cold`; one at most, by default all requests.
      at_least: Lowest value.
      at_most: Highest value.
      beats: Baselines (`popularity`, `item_knn`, or `retrieval`) that must be exceeded.
      lose_at_most: Share of the last blessed bundle's value, on the same requests, that may be lost. A loss
        within the confidence bounds is none. It is asked of `recommender` alone, the one that both have.
    """

    model: Recommending = "recommender"
    metric: ListMetric
    slice: dict[str, str] = Field(default_factory=dict, max_length=1)
    at_least: float | None = None
    at_most: float | None = None
    beats: tuple[Literal["popularity", "item_knn", "retrieval"], ...] = ()
    lose_at_most: float | None = Field(default=None, ge=0, lt=1)

    @model_validator(mode="after")
    def _asks_for_something(self) -> ListThreshold:
        if self.at_least is None and self.at_most is None and self.lose_at_most is None and not self.beats:
            raise ValueError("give one at least of at_least, at_most, beats and lose_at_most")
        if self.lose_at_most is not None and self.model != "recommender":
            raise ValueError("lose_at_most is for the recommender, which the last bundle is compared by")
        return self


def _defaults() -> tuple[ListThreshold, ...]:
    """Above the baselines, and no group of people worse off than with the last bundle."""
    metrics: tuple[ListMetric, ...] = ("recall@20", "ndcg@10")
    baselines: tuple[Literal["popularity", "item_knn"], ...] = ("popularity", "item_knn")
    beaten = [
        ListThreshold(model=model, metric=metric, beats=baselines)
        for model in ("retrieval", "recommender")
        for metric in metrics
    ]
    kept = [ListThreshold(metric=metric, lose_at_most=0.05) for metric in metrics]
    slices = ({"user": "cold"}, {"user": "warm"}, {"item": "cold"})
    kept += [ListThreshold(metric="recall@20", slice=group, lose_at_most=0.15) for group in slices]
    return (*beaten, *kept)


class GateConfig(Frozen):
    """What a trained version must reach on the test split before it is pushed.

    Attributes:
      lists: Thresholds of lists. By default retrieval and the whole path exceed popularity and item-kNN in
        recall@20 and NDCG@10; of the last bundle's figures no more than 5% may be lost, of its recall@20
        for users or items without an interaction, and for known users, no more than 15%.
      beat_item_mean: The error of a `value` task must be below the per-item mean's.
      ranking: Thresholds of the ranking tasks, which TFMA judges.
      min_index_recall: Lowest recall@10 of the index against exact search.
      max_skew: Largest difference between what exported graphs make of raw requests and what the trained
        models say of training's features, as a share of the outputs' spread.
      min_slice_requests: A slice of fewer requests says too little, and is not judged.
    """

    lists: tuple[ListThreshold, ...] = Field(default_factory=_defaults)
    beat_item_mean: bool = True
    ranking: RankingGateConfig = RankingGateConfig()
    min_index_recall: float = Field(default=0.9, ge=0, le=1)
    max_skew: float = Field(default=1e-3, gt=0)
    min_slice_requests: int = Field(default=100, ge=1)
