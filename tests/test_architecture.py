"""The house's rules: who may import whom, what is imported when, what may stand in the tree."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ["schemas", "pipeline", "trainer", "serving", "gateway"]
# They see everything, since they put everything together.
COMPOSITION_ROOTS = [
    "pipeline/graph.py",
    "pipeline/nodes",
    "pipeline/cli.py",
    "pipeline/commands",
    "pipeline/runners",
]
HEAVY = (
    "tensorflow",
    "tfx",
    "apache_beam",
    "keras_nlp",
    "scann",
    "tensorflow_transform",
    "keras_tuner",
    "pandas",
    "pyarrow",
)


def _sources():
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", list(_sources()), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_room_imports_from_itself_and_from_rooms_to_its_left(path):
    name = path.relative_to(ROOT).as_posix()
    if any(name == root or name.startswith(f"{root}/") for root in COMPOSITION_ROOTS):
        return
    room = name.split("/")[0]
    for module in _imports(path):
        other = module.split(".")[0]
        assert other not in ROOMS or ROOMS.index(other) <= ROOMS.index(room), module


def _imported_by(statement):
    """Top-level packages that a statement brings in, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{statement}\nprint(*{{m.split('.')[0] for m in sys.modules}})"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return set(done.stdout.split())


def test_the_command_line_imports_nothing_heavy():
    assert not _imported_by("import pipeline.cli") & set(HEAVY)


def test_reading_a_configuration_imports_nothing_heavy():
    statement = (
        "from pathlib import Path; from pipeline.config.run import load_config; "
        "load_config(Path('configs/movielens_100k.yaml'))"
    )
    assert not _imported_by(statement) & set(HEAVY)


def test_preparing_data_and_asking_for_recommendations_import_no_tensorflow():
    modules = "pipeline.canonical, pipeline.commands.recommend, pipeline.commands.run, pipeline.doctor"
    assert not _imported_by(f"import {modules}") & {"tensorflow", "tfx", "apache_beam", "scann"}


def test_the_server_imports_no_tfx_and_its_options_no_tensorflow():
    assert not _imported_by("import serving.server.server") & {"tfx", "apache_beam", "scann"}
    assert not _imported_by("import pipeline.commands.serve, serving.server.server_options") & set(HEAVY)


def test_the_gateway_imports_no_tensorflow():
    modules = (
        "gateway.events.sqlite_log, gateway.events.kafka_log, gateway.events.export, gateway.app, "
        "pipeline.commands.run_facts, pipeline.commands.playground"
    )
    heavy = {"tensorflow", "tfx", "apache_beam", "scann", "confluent_kafka"}
    assert not _imported_by(f"import {modules}") & heavy


def test_a_search_imports_no_vertex_client():
    statement = "import pipeline, trainer.search\nassert 'google.cloud.aiplatform' not in sys.modules"
    assert "keras_tuner" in _imported_by(statement)


@pytest.mark.parametrize("command", [[], ["tune"], ["serve"]], ids=["recstack", "tune", "serve"])
def test_help_answers_within_a_second(command):
    seconds = []
    for _ in range(3):
        since = _processor_seconds()  # others may be busy, so that the clock tells little
        subprocess.run(
            [sys.executable, "-m", "pipeline", *command, "--help"], capture_output=True, check=True, cwd=ROOT
        )
        seconds.append(_processor_seconds() - since)
    assert min(seconds) < 1


def _processor_seconds():
    """What the processes that this one started, and that ended, have computed."""
    times = os.times()
    return times.children_user + times.children_system


def test_only_one_module_reads_the_environment():
    # The others set what TensorFlow reads.
    writers = {"pipeline/__init__.py", "pipeline/cli.py", "pipeline/console.py"}
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in _sources()
        if re.search(r"os\.(environ|getenv)", path.read_text(encoding="utf-8"))
    }
    assert readers - writers == {"pipeline/config/environment.py"}


def _tracked():
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT)
    return [ROOT / name for name in listed.stdout.splitlines()]


@pytest.mark.parametrize(
    "name",
    [
        "requirements.lock",
        "tools.lock",
        "serving/server/requirements.txt",
        "tests/serving/tf_serving/tools/deployment.txt",
    ],
)
def test_every_pin_has_hashes_and_no_index_is_named(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    pins = re.split(r"\n(?=\S)", text.strip())
    assert all(
        re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==\S+ (;.* )?\\\n    --hash=sha256:", pin) for pin in pins
    )
    assert "://" not in text


def test_no_data_set_and_no_weights_are_tracked():
    suffixes = {".safetensors", ".parquet", ".csv", ".pb", ".h5", ".whl", ".item", ".inter", ".user", ".gz"}
    assert not [path.name for path in _tracked() if path.suffix in suffixes]
    assert not [path.name for path in _tracked() if path.is_file() and path.stat().st_size > 2**20]
