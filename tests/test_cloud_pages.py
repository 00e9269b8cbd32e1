"""`docs/kubeflow.md` and `docs/vertex.md`: their settings, commands, files and links exist."""

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from pipeline.canonical import PreparedData
from pipeline.cli import app
from pipeline.config.cloud import CloudConfig
from pipeline.runners.cloud_files import baseline_parameter, cloud_files
from schemas.features import Stream, TableLayout, declare_features

ROOT = Path(__file__).resolve().parent.parent
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("kubeflow", "vertex")}


def _blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_settings_are_taken(page):
    (block,) = _blocks(page, "yaml")
    assert CloudConfig.model_validate(yaml.safe_load(block)["cloud"])


@pytest.mark.parametrize("page", PAGES)
def test_every_command_and_option_exists(page):
    lines = [line for block in _blocks(page, "bash") for line in block.splitlines()]
    commands = [line.split()[1:] for line in lines if line.startswith(".venv/bin/recstack ")]
    assert {command[0] for command in commands} == {"compile", "submit", "promote"}
    for command in commands:
        told = CliRunner().invoke(app, [command[0], "--help"], env={"COLUMNS": "200"}).output
        for option in [word for word in command if word.startswith("--")]:
            assert option in told, command


@pytest.mark.parametrize("page", PAGES)
def test_links_and_files_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", PAGES[page]):
        assert (ROOT / "docs" / link).exists(), link
    for name in re.findall(r"(?<![\w/.])(?:deploy|pipeline)/[\w/]+\.(?:py|txt)", PAGES[page]):
        assert (ROOT / name).is_file(), name
    targets = re.findall(r"`make ([a-z-]+)`", PAGES[page])
    assert set(targets) <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_runtime_parameter_is_named(tmp_path):
    layout = TableLayout()
    data = PreparedData(tmp_path, layout, declare_features(layout), {}, reused=False)
    (tmp_path / "schema").touch()
    schemas = {stream: tmp_path / "schema" for stream in Stream}
    cloud = CloudConfig(image="i:1", root="gs://b/r")
    names = {file.parameter for file in cloud_files(data, schemas, cloud)}
    names |= {baseline_parameter(stream) for stream in Stream}
    assert names == set(re.findall(r"`(\w+_uri)`", PAGES["kubeflow"]))
