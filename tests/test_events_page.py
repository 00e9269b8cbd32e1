"""`docs/events.md`: its commands, fields, columns and settings exist."""

import re
from pathlib import Path

import pytest
import yaml

from gateway.events.event import Event
from pipeline.config.feedback import FeedbackConfig
from pipeline.datasets.feedback_meaning import meaning_of
from schemas.event_kinds import EVENT_KINDS
from schemas.features import TableLayout
from schemas.feedback import FEEDBACK_SCHEMA
from tests.e2e.conftest import recstack

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^recstack (events [a-z-]+) (.*?)(?:#.*)?$", PAGE, flags=re.MULTILINE)


def _section(heading):
    return PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize(("command", "arguments"), COMMANDS)
def test_commands_and_their_options_exist(command, arguments):
    shown = recstack(*command.split(), "--help", cwd=ROOT)
    assert shown.returncode == 0, command
    for option in re.findall(r"--[a-z-]+", arguments):
        assert option in shown.stdout, option


def test_every_field_and_kind_of_an_event_is_named():
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", _section("An event"), flags=re.MULTILINE)
    assert [name for cell, _ in rows for name in re.findall(r"`(\w+)`", cell)] == list(Event.model_fields)
    kinds = next(text for cell, text in rows if cell == "`kind`")
    assert re.findall(r"`(\w+)`", kinds) == list(EVENT_KINDS)


def test_every_column_of_a_span_is_named():
    columns = _section("Spans").split("Columns:", 1)[1].split("Run it", 1)[0]
    assert set(re.findall(r"`(\w+)`", columns)) == set(FEEDBACK_SCHEMA.names)


def test_the_configurations_are_taken():
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    sections = [FeedbackConfig.model_validate(yaml.safe_load(block)["feedback"]) for block in blocks]
    assert [section.kinds is None for section in sections] == [True, False]
    meaning_of(sections[1].kinds, TableLayout(has_value=False, has_event_type=True))
