"""The Dockerfiles: what hadolint says, and that they hold what the lock and the sources say."""

import re
import subprocess
from pathlib import Path

import pytest

from pipeline.config.images import PinnedImage

ROOT = Path(__file__).resolve().parents[3]
OURS = ROOT / "Dockerfile"
SCANN = ROOT / "serving" / "tf_serving" / "scann" / "Dockerfile"
TEXT = OURS.read_text(encoding="utf-8")


def _hadolint(tools, path):
    command = [tools / "hadolint", "--config", ROOT / ".hadolint.yaml", path]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _pins(name):
    """Package to version and hashes."""
    text = (ROOT / name).read_text(encoding="utf-8")
    pins = {}
    for pin in re.split(r"\n(?=\S)", text.strip()):
        package, version = re.match(r"([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+)", pin).groups()
        pins[package] = version, frozenset(re.findall(r"sha256:[0-9a-f]{64}", pin))
    return pins


def _instructions(path):
    """Keyword and rest of each, with its continued lines and without comments."""
    lines = [
        line for line in path.read_text().splitlines() if line.strip() and not line.strip().startswith("#")
    ]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(re.split(r"\s+", line.strip(), maxsplit=1)) for line in joined.splitlines()]


def _stages(path):
    """The instructions of each stage, by its name; the last one's is `last` if it has none."""
    stages = {"": []}
    for keyword, rest in _instructions(path):
        if keyword == "FROM":
            name = (re.search(r" AS (\S+)$", rest) or re.match("()$", ""))[1] if " AS " in rest else "last"
            stages[name] = []
        list(stages.values())[-1].append((keyword, rest))
    return stages


@pytest.mark.parametrize("path", [OURS, SCANN], ids=["ours", "scann"])
def test_hadolint_has_nothing_to_say(path, tools):
    done = _hadolint(tools, path)
    assert done.returncode == 0, done.stdout


def test_hadolint_would_say_something(tools, tmp_path):
    path = tmp_path / "Dockerfile"
    path.write_text("FROM python:latest\nRUN cd /tmp && pip install recstack\n")
    done = _hadolint(tools, path)
    assert done.returncode == 1
    assert {"DL3007", "DL3042"} <= set(re.findall(r"DL\d+", done.stdout))


@pytest.mark.parametrize("path", [OURS, SCANN], ids=["ours", "scann"])
def test_images_are_pinned_and_nothing_is_fetched_by_address(path):
    arguments = dict(
        rest.split("=", 1) for keyword, rest in _instructions(path) if keyword == "ARG" and "=" in rest
    )
    stages = set(_stages(path))
    for keyword, rest in _instructions(path):
        assert keyword != "ADD"
        if keyword == "FROM":
            image = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], rest.split(" ")[0])
            assert image in stages or _is_pinned(image), image


def _is_pinned(image):
    (check,) = PinnedImage.__metadata__
    return check.func(image) == image


@pytest.mark.parametrize(("path", "stage"), [(OURS, "pipeline"), (OURS, "server"), (SCANN, "last")])
def test_what_runs_is_not_root_and_says_what_it_is(path, stage):
    instructions = _stages(path)[stage]
    assert [rest for keyword, rest in instructions if keyword == "USER"] == ["10001:10001"]
    (labels,) = [rest for keyword, rest in instructions if keyword == "LABEL"]
    assert "org.opencontainers.image.title" in labels
    after = [keyword for keyword, _ in instructions[[k for k, _ in instructions].index("USER") :]]
    assert "RUN" not in after
    assert "COPY" not in after


def test_workers_start_by_beams_boot_as_root_and_are_the_pipelines_image_otherwise():
    assert "FROM pipeline AS worker\n" in TEXT
    worker = _stages(OURS)["worker"]
    assert [rest for keyword, rest in worker if keyword == "COPY"] == [
        "--from=beam /opt/apache/beam /opt/apache/beam"
    ]
    assert [rest for keyword, rest in worker if keyword == "USER"] == ["0:0"]
    assert worker[-1] == ("ENTRYPOINT", '["/opt/apache/beam/boot"]')


def test_versions_are_those_of_the_lock():
    pins = _pins("requirements.lock")
    assert f"beam_python3.10_sdk:{pins['apache-beam'][0]}\n" in TEXT
    python = (ROOT / ".python-version").read_text().strip()
    assert re.search(rf"^ARG PYTHON_IMAGE=python:{re.escape(python)}[.]\d+-slim-", TEXT, flags=re.MULTILINE)
    serving = f"ARG SERVING_VERSION={pins['tensorflow-serving-api'][0]}\n"
    assert serving in SCANN.read_text(encoding="utf-8")


def test_the_servers_packages_are_the_locks():
    server, lock = _pins("serving/server/requirements.txt"), _pins("requirements.lock")
    assert server.items() <= lock.items()
    assert not {"tfx", "apache-beam", "kfp"} & set(server)
    assert {"tensorflow", "tensorflow-text", "scann"} <= set(server)


def test_what_the_build_needs_is_not_ignored_and_little_else_is_taken():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert patterns[0] == "*"
    taken = {line.removeprefix("!") for line in patterns if line.startswith("!")}
    named = set(re.findall(r"source=(\S+?),", TEXT))
    named |= {
        rest.split(" ")[0] for keyword, rest in _instructions(OURS) if keyword == "COPY" and "--" not in rest
    }
    assert {name.split("/")[0] for name in named} <= taken
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks"}
    assert rooms | {"pyproject.toml", "setup.py", "README.md"} <= taken
    assert all((ROOT / name).exists() for name in taken)
    assert not taken & {"runs", "tests", "docs", ".git", ".venv"}
