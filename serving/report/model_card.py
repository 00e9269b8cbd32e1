"""A model card, by the names of Model Card Toolkit's schema 0.0.2 (Mitchell et al., 2019)."""

from __future__ import annotations

from pydantic import Field

from pipeline.config.base import Frozen


class Owner(Frozen):
    """Who answers for the model."""

    name: str
    contact: str = ""


class Version(Frozen):
    """Which model it is.

    Attributes:
      name: Of the version.
      date: When it was made, ISO 8601.
      diff: What changed since the one before.
    """

    name: str
    date: str = ""
    diff: str = ""


class License(Frozen):
    """Under what it may be used: an SPDX identifier, or a text of its own."""

    identifier: str = ""
    custom_text: str = ""


class Reference(Frozen):
    """Where more is said."""

    reference: str


class ModelDetails(Frozen):
    """What the model is."""

    name: str
    overview: str
    documentation: str = ""
    owners: tuple[Owner, ...] = ()
    version: Version
    licenses: tuple[License, ...] = ()
    references: tuple[Reference, ...] = ()


class Dataset(Frozen):
    """What it learnt from or was judged by."""

    name: str
    description: str = ""
    link: str = ""


class ModelParameters(Frozen):
    """How it is made, and what it takes and gives."""

    model_architecture: str
    data: tuple[Dataset, ...] = ()
    input_format: str
    output_format: str


class ConfidenceInterval(Frozen):
    """Bounds of a figure; numbers as text, as the schema has them."""

    lower_bound: str
    upper_bound: str


class PerformanceMetric(Frozen):
    """A figure; its value as text, as the schema has it."""

    type: str
    value: str
    slice: str = ""
    confidence_interval: ConfidenceInterval | None = None


class QuantitativeAnalysis(Frozen):
    """What was measured."""

    performance_metrics: tuple[PerformanceMetric, ...] = ()


class User(Frozen):
    """For whom it is made."""

    description: str


class UseCase(Frozen):
    """What it is made for."""

    description: str


class Limitation(Frozen):
    """What it cannot do."""

    description: str


class Tradeoff(Frozen):
    """What was given up for what."""

    description: str


class EthicalConsideration(Frozen):
    """A risk, and what is done about it."""

    name: str
    mitigation_strategy: str


class Considerations(Frozen):
    """What to think of before it is used."""

    users: tuple[User, ...] = ()
    use_cases: tuple[UseCase, ...] = ()
    limitations: tuple[Limitation, ...] = ()
    tradeoffs: tuple[Tradeoff, ...] = ()
    ethical_considerations: tuple[EthicalConsideration, ...] = ()


class ModelCard(Frozen):
    """A bundle's card."""

    schema_version: str = Field(default="0.0.2")
    model_details: ModelDetails
    model_parameters: ModelParameters
    quantitative_analysis: QuantitativeAnalysis
    considerations: Considerations

    def to_json(self) -> str:
        """As the schema wants it: what is not there is left out."""
        return self.model_dump_json(indent=2, exclude_none=True)
