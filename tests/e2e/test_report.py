"""The report and the model card of a real run, by the command line."""

import json
import re
import shutil

import pytest

from tests.checkerboard import write_config
from tests.e2e.conftest import recstack

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reported(world, tmp_path_factory):
    """A copy of the run, and its report."""
    folder = tmp_path_factory.mktemp("reported")
    for path in world.folder.glob("*.csv"):
        shutil.copy(path, folder)
    run_dir = folder / "runs" / "checkerboard"
    shutil.copytree(world.run_dir, run_dir, symlinks=True)
    done = recstack("report", "--config", write_config(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    return run_dir, done


def _section(page, name):
    return re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL).group()


def test_every_section_is_there_and_nothing_is_missing(reported):
    run_dir, done = reported
    page = (run_dir / "report.html").read_text()
    assert "report.html" in done.stdout
    for missing in ("did not come to", "was removed", "cannot be read", "was kept", "another form"):
        assert missing not in page, missing
    assert _section(page, "curves").count("<svg") == 2
    assert _section(page, "map").count("<title>") == 60
    assert "western number 7 (western)" in _section(page, "map")


def test_ten_users_are_shown_and_none_is_named(reported):
    run_dir, _ = reported
    page = (run_dir / "report.html").read_text()
    users = _section(page, "users")
    assert users.count("<h3>") == 10
    assert users.count("is recommended</caption>") == 10
    assert not re.search(r">u\d+<", page)


def test_time_and_memory_of_each_step_and_what_it_made(reported):
    run_dir, _ = reported
    page = (run_dir / "report.html").read_text()
    steps = re.findall(
        r'<th scope="row">([^<]*)</th><td>ran</td>.*?>([\d,.]+) [MG]iB<', _section(page, "steps")
    )
    assert {"RetrievalTrainer", "BundleEvaluator", "Pusher"} <= {name for name, _ in steps}
    lineage = _section(page, "lineage")
    assert re.search(r"artifacts/Bundler/bundle/\d+</td><td>[0-9a-f]{12}<", lineage)


def test_the_model_card_stands_beside_it(reported):
    run_dir, _ = reported
    card = json.loads((run_dir / "model_card.json").read_text())
    assert card["model_details"]["name"] == "checkerboard"
    assert "checkerboard" in (run_dir / "model_card.html").read_text()


def test_the_run_is_listed(reported):
    run_dir, _ = reported
    listed = recstack("runs", "--output", run_dir.parent)
    assert re.search(r"checkerboard/\d+ .* blessed", listed.stdout)


def test_errors_for_people(tmp_path):
    done = recstack("report", "--config", write_config(tmp_path))
    assert done.returncode == 2
    assert "make one with `recstack run`" in done.stderr
    missing = recstack("report", "--config", tmp_path / "config.yaml", "--output", tmp_path / "no" / "x.html")
    assert missing.returncode == 2
    assert "there is no folder" in missing.stderr
