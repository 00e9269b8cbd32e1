"""Configuration of the search for hyperparameters."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from pipeline.config.base import Frozen

Model = Literal["retrieval", "ranking"]


class Dimension(Frozen):
    """The values that a setting may take: a range, or a few choices.

    Attributes:
      min: The range's lowest value.
      max: Its highest one.
      log: Whether all orders of magnitude of the range are alike, not all differences.
      step: Distance between two whole numbers of the range; 1 by default.
      choices: The values, of any type that the setting has.
    """

    min: int | float | None = None
    max: int | float | None = None
    log: bool = False
    step: int | None = Field(default=None, ge=1)
    choices: tuple[Any, ...] | None = None

    @model_validator(mode="after")
    def _is_a_range_or_choices(self) -> Dimension:
        if (self.choices is None) == (self.min is None and self.max is None):
            raise ValueError("either 'min' and 'max', or 'choices' are needed")
        if self.choices is not None:
            if self.log or self.step is not None:
                raise ValueError("'log' and 'step' belong to a range, not to 'choices'")
            if len(self.choices) < 2:
                raise ValueError("one choice is none: give two at least")
            if any(choice in self.choices[:place] for place, choice in enumerate(self.choices)):
                raise ValueError("a choice is there twice")
        elif self.min is None or self.max is None:
            raise ValueError("a range needs both 'min' and 'max'")
        elif not self.min < self.max:
            raise ValueError(f"'min' ({self.min}) must be below 'max' ({self.max})")
        elif self.log and (self.min <= 0 or self.step is not None):
            raise ValueError("'log' needs a 'min' above 0, and no 'step'")
        return self

    def samples(self) -> list[Any]:
        """Values by which a range or all choices can be tried: the ends of a range that is continuous or
        long."""
        if self.choices is not None:
            return list(self.choices)
        low, high = self.min, self.max
        if isinstance(low, int) and isinstance(high, int) and not self.log:
            whole = range(low, high + 1, self.step or 1)
            return list(whole) if len(whole) <= 16 else [whole[0], whole[-1]]
        return [low, high]


def _range(low: float, high: float, log: bool = False) -> Dimension:
    return Dimension(min=low, max=high, log=log)


def _choices(*values: Any) -> Dimension:
    return Dimension(choices=values)


class TuningConfig(Frozen):
    """What `recstack tune` tries.

    Attributes:
      oracle: What proposes the values of the next trial: `random`, or `bayesian`, a Gaussian process that
        learns from the trials before (Snoek et al. 2012).
      initial_trials: Random trials before the Gaussian process proposes any.
      retrieval: Dotted key of the `retrieval` section to the values that it may take.
      ranking: The same of the `ranking` section.
    """

    oracle: Literal["random", "bayesian"] = "bayesian"
    initial_trials: int = Field(default=6, ge=2)
    retrieval: dict[str, Dimension] = Field(
        default={
            "learning_rate": _range(3e-4, 5e-3, log=True),
            "embedding_dim": _choices(32, 64, 128),
            "history_encoder.kind": _choices("self_attention", "gru", "cnn", "mean"),
            "history_encoder.dropout": _range(0.0, 0.5),
            "dropout": _range(0.0, 0.5),
            "id_dropout": _range(0.0, 0.3),
        },
        min_length=1,
    )
    ranking: dict[str, Dimension] = Field(
        default={
            "learning_rate": _range(3e-4, 1e-2, log=True),
            "hidden_dims": _choices((64,), (128, 64), (256, 128)),
            "dropout": _range(0.1, 0.7),
            "factor_dim": _choices(16, 32, 64),
            "factor_prior": _range(5.0, 80.0, log=True),
        },
        min_length=1,
    )


class Search(Frozen):
    """A search for the hyperparameters of one model.

    Attributes:
      space: Dotted key to the values that it may take, checked; see
        :func:`pipeline.config.search_space.checked_space`.
      oracle: See :class:`TuningConfig`.
      initial_trials: See :class:`TuningConfig`.
      trials: Trainings at most.
    """

    space: dict[str, Dimension]
    oracle: Literal["random", "bayesian"]
    initial_trials: int
    trials: int = Field(ge=1)
