"""Configuration of collaborative filtering.

The defaults are those that did best on parts of MovieLens 100K's training ratings that were set aside.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.config.base import Frozen

Similarity = Literal["cosine", "pearson"]


class CollaborativeSource(Frozen):
    """What every source has.

    Attributes:
      kind: Which algorithm.
      name: Its name in outputs; by default the kind.
    """

    kind: str
    name: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*$")

    @property
    def source_name(self) -> str:
        """The name that it goes by."""
        return self.name or self.kind


class ItemKnnConfig(CollaborativeSource):
    """Items like those of the history (Sarwar et al. 2001).

    Attributes:
      similarity: `cosine` of who engaged with them; `pearson` of the values that their common users gave,
        each less the user's mean, or of who engaged with them where there are no values.
      shrinkage: Similarities count n / (n + shrinkage), where n is the number of common users. Cosine
        without it is many times faster to fit.
      neighbours: Similar items kept of each item.
    """

    kind: Literal["item_knn"] = "item_knn"
    similarity: Similarity = "cosine"
    shrinkage: float = Field(default=0.0, ge=0)
    neighbours: int = Field(default=200, ge=1)


class UserKnnConfig(CollaborativeSource):
    """What users with a similar history engaged with (Herlocker et al. 1999).

    Attributes:
      similarity: `cosine`, or `pearson` (the phi coefficient), of what was engaged with and what was not.
      shrinkage: Similarities count n / (n + shrinkage), where n is the number of common items.
      neighbours: Similar users that are asked.
      max_users: Users known at most; of more, a random sample is. A request is compared with each.
    """

    kind: Literal["user_knn"] = "user_knn"
    similarity: Similarity = "pearson"
    shrinkage: float = Field(default=0.0, ge=0)
    neighbours: int = Field(default=100, ge=1)
    max_users: int = Field(default=50_000, ge=1)


class EaseConfig(CollaborativeSource):
    """A linear model from the history to every item (Steck 2019).

    Attributes:
      regularization: Of the weights' squares; in interactions of an item.
      max_items: Largest corpus for which it is fitted; the source is left out of a larger one, with a
        warning. N items take N^3 time, 8 N^2 bytes while fitting, and 4 N^2 bytes in the model.
      kept: Largest weights kept of each item, by absolute value; all of them by default.
    """

    kind: Literal["ease"] = "ease"
    regularization: float = Field(default=500.0, gt=0)
    max_items: int = Field(default=25_000, ge=1)
    kept: int | None = Field(default=None, ge=1)


class IalsConfig(CollaborativeSource):
    """Matrix factorization of implicit feedback (Hu, Koren and Volinsky 2008).

    Attributes:
      factors: Width of the space in which users meet items.
      regularization: Of the factors' squares.
      alpha: What was engaged with counts 1 + alpha, anything else 1.
      iterations: Passes over users and items.
    """

    kind: Literal["ials"] = "ials"
    factors: int = Field(default=64, ge=1)
    regularization: float = Field(default=60.0, gt=0)
    alpha: float = Field(default=10.0, ge=0)
    iterations: int = Field(default=15, ge=1)


class ContentFactorsConfig(CollaborativeSource):
    """Where an item's text, vectors and attributes place it among factors (Gantner et al. 2010).

    Attributes:
      factors: Width of the space in which users meet items.
      regularization: Of the squares of the weights that tell an item's factors from its content; in items.
      max_values: Values of attributes that count; the most frequent ones. Width W of the content takes W^3
        time, and W^2 for each item.
    """

    kind: Literal["content_factors"] = "content_factors"
    factors: int = Field(default=32, ge=1)
    regularization: float = Field(default=30.0, gt=0)
    max_values: int = Field(default=1000, ge=0)


class PopularityConfig(CollaborativeSource):
    """How many users engaged with an item."""

    kind: Literal["popularity"] = "popularity"


AnySource = Annotated[
    ItemKnnConfig | UserKnnConfig | EaseConfig | IalsConfig | ContentFactorsConfig | PopularityConfig,
    Field(discriminator="kind"),
]


class CollaborativeConfig(Frozen):
    """The sources of collaborative filtering.

    Attributes:
      sources: Each fitted on its own; several may be of one kind under names of their own.
    """

    sources: tuple[AnySource, ...] = (
        ItemKnnConfig(),
        UserKnnConfig(),
        EaseConfig(),
        IalsConfig(),
        ContentFactorsConfig(),
        PopularityConfig(),
    )

    @model_validator(mode="after")
    def _names_are_unique(self) -> CollaborativeConfig:
        names = [source.source_name for source in self.sources]
        if not names:
            raise ValueError("at least one source is needed")
        if len(set(names)) != len(names):
            raise ValueError(f"two sources share a name: {', '.join(names)}; give one a 'name'")
        return self
