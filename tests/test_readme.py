"""The README's own examples, as they stand."""

import re
from pathlib import Path

import pytest

from tests.e2e.conftest import recstack

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def own_data(tmp_path):
    """The files of the section on one's own data."""
    for name, text in re.findall(r"^```\w+ file=(\S+)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_example_of_ones_own_data_is_read(own_data):
    assert recstack("data", "key", "--output", "mine.key", cwd=own_data).returncode == 0
    done = recstack("data", "show", "--config", "mine.yaml", cwd=own_data)
    assert done.returncode == 0, done.stderr
    assert "10 interactions of 3 users with 3 items" in done.stdout
    for feature in ("event_type", "user_country", "user_age", "item_tags", "item_price", "text"):
        assert f" {feature} " in done.stdout


def test_every_make_target_and_command_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)\b", README, flags=re.MULTILINE)) <= targets
    for command in set(re.findall(r"bin/recstack (data [a-z-]+|[a-z]+)", README)):
        assert recstack(*command.split(), "--help").returncode == 0, command


def test_links_lead_somewhere():
    prose = re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)#]+)\)", prose)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_exit_codes_are_those_of_the_program():
    from pipeline import errors

    rows = dict(re.findall(r"^\| (\d) \| (.*) \|$", README, flags=re.MULTILINE))
    codes = {e.exit_code for e in vars(errors).values() if isinstance(e, type) and hasattr(e, "exit_code")}
    assert {int(code) for code in rows} == {0, *codes}
