"""`docs/privacy.md`: its commands and settings exist."""

import re
from pathlib import Path

import pytest
import yaml

from pipeline.config.privacy import PrivacyConfig
from tests.e2e.conftest import recstack

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"^recstack ((?:data )?[a-z-]+)(.*)$", PAGE, flags=re.MULTILINE)))


def test_the_settings_are_those_of_the_configuration():
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    settings = yaml.safe_load(block)["privacy"]
    assert set(settings) == set(PrivacyConfig.model_fields)
    PrivacyConfig.model_validate(settings)


@pytest.mark.parametrize("command", sorted({command for command, _ in COMMANDS}))
def test_commands_and_their_options_exist(command):
    shown = recstack(*command.split(), "--help", cwd=ROOT)
    assert shown.returncode == 0, command
    for name, arguments in COMMANDS:
        for option in re.findall(r"--[a-z-]+", arguments) if name == command else []:
            assert option in shown.stdout, option
