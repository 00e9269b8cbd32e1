"""`recstack events report` and `evaluate`, on logs as the gateway leaves them."""

import json
from datetime import date

import pytest
import yaml

from gateway.experiments.evaluation import EvaluationSettings
from gateway.experiments.outcomes import Period
from gateway.experiments.split import arm_of
from pipeline.commands.evaluate import evaluate
from pipeline.commands.experiments import report
from pipeline.config.gateway import ExperimentConfig
from pipeline.config.run import load_config
from pipeline.errors import InputError
from tests.checkerboard import settings
from tests.e2e.conftest import recstack
from tests.gateway.events.samples import event, served
from tests.gateway.events.test_export import write

EXPERIMENT = {"name": "new-towers", "canary_share": 0.5}


def _configured(folder, **gateway):
    privacy = {"user_ids": "raw"}
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump({**settings(folder), "privacy": privacy, "gateway": gateway}))
    return config


def _kept(folder, users=100):
    """A day on which everybody sees a list, and the canary's users click on it all the time."""
    experiment, entries = ExperimentConfig(**EXPERIMENT), []
    for number in range(users):
        user, request_id = f"u{number}", f"{number:032x}"
        arm = arm_of(user, experiment)
        entries.append(served(request_id, user, experiment="new-towers", arm=arm))
        if arm == "canary" or number % 3 == 0:
            entries.append(event(f"e{number}", user=user, request_id=request_id, item_id="i1"))
    write(folder / "runs" / "checkerboard" / "events" / "log", entries)


def test_a_report_says_what_differs(tmp_path):
    config, output = _configured(tmp_path, experiment=EXPERIMENT), tmp_path / "report.json"
    _kept(tmp_path)
    done = recstack("events", "report", "--config", config, "--output", output)
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())
    assert sum(found["users"].values()) == 100
    assert found["counts"]["canary"]["click"] == found["users"]["canary"]
    (clicks,) = found["metrics"]
    assert (clicks["name"], clicks["verdict"]) == ("clicks a list", "better")
    assert clicks["low"] > 0
    assert "clicks a list" in done.stdout
    assert "better" in done.stdout


@pytest.mark.parametrize(
    ("gateway", "days", "output", "message"),
    [
        ({}, (), None, "gateway.experiment is not configured"),
        ({"experiment": {**EXPERIMENT, "name": "another"}}, (), None, "no list of the experiment another"),
        ({"experiment": EXPERIMENT}, (date(2025, 11, 26),), None, "no list of the experiment new-towers"),
        ({"experiment": EXPERIMENT}, (), "nowhere/report.json", "cannot write"),
    ],
)
def test_what_cannot_be_reported_is_said(tmp_path, gateway, days, output, message):
    config = load_config(_configured(tmp_path, **gateway))
    _kept(tmp_path, users=4)
    with pytest.raises(InputError, match=message):
        report(config, Period(*days), output and tmp_path / output)


def test_without_a_log_there_is_no_report(tmp_path):
    with pytest.raises(InputError, match="there are no events"):
        report(load_config(_configured(tmp_path, experiment=EXPERIMENT)), Period(), None)


def test_days_have_an_order():
    with pytest.raises(InputError, match="is after --until"):
        Period(date(2025, 11, 26), date(2025, 11, 25))


def test_a_server_that_is_not_there_is_named(tmp_path):
    config = _configured(tmp_path, server="127.0.0.1:1")
    items = ("i1", "i2", "i3")
    kept = served(items=items, features={"timestamp": 1, "events": [["i9", "click", 1000, None, None]]})
    write(tmp_path / "runs" / "checkerboard" / "events" / "log", [kept])
    done = recstack("events", "evaluate", "--config", config, "--label", "canary")
    assert done.returncode == 2
    assert "127.0.0.1:1 does not answer" in " ".join(done.stderr.split())


def test_without_a_log_nothing_is_evaluated(tmp_path):
    with pytest.raises(InputError, match="there are no events"):
        evaluate(load_config(_configured(tmp_path)), 1, Period(), EvaluationSettings(), None)


@pytest.mark.parametrize("which", [(), ("--label", "stable", "--version", 1)])
def test_one_version_is_judged(tmp_path, which):
    done = recstack("events", "evaluate", "--config", _configured(tmp_path), *which)
    assert done.returncode == 2
    assert "either --label LABEL or --version NUMBER" in " ".join(done.stderr.split())
