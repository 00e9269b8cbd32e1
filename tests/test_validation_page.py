"""`docs/validation.md`: its commands, settings and thresholds are the program's."""

import re
from pathlib import Path

import pytest
import yaml

from pipeline.config.run import ValidationConfig
from schemas.derive import MAX_CATEGORY_DISTANCE, MAX_NUMBER_DISTANCE
from tests.e2e.conftest import recstack

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"^recstack (data [a-z-]+)(.*)$", PAGE, flags=re.MULTILINE)))


def test_the_settings_are_those_of_the_configuration():
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    settings = yaml.safe_load(block)["validation"]
    assert set(settings) == set(ValidationConfig.model_fields)
    assert ValidationConfig.model_validate(settings).drift == ValidationConfig().drift


def test_the_thresholds_are_those_of_derived_schemas():
    (row,) = re.findall(r"^\| derived threshold \| (.*) \|$", PAGE, flags=re.MULTILINE)
    category, number = MAX_CATEGORY_DISTANCE, MAX_NUMBER_DISTANCE
    assert [float(cell) for cell in row.split(" | ")] == [category, category, number, number]


@pytest.mark.parametrize("command", sorted({command for command, _ in COMMANDS}))
def test_commands_and_their_options_exist(command):
    shown = recstack(*command.split(), "--help", cwd=ROOT)
    assert shown.returncode == 0, command
    for name, arguments in COMMANDS:
        for option in re.findall(r"--[a-z-]+", arguments) if name == command else []:
            assert option in shown.stdout, option
