"""The pages on containers, Kubernetes and Vertex AI: what they name is there, and commands can be read."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.config.endpoint import EndpointConfig

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("tensorflow-serving", "kubernetes", "vertex-endpoint")
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in NAMES}
ALL = "\n".join(PAGES.values())


def _blocks(kind, text):
    """Code of a kind, without the indentation of a list that it stands in."""
    found = re.findall(rf"^( *)```{kind}\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", code, flags=re.MULTILINE) for indent, code in found]


def _commands():
    """Every command, with its continued lines."""
    for code in _blocks("bash", ALL):
        yield from (line for line in code.replace("\\\n", " ").splitlines() if line.strip())


@pytest.mark.parametrize("name", NAMES)
def test_the_shell_understands_every_command(name):
    codes = _blocks("bash", PAGES[name])
    assert codes
    for code in codes:
        done = subprocess.run(["bash", "-n"], input=code, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_commands_of_ours_exist_with_their_options():
    named = set()
    for command in _commands():
        found = re.match(r"recstack ((?:endpoint )?[a-z]+)(.*)", command)
        if found:
            named.add(found[1])
            shown = CliRunner().invoke(app, [*found[1].split(), "--help"], env={"COLUMNS": "200"}).output
            assert set(re.findall(r"--[a-z-]+", found[2])) <= set(re.findall(r"--[a-z-]+", shown)), command
    assert {f"endpoint {verb}" for verb in ("upload", "deploy", "split", "undeploy", "show")} < named


def test_files_folders_and_targets_are_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"^make ([a-z-]+)$", ALL, flags=re.MULTILINE)) <= targets
    paths = set(re.findall(r"(?:serving|examples)/[\w./-]*\w", " ".join(_commands())))
    ours = {path for path in paths if (ROOT / path.split("/")[0]).is_dir() and "models.config" not in path}
    assert len(ours) >= 5
    for path in ours - {"serving/tensorflow-serving"}:  # that one is a registry's
        assert (ROOT / path).exists(), path


def test_images_have_the_tags_that_they_are_built_with():
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE)[1]
    manifests = "".join(path.read_text() for path in (ROOT / "serving" / "tf_serving").rglob("*.yaml"))
    assert set(re.findall(r"recstack-(?:server|pipeline|worker):(\S+?)[`\s]", ALL + manifests)) == {version}
    assert f"newName: recstack-server\n    newTag: {version}\n" in manifests
    assert len(set(re.findall(r"tensorflow/serving:([\w.]+)", ALL + manifests))) == 1


def test_the_servers_packages_are_as_many_as_is_said():
    pins = re.findall(r"^\S+==", (ROOT / "serving/server/requirements.txt").read_text(), flags=re.MULTILINE)
    decision = (ROOT / "docs/decisions/0015-deployment.md").read_text(encoding="utf-8")
    assert set(re.findall(r"(\d+) packages", PAGES["tensorflow-serving"] + decision)) == {str(len(pins))}


def test_the_section_is_read_and_names_what_there_is():
    (block,) = _blocks("yaml", PAGES["vertex-endpoint"])
    EndpointConfig.model_validate(yaml.safe_load(block)["endpoint"])


def test_the_commands_of_the_endpoint_run_as_they_stand(tmp_path):
    """Dry, with the page's own settings and a bundle that has the versions that it speaks of."""
    (block,) = _blocks("yaml", PAGES["vertex-endpoint"])
    settings = {"name": "mine", "output": str(tmp_path), "data": {"source": "movielens_100k"}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({**settings, **yaml.safe_load(block)}))
    (tmp_path / "mine/bundle/versions/3").mkdir(parents=True)
    (tmp_path / "mine/bundle/versions/3/manifest.json").write_text('{"digest": "0"}')
    commands = [
        shlex.split(command)[2:] for command in _commands() if command.startswith("recstack endpoint")
    ]
    sent = [command for command in commands if command[0] != "show"]
    assert len(sent) >= 5
    for command in sent:
        arguments = [str(tmp_path / "mine.yaml") if word == "mine.yaml" else word for word in command]
        done = CliRunner().invoke(app, ["endpoint", *arguments, "--dry-run"])
        assert done.exit_code == 0, command
        assert '"method"' in done.output


def test_every_overlay_has_its_row():
    overlays = {path.name for path in (ROOT / "serving/tf_serving/kubernetes/overlays").iterdir()}
    assert (
        set(re.findall(r"^\| `([\w-]+)` \|", PAGES["kubernetes"].split("## You need")[0], re.MULTILINE))
        == overlays
    )


@pytest.mark.parametrize("name", [*NAMES, "serving"])
def test_links_lead_somewhere(name):
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for path, anchor in re.findall(
        r"\]\((?!https:)([^)#]*)(?:#([^)]+))?\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    ):
        target = ROOT / "docs" / (path or f"{name}.md")
        assert target.exists(), path
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
            made = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in made, f"{path}#{anchor}"
