"""Configuration of what is measured of a trained version."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from pipeline.config.base import Frozen
from pipeline.errors import InputError
from schemas.features import (
    EVENT_TYPE,
    HOUR_OF_DAY,
    ITEM_ID,
    USER_ID,
    WEEKDAY,
    Encoding,
    FeatureSet,
    Stream,
)

# Slices that every evaluation has; serving/list_evaluation/slices.py says what they are.
REQUEST_SLICES = ("user", "user_activity", "item", "item_popularity", "item_age")


class EvaluationConfig(Frozen):
    """How a trained version is judged on the test split.

    Attributes:
      max_requests: Requests that the recommenders are asked at most, a seeded sample.
      bootstrap_samples: How often the users are drawn anew for confidence bounds.
      slices: Categories of the user, the item or the request, each value of which gets figures of its own,
        beside those that every evaluation has; see :func:`sliceable_features`.
      activity_edges: Bounds between users by their events before the request: `[0, 5]` parts "0", "1-5"
        and "over 5".
      age_edges_days: Bounds between items by the days since their first event in the log: `[7, 30]` parts
        "under 7 days", "7-29 days" and "30 days or more".
      ranking_samples: Draws of the users for the bounds of the ranking tasks' figures.
      calibration_bins: Bins of equal counts in which predicted probabilities are compared with what came
        true.
      skew_requests: Test interactions on which exported graphs are compared with the trained models.
      reason_requests: Requests whose recommendations' reasons are tried: what is named is taken out.
    """

    max_requests: int = Field(default=4000, ge=1)
    bootstrap_samples: int = Field(default=1000, ge=100)
    slices: tuple[str, ...] = ()
    activity_edges: tuple[Annotated[int, Field(ge=0)], ...] = (0, 5, 20, 100)
    age_edges_days: tuple[Annotated[int, Field(ge=1)], ...] = (7, 30, 90, 365)

    ranking_samples: int = Field(default=200, ge=2)
    calibration_bins: int = Field(default=10, ge=1)
    skew_requests: int = Field(default=512, ge=2)
    reason_requests: int = Field(default=256, ge=1)

    @model_validator(mode="after")
    def _edges_rise_and_slices_differ(self) -> EvaluationConfig:
        for name in ("activity_edges", "age_edges_days"):
            edges = getattr(self, name)
            if not edges or any(left >= right for left, right in pairwise(edges)):
                raise ValueError(f"{name} must be rising numbers, one at least, not {list(edges)}")
        twice = sorted({name for name in self.slices if self.slices.count(name) > 1})
        if twice:
            raise ValueError(f"slices names '{twice[0]}' twice")
        return self

    @property
    def slice_features(self) -> tuple[str, ...]:
        """All features by which figures are sliced."""
        return (*REQUEST_SLICES, *self.slices)

    def check_slices(self, features: FeatureSet) -> None:
        """Checks the names of the configured slices.

        Args:
          features: Those of the data source.

        Raises:
          InputError: There is no such category.
        """
        known = sliceable_features(features)
        unknown = [name for name in self.slices if name not in known]
        if unknown:
            there = ", ".join(known) or "none"
            raise InputError(
                f"evaluation.slices names '{unknown[0]}', which is no category of the data; there are {there}"
            )


def sliceable_features(features: FeatureSet) -> tuple[str, ...]:
    """Names of the categories by which requests can be parted.

    Args:
      features: Those of a data source.

    Returns:
      The users' and the items' categories, `event_type` if there are any, `hour_of_day` and `weekday`.
    """
    categories = [
        feature.name
        for stream in Stream
        for feature in features.of(stream, Encoding.VOCABULARY)
        if feature.name not in (USER_ID, ITEM_ID)
    ]
    has_types = any(feature.name == EVENT_TYPE for feature in features)
    return (*categories, *((EVENT_TYPE,) if has_types else ()), HOUR_OF_DAY, WEEKDAY)
