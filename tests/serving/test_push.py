"""Pushing: versions, links, labels and the configuration of servers."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.config.serving import ServingConfig
from pipeline.errors import BundleError
from serving.layout import MODELS, VARIANTS, models_dir, serving_dir, versions, versions_dir
from serving.push import push
from serving.tf_serving.config_files import model_server_config, models_config_file
from serving.tf_serving.labels import Labels, read_labels, write_labels
from tests.serving.pushed import check_whole, loaded, write_export, written

ROOT = Path(__file__).resolve().parents[2]


def test_a_version_appears_for_every_model(tmp_path):
    served = tmp_path / "bundle"
    assert push(write_export(tmp_path / "a", "one"), served) == 1
    assert versions(served) == [1]
    for variant, model in itertools.product(VARIANTS, MODELS):
        saved = models_dir(served, variant) / model / "1" / "saved_model.pb"
        assert saved.read_text() == f"{model} one"
    assert (served / "README.md").read_text() == "of one"
    check_whole(served)


def test_canary_moves_and_stable_stays(tmp_path):
    served = tmp_path / "bundle"
    for number in (1, 2, 3):
        push(write_export(tmp_path / str(number), f"d{number}"), served)
        assert read_labels(served) == Labels(stable=1, canary=number)
    for variant in VARIANTS:
        for base_path, numbers in written(served, variant).values():
            assert numbers == [1, 3]
            assert Path(base_path).parent == models_dir(served, variant)
    write_labels(served, Labels(stable=7, canary=7))  # versions that somebody removed by hand
    push(write_export(tmp_path / "4", "d4"), served)
    assert read_labels(served) == Labels(stable=4, canary=4)


def test_a_corpus_too_small_for_another_index_has_one_variant(tmp_path):
    served = tmp_path / "bundle"
    push(write_export(tmp_path / "a", "one"), served)
    push(write_export(tmp_path / "b", "two", variants=("exact",)), served)
    assert written(served, "exact")["ranking"][1] == [1, 2]
    assert written(served, "scann")["ranking"][1] == [1]  # canary is on no such version
    write_labels(served, Labels(stable=2, canary=2))
    push(write_export(tmp_path / "c", "three", variants=("exact",)), served)
    assert not models_config_file(served, "scann").exists()
    with pytest.raises(BundleError, match="no labelled version in .* has the variant scann"):
        model_server_config(served, "scann")


def test_servers_are_configured_as_asked(tmp_path):
    bundle, served = write_export(tmp_path / "a", "one"), tmp_path / "bundle"
    files = [serving_dir(served) / name for name in ("batching_parameters.txt", "monitoring.config")]
    push(bundle, served)
    batching, monitoring = (file.read_text() for file in files)
    assert "max_batch_size { value: 32 }" in batching
    assert "allowed_batch_sizes: 16\nallowed_batch_sizes: 32\npad_variable_length_inputs: true" in batching
    assert monitoring == 'prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }\n'

    sizes = {"max_batch_size": 64, "allowed_batch_sizes": ()}
    push(bundle, served, settings=ServingConfig(mount="/bundle", batching=sizes, metrics_path=None))
    batching, monitoring = (file.read_text() for file in files)
    assert "max_batch_size { value: 64 }" in batching
    assert "allowed" not in batching
    assert monitoring == "prometheus_config { enable: false }\n"
    assert written(served, "exact")["ranking"] == ("/bundle/models/exact/ranking", [1])
    assert loaded(served, "exact")["ranking"] == (str(models_dir(served, "exact") / "ranking"), [1])


def test_the_same_bundle_is_pushed_once(tmp_path):
    bundle = write_export(tmp_path / "a", "one")
    assert [push(bundle, tmp_path / "bundle") for _ in range(3)] == [1, 1, 1]
    assert versions(tmp_path / "bundle") == [1]


def test_versions_count_up_also_past_nine(tmp_path):
    for number in range(1, 12):
        assert push(write_export(tmp_path / str(number), f"d{number}"), tmp_path / "bundle") == number
    assert versions(tmp_path / "bundle") == list(range(1, 12))


def test_metrics_are_the_versions_and_not_the_bundles(tmp_path):
    bundle, served = write_export(tmp_path / "a", "one"), tmp_path / "bundle"
    assert [push(bundle, served, {"recall": recall}) for recall in (0.25, 0.5)] == [1, 1]
    pushed = json.loads((versions_dir(served) / "1" / "manifest.json").read_text())
    assert pushed == {"digest": "one", "metrics": {"recall": 0.25}}  # of the judgement by which it was pushed
    assert json.loads((bundle / "manifest.json").read_text()) == {"digest": "one"}


def test_a_bundle_without_a_digest_is_refused_and_nothing_is_pushed(tmp_path):
    bundle = write_export(tmp_path / "a", "one")
    push(bundle, tmp_path / "bundle")
    (bundle / "manifest.json").write_text("{}")
    with pytest.raises(BundleError, match="has no digest"):
        push(bundle, tmp_path / "bundle")
    assert versions(tmp_path / "bundle") == [1]


def test_an_old_bundle_can_be_pushed_again_as_the_newest(tmp_path):
    old, new = write_export(tmp_path / "a", "one"), write_export(tmp_path / "b", "two")
    assert [push(b, tmp_path / "bundle") for b in (old, new, old)] == [1, 2, 3]


def test_the_bundle_folder_can_be_moved(tmp_path):
    push(write_export(tmp_path / "a", "one"), tmp_path / "bundle")
    (tmp_path / "bundle").rename(tmp_path / "elsewhere")
    assert loaded(tmp_path / "elsewhere", "scann")["ranking"][1] == [1]
    assert (models_dir(tmp_path / "elsewhere", "scann") / "ranking" / "1" / "saved_model.pb").is_file()


def test_folders_that_are_no_whole_versions_do_not_count(tmp_path):
    push(write_export(tmp_path / "a", "one"), tmp_path / "bundle")
    (versions_dir(tmp_path / "bundle") / "7").mkdir()
    (versions_dir(tmp_path / "bundle") / "x").mkdir()
    (versions_dir(tmp_path / "bundle") / "x" / "manifest.json").write_text("{}")
    assert versions(tmp_path / "bundle") == [1]


def test_two_pushes_at_once_follow_one_another(tmp_path):
    bundles = [write_export(tmp_path / name, name) for name in ("a", "b")]
    code = (
        "import sys; from pathlib import Path; from serving.push import push; push(*map(Path, sys.argv[1:]))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(b), str(tmp_path / "bundle")], cwd=ROOT)
        for b in bundles
    ]
    assert [process.wait() for process in started] == [0, 0]
    assert versions(tmp_path / "bundle") == [1, 2]
    assert read_labels(tmp_path / "bundle") == Labels(stable=1, canary=2)
