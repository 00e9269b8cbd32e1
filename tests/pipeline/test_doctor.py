"""The doctor, on this machine and on broken ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import doctor as module
from pipeline.commands.doctor import show_diagnoses
from pipeline.doctor import Diagnosis, diagnose
from pipeline.errors import StackError
from tests.e2e.conftest import recstack

ROOT = Path(__file__).resolve().parents[2]


def _named(diagnoses):
    return {diagnosis.name: diagnosis for diagnosis in diagnoses}


@pytest.mark.slow
def test_this_environment_is_well():
    done = recstack("doctor")
    assert done.returncode == 0, done.stdout
    for checked in (
        "Keras switch",
        "TensorFlow Text",
        "ScaNN",
        "TFX",
        "memory",
        "disk for runs",
        "keras-nlp",
    ):
        assert f"✓ {checked}" in done.stdout
    assert "all is well" in done.stdout
    assert done.stderr == ""


def test_a_package_that_is_missing_or_of_another_version(monkeypatch):
    monkeypatch.setattr(
        module.metadata, "requires", lambda name: ["no-such-package>=1", "rich<1", "pytest; extra == 'dev'"]
    )
    missing, old = module._versions()
    assert (missing.found, missing.cure) == ("not installed", module._REINSTALL)
    assert old.name == "rich"
    assert "but <1 is needed" in old.found
    assert old.cure


def test_a_check_that_raises_does_not_stop_the_others(monkeypatch, tmp_path):
    def broken():
        raise ImportError("libscann.so: undefined symbol\nand more")

    monkeypatch.setattr(module, "_LIBRARY_CHECKS", (("ScaNN", broken, "reinstall it"),))
    found = _named(diagnose(tmp_path))
    assert found["ScaNN"].found == "libscann.so: undefined symbol"
    assert found["ScaNN"].cure == "reinstall it"
    assert "memory" in found


def test_too_little_memory_and_disk_say_so(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_NEEDED_MEMORY_GB", 10**6)
    monkeypatch.setattr(module, "_NEEDED_DISK_GB", 10**9)
    assert "free some" in module._memory().cure
    assert module._disk("disk", tmp_path / "not" / "yet", "another disk").cure == "another disk"


def test_the_wrong_keras_is_found():
    code = (
        "from pipeline import doctor\n"
        "name, check, cure = doctor._LIBRARY_CHECKS[0]\n"
        "print(doctor._guarded(name, check, cure))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_USE_LEGACY_KERAS": "0"},
        cwd=ROOT,
        check=True,
    )
    assert "name='Keras switch', found='tf.keras is Keras 3" in done.stdout
    assert "cure='unset TF_USE_LEGACY_KERAS, or set it to 1'" in done.stdout


def test_a_failed_check_ends_with_5(monkeypatch, capfd, tmp_path):
    broken = [Diagnosis("ScaNN", "no such op", "reinstall it"), Diagnosis("TFX", "fine")]
    monkeypatch.setattr("pipeline.commands.doctor.diagnose", lambda output: broken)
    with pytest.raises(StackError, match="1 check failed") as caught:
        show_diagnoses(tmp_path)
    assert caught.value.exit_code == 5
    shown = capfd.readouterr().out.splitlines()
    assert [line.split() for line in shown] == [
        ["✗", "ScaNN", "no", "such", "op"],
        ["cure:", "reinstall", "it"],
        ["✓", "TFX", "fine"],
    ]
