"""A model card as a page."""

from __future__ import annotations

from serving.report.blocks import Block, Lines, Section, Table, Text
from serving.report.figures import ABSENT
from serving.report.model_card import ModelCard
from serving.report.page import render_page


def card_page(card: ModelCard) -> str:
    """HTML of a model card; whatever is in it is escaped."""
    details = card.model_details
    subtitle = f"Version {details.version.name}, {details.version.date.replace('T', ' ')}"
    sections = [_details(card), _parameters(card), _analysis(card), _considerations(card)]
    return render_page(f"Model card: {details.name}", subtitle, sections)


def _details(card: ModelCard) -> Section:
    details = card.model_details
    blocks: list[Block] = [Text(details.overview), Text(details.version.diff), Text(details.documentation)]
    named = {
        "Owners": tuple(f"{owner.name} {owner.contact}".strip() for owner in details.owners),
        "Licences": tuple(licence.identifier or licence.custom_text for licence in details.licenses),
        "References": tuple(reference.reference for reference in details.references),
    }
    for name, lines in named.items():
        if lines:
            blocks += [Text(f"{name}:"), Lines(lines)]
    return Section("details", "Model details", tuple(blocks))


def _parameters(card: ModelCard) -> Section:
    parameters = card.model_parameters
    rows = tuple((data.name, data.description) for data in parameters.data)
    blocks = (
        Text(parameters.model_architecture),
        Table("Data", ("data set", "what it is"), rows, texts=2),
        Text(parameters.input_format),
        Text(parameters.output_format),
    )
    return Section("parameters", "Model parameters", blocks)


def _analysis(card: ModelCard) -> Section:
    rows = tuple(
        (
            metric.type,
            metric.slice or "all",
            metric.value,
            ABSENT
            if metric.confidence_interval is None
            else f"{metric.confidence_interval.lower_bound} to {metric.confidence_interval.upper_bound}",
        )
        for metric in card.quantitative_analysis.performance_metrics
    )
    table = Table("Metrics", ("metric", "slice", "value", "95% bounds"), rows, texts=2)
    return Section("analysis", "Quantitative analysis", (table,))


def _considerations(card: ModelCard) -> Section:
    of = card.considerations
    groups = {
        "Users:": tuple(user.description for user in of.users),
        "Uses:": tuple(case.description for case in of.use_cases),
        "Limitations:": tuple(limitation.description for limitation in of.limitations),
        "Trade-offs:": tuple(tradeoff.description for tradeoff in of.tradeoffs),
        "Risks:": tuple(f"{risk.name} {risk.mitigation_strategy}" for risk in of.ethical_considerations),
    }
    blocks = [block for name, lines in groups.items() if lines for block in (Text(name), Lines(lines))]
    return Section("considerations", "Considerations", tuple(blocks))
