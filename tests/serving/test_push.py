"""Pushing: whole versions only, whatever happens."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import BundleError
from serving.layout import MODELS, models_dir, versions, versions_dir
from serving.push import push

ROOT = Path(__file__).resolve().parents[2]


def _bundle(folder, digest, size=10):
    """Something that looks like an exported bundle."""
    for model in MODELS:
        (folder / model / "variables").mkdir(parents=True)
        (folder / model / "saved_model.pb").write_text(f"{model} {digest}")
        (folder / model / "variables" / "variables.data").write_bytes(b"x" * size)
    (folder / "manifest.json").write_text(json.dumps({"digest": digest}))
    return folder


def _is_whole(version, size=10):
    return all(
        (version / model / "saved_model.pb").is_file()
        and (version / model / "variables" / "variables.data").stat().st_size == size
        for model in MODELS
    )


def test_a_version_appears_for_every_model(tmp_path):
    assert push(_bundle(tmp_path / "a", "one"), tmp_path / "bundle") == 1
    assert versions(tmp_path / "bundle") == [1]
    for model in MODELS:
        served = models_dir(tmp_path / "bundle") / model / "1" / "saved_model.pb"
        assert served.read_text() == f"{model} one"


def test_the_same_bundle_is_pushed_once(tmp_path):
    bundle = _bundle(tmp_path / "a", "one")
    assert [push(bundle, tmp_path / "bundle") for _ in range(3)] == [1, 1, 1]
    assert versions(tmp_path / "bundle") == [1]


def test_versions_count_up_also_past_nine(tmp_path):
    for number in range(1, 12):
        assert push(_bundle(tmp_path / str(number), f"d{number}"), tmp_path / "bundle") == number
    assert versions(tmp_path / "bundle") == list(range(1, 12))


def test_metrics_are_the_versions_and_not_the_bundles(tmp_path):
    bundle, served = _bundle(tmp_path / "a", "one"), tmp_path / "bundle"
    assert [push(bundle, served, {"recall": recall}) for recall in (0.25, 0.5)] == [1, 1]
    pushed = json.loads((versions_dir(served) / "1" / "manifest.json").read_text())
    assert pushed == {"digest": "one", "metrics": {"recall": 0.25}}  # of the judgement by which it was pushed
    assert json.loads((bundle / "manifest.json").read_text()) == {"digest": "one"}


def test_a_bundle_without_a_digest_is_refused_and_nothing_is_pushed(tmp_path):
    bundle = _bundle(tmp_path / "a", "one")
    push(bundle, tmp_path / "bundle")
    (bundle / "manifest.json").write_text("{}")
    with pytest.raises(BundleError, match="has no digest"):
        push(bundle, tmp_path / "bundle")
    assert versions(tmp_path / "bundle") == [1]


def test_an_old_bundle_can_be_pushed_again_as_the_newest(tmp_path):
    old, new = _bundle(tmp_path / "a", "one"), _bundle(tmp_path / "b", "two")
    assert [push(b, tmp_path / "bundle") for b in (old, new, old)] == [1, 2, 3]


def test_the_bundle_folder_can_be_moved(tmp_path):
    push(_bundle(tmp_path / "a", "one"), tmp_path / "bundle")
    (tmp_path / "bundle").rename(tmp_path / "elsewhere")
    assert (models_dir(tmp_path / "elsewhere") / MODELS[0] / "1" / "saved_model.pb").is_file()


def test_folders_that_are_no_whole_versions_do_not_count(tmp_path):
    push(_bundle(tmp_path / "a", "one"), tmp_path / "bundle")
    (versions_dir(tmp_path / "bundle") / "7").mkdir()
    (versions_dir(tmp_path / "bundle") / "x").mkdir()
    (versions_dir(tmp_path / "bundle") / "x" / "manifest.json").write_text("{}")
    assert versions(tmp_path / "bundle") == [1]


@pytest.mark.parametrize("milliseconds", [0, 20, 60, 120, 250])
def test_sigkill_in_mid_push_leaves_whole_versions_only(tmp_path, milliseconds):
    size = 20_000_000
    push(_bundle(tmp_path / "a", "one", size), tmp_path / "bundle")
    bundle = _bundle(tmp_path / "b", "two", size)
    code = (
        "from pathlib import Path; from serving.push import push; print('go', flush=True); "
        f"push(Path({str(bundle)!r}), Path({str(tmp_path / 'bundle')!r}), {{'recall': 0.5}})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT)
    process.stdout.readline()
    time.sleep(milliseconds / 1000)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    for folder in versions_dir(tmp_path / "bundle").iterdir():
        assert not folder.name.isdecimal() or _is_whole(folder, size)
    for link in models_dir(tmp_path / "bundle").glob("*/*"):
        assert link.resolve().is_dir()
    assert push(bundle, tmp_path / "bundle") == 2  # and the next push ends the job
    assert all(_is_whole(versions_dir(tmp_path / "bundle") / str(v), size) for v in (1, 2))
    assert all((models_dir(tmp_path / "bundle") / model / "2").exists() for model in MODELS)


def test_two_pushes_at_once_follow_one_another(tmp_path):
    bundles = [_bundle(tmp_path / name, name) for name in ("a", "b")]
    code = (
        "import sys; from pathlib import Path; from serving.push import push; push(*map(Path, sys.argv[1:]))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(b), str(tmp_path / "bundle")], cwd=ROOT)
        for b in bundles
    ]
    assert [process.wait() for process in started] == [0, 0]
    assert versions(tmp_path / "bundle") == [1, 2]
