"""`docs/data.md`: it names the sources, rules, types and settings that there are."""

import re
from pathlib import Path
from typing import get_args

import pytest

from pipeline.config import data
from pipeline.config.cleaning import CleaningConfig
from pipeline.config.data import CompleteJourneySource, MindSource, MovieLens100KSource, MovieLensLatestSource
from pipeline.datasets import completejourney, mind
from pipeline.datasets.registry import open_adapter
from pipeline.datasets.typed import MAX_ID_BYTES, MAX_TEXT_CHARACTERS, MAX_TITLE_CHARACTERS
from schemas.quarantine import NO_FAULTS, Rule

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
SOURCES = {
    "movielens_100k": MovieLens100KSource(source="movielens_100k"),
    "movielens_latest": MovieLensLatestSource(
        source="movielens_latest", folder=Path("films"), item_text=Path("texts.csv")
    ),
    "completejourney": CompleteJourneySource(source="completejourney"),
    "mind": MindSource(source="mind", folder=Path("news")),
}


def _section(heading):
    return PAGE.split(f"{heading}\n", 1)[1].split("\n#", 1)[0]


def _first_cells(text):
    cells = re.findall(r"^\| (`.*?) \|", text, flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_every_source_has_its_terms_and_its_section():
    kinds = get_args(get_args(data.DataSource)[0])
    names = {get_args(kind.model_fields["source"].annotation)[0] for kind in kinds}
    assert set(SOURCES) == names - {"csv", "custom"}
    assert _first_cells(_section("## Sources and their terms")) - {"source"} == set(SOURCES)
    assert set(re.findall(r"^### `(\w+)`", PAGE, flags=re.MULTILINE)) == set(SOURCES)


@pytest.mark.parametrize("name", SOURCES)
def test_a_sources_attributes_are_named(name):
    layout = open_adapter(SOURCES[name]).layout()
    section = _section(f"### `{name}`")
    for attribute in (
        *layout.user_categories,
        *layout.user_numbers,
        *layout.item_categories,
        *layout.item_numbers,
    ):
        assert f"`{attribute}`" in section


def test_event_types_are_those_of_the_adapters():
    ours = {completejourney.PURCHASE, completejourney.COUPON_PURCHASE, completejourney.CANCELLED}
    assert ours <= _first_cells(_section("### `completejourney`"))
    assert {mind.CLICK, mind.SKIP, mind.READ} <= _first_cells(_section("### `mind`"))


def test_every_rule_has_its_row_and_stands_on_the_right_side():
    faults, others = _section("## Rules").split("These count as no faults:")
    assert _first_cells(faults) == {rule.value for rule in Rule if rule not in NO_FAULTS}
    assert _first_cells(others) == {rule.value for rule in NO_FAULTS}
    for limit in (MAX_ID_BYTES, MAX_TITLE_CHARACTERS, MAX_TEXT_CHARACTERS):
        assert f"{limit:,}" in PAGE


def test_every_cleaning_setting_is_named():
    assert set(CleaningConfig.model_fields) <= set(re.findall(r"`(?:cleaning\.)?(\w+)", PAGE))


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / link).exists(), link
