"""The space of a search, judged by the configuration's own models before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, product
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from pipeline.config.base import Frozen
from pipeline.config.run import RunConfig, explained, read_settings
from pipeline.config.tuning import Dimension, Model, TuningConfig
from pipeline.errors import InputError

Section = TypeVar("Section", bound=Frozen)

# They say how long a trial trains, or change what is measured, by which trials are compared.
_NOT_TUNED = {
    "retrieval": {
        "epochs": "it is a trial's budget: --epochs",
        "validation_examples": "trials are compared by what it changes",
    },
    "ranking": {
        "epochs": "it is a trial's budget: --epochs",
        "tasks": "trials are compared by the loss, which it changes",
        "loss_weights": "trials are compared by the loss, which it changes",
    },
}


def load_space(path: Path) -> TuningConfig:
    """Reads a search space from a file of its own.

    Args:
      path: A YAML file of what the configuration's section `tuning` may hold.

    Raises:
      InputError: The file cannot be read, is not YAML, or breaks the model; the message names each key.
    """
    try:
        return TuningConfig.model_validate(read_settings(path))
    except ValidationError as error:
        raise InputError(f"{path} is not a valid search space:\n{explained(error)}") from error


def with_values(section: Section, values: Mapping[str, Any]) -> Section:
    """A section of the configuration with some of its settings replaced.

    Args:
      section: The section.
      values: Dotted key to value.

    Raises:
      InputError: There is no such key, or a value does not fit; the message names it.
    """
    settings = section.model_dump()
    for key, value in values.items():
        place, name = _place(settings, key)
        place[name] = value
    try:
        return type(section).model_validate(settings)
    except ValidationError as error:
        given = ", ".join(f"{key}: {value}" for key, value in values.items())
        raise InputError(f"{given} cannot be:\n{explained(error)}") from error


def value_at(section: Frozen, key: str) -> Any:
    """The value of a dotted key.

    Raises:
      InputError: There is no such key.
    """
    place, name = _place(section.model_dump(), key)
    return place[name]


def _place(settings: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    """The mapping that holds a dotted key, and the key's last part."""
    *path, name = key.split(".")
    place: Any = settings
    for part in path:
        place = place.get(part) if isinstance(place, dict) else None
    if not isinstance(place, dict) or name not in place:
        known = ", ".join(sorted(place if isinstance(place, dict) else settings))
        raise InputError(f"{key}: unknown key; there are {known}")
    if isinstance(place[name], dict):
        inside = ", ".join(f"{key}.{part}" for part in sorted(place[name]))
        raise InputError(f"{key}: a section; name what is in it: {inside}")
    return place, name


def checked_space(config: RunConfig, of: Model) -> dict[str, Dimension]:
    """The space of one model's settings, every value of it judged by that model's configuration.

    Values are tried two keys at a time, the others with their first value; of a continuous range its ends.

    Args:
      config: The configuration.
      of: Whose settings.

    Returns:
      Key to the values that it may take; the ends of a range are int for a whole number, else float.

    Raises:
      InputError: A key is unknown or cannot be tuned, or a value does not fit; the message names it.
    """
    section: Frozen = getattr(config, of)
    declared: dict[str, Dimension] = getattr(config.tuning, of)
    try:
        space = {key: _typed(section, key, dimension, of) for key, dimension in declared.items()}
        samples = {key: dimension.samples() for key, dimension in space.items()}
        # Beside other values that are tried, never beside one that is configured and not among them.
        first = with_values(section, {key: values[0] for key, values in samples.items()})
        for keys in combinations(samples, min(2, len(samples))):
            for values in product(*(samples[key] for key in keys)):
                with_values(first, dict(zip(keys, values, strict=True)))
    except InputError as error:
        raise InputError(f"tuning.{of}: {error}") from error
    return space


def _typed(section: Frozen, key: str, dimension: Dimension, of: Model) -> Dimension:
    """A dimension with the ends of its range of the setting's own type."""
    value = value_at(section, key)
    reason = _NOT_TUNED[of].get(key)
    if reason is not None:
        raise InputError(f"{key}: cannot be tuned; {reason}")
    if dimension.min is None or dimension.max is None:
        return dimension
    ends = (dimension.min, dimension.max)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{key}: is no number, and has no range; give 'choices'")
    if isinstance(value, float):
        if dimension.step is not None:
            raise InputError(f"{key}: 'step' is for whole numbers")
        return dimension.model_copy(update={"min": float(ends[0]), "max": float(ends[1])})
    if any(end != int(end) for end in ends):
        raise InputError(f"{key}: is a whole number, and its range is from {ends[0]} to {ends[1]}")
    return dimension.model_copy(update={"min": int(ends[0]), "max": int(ends[1])})
