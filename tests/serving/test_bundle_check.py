"""`recstack doctor --bundle`: what it says, and what it ends with."""

import json
import shutil

import pytest
import tensorflow as tf

from pipeline.errors import InputError
from serving import bundle_check as module
from serving.bundle_check import check_bundle, find_version
from serving.layout import MODELS, model_dir, models_dir
from serving.manifest import read_manifest
from serving.model_probe import ModelFindings, probe_model, read_findings
from serving.push import push
from tests.e2e.conftest import recstack
from tests.serving.small_bundle import SmallModel, write_small_bundle


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    """An exact bundle, exported and pushed."""
    folder = tmp_path_factory.mktemp("exact")
    push(write_small_bundle(folder / "exported"), folder / "served")
    return folder / "served"


@pytest.fixture(scope="module")
def scann(tmp_path_factory):
    """An exported bundle with ScaNN's index."""
    return write_small_bundle(tmp_path_factory.mktemp("scann") / "exported", "scann")


@pytest.fixture
def probed(monkeypatch):
    """Models are probed in this process, which has all ops; a test may change what was found."""
    found = {}

    def models(version, manifest, variant):
        for model in MODELS:
            findings = found.get(model) or probe_model(model_dir(version, variant, model))
            yield from module._model(findings, manifest, version, variant)

    monkeypatch.setattr(module, "_models", models)
    return found


def _checked(folder, server=None):
    diagnoses = list(check_bundle(folder, server))
    return {d.name: d for d in diagnoses}, {d.name for d in diagnoses if d.cure is not None}


@pytest.mark.slow
def test_an_exact_bundle_runs_on_a_stock_server(exact):
    done = recstack("doctor", "--bundle", exact, "--serving", "stock")
    assert done.returncode == 0, done.stdout + done.stderr
    for line in ("✓ manifest", "✓ files", "✓ parts", "✓ tower and index", "✓ links for servers"):
        assert line in done.stdout
    for model in MODELS:
        assert any(
            line.split()[:4] == ["✓", "exact", model, "ops"]
            and line.endswith("runs on stock TensorFlow Serving")
            for line in done.stdout.splitlines()
        )
    assert done.stdout.count("and answers") == len(MODELS)
    assert done.stdout.endswith("all is well\n")
    assert done.stderr == ""


@pytest.mark.slow
def test_ops_of_scann_do_not_run_on_a_stock_server(scann, tmp_path, monkeypatch):
    version = shutil.copytree(scann, tmp_path / "1")
    for model in ("retrieval", "recommender"):
        shutil.rmtree(version / "exact" / model)
        shutil.copytree(version / "scann" / model, version / "exact" / model)
    probed = {}
    monkeypatch.setattr(
        module, "read_findings", lambda output: probed.update(read_findings(output)) or probed
    )
    found, bad = _checked(version, "stock")
    assert bad == {"files", "exact retrieval ops", "exact recommender ops"}
    assert found["exact retrieval ops"].found.startswith("stock TensorFlow Serving lacks Scann>")
    assert "Scann>ScannSearchBatched" in found["exact retrieval ops"].found
    assert "exact ranking loads" in found
    # What the list of ops says is what TensorFlow says that was asked to load the model all the same.
    assert "Scann>" in probed["retrieval"].error
    assert "Scann>" in probed["recommender"].error


@pytest.mark.slow
def test_a_scann_bundle_runs_on_a_server_with_its_ops(scann):
    found, bad = _checked(scann, "scann")
    assert not bad
    for model in ("retrieval", "recommender"):
        assert "needs ScaNN's ops: Scann>" in found[f"scann {model} ops"].found
        assert found[f"scann {model} loads"].found.startswith("and answers; tower and index are ")
    assert found["scann ranking ops"].found.endswith("runs on stock TensorFlow Serving")
    assert found["scann ranking loads"].found == "and answers"
    assert not [name for name in found if name.startswith("exact")]


def test_both_variants_are_checked_unless_one_is_asked_for(scann, exact, probed):
    names = {name for name in _checked(scann)[0] if name.endswith("loads")}
    assert names == {f"{variant} {model} loads" for variant in ("exact", "scann") for model in MODELS}
    assert not [name for name in _checked(scann, "stock")[0] if name.startswith("scann")]
    found, bad = _checked(exact, "scann")
    assert bad == {"scann"}
    assert found["scann"].found.endswith("has no such variant")
    assert "so few items" in found["scann"].cure


def test_a_damaged_file_a_missing_one_and_other_vocabularies(exact, tmp_path, probed):
    version = shutil.copytree(exact / "versions" / "1", tmp_path / "1")
    (version / "vocabularies" / "items" / "item_genre").write_text("tragedy")
    (version / "exact" / "ranking" / "saved_model.pb").write_bytes(b"no proto")
    shutil.rmtree(version / "exact" / "recommender" / "variables")
    found, bad = _checked(version)
    assert bad == {"files", "exact ranking loads", "exact recommender loads"}
    assert "exact/ranking/saved_model.pb has 8 bytes" in found["files"].found
    assert "variables.index is missing; and 1 more" in found["files"].found
    assert "exact ranking ops" not in found
    assert "push the bundle again" in found["files"].cure


def test_an_index_of_another_tower(tmp_path, probed):
    found, bad = _checked(write_small_bundle(tmp_path / "mixed", index_seed=3))
    assert bad == {"tower and index", "exact retrieval loads", "exact recommender loads"}
    assert "another retrieval model" in found["tower and index"].found


def test_signatures_and_parts_that_the_manifest_does_not_say(exact, tmp_path, probed):
    version = shutil.copytree(exact / "versions" / "1", tmp_path / "1")
    content = json.loads((version / "manifest.json").read_text())
    content["signatures"]["ranking"] = ["serving_default", "top_k"]
    content["parts"]["schema"] = "0" * 64
    (version / "manifest.json").write_text(json.dumps(content))
    found, bad = _checked(version)
    assert bad == {"exact ranking signatures", "parts"}
    assert found["exact ranking signatures"].found == (
        "has serving_default; the manifest says serving_default, top_k"
    )
    assert found["parts"].found.startswith("schema: ")


def test_a_link_that_servers_miss(exact, tmp_path, probed):
    served = shutil.copytree(exact, tmp_path / "served", symlinks=True)
    (models_dir(served, "exact") / "ranking" / "1").unlink()
    assert _checked(served)[1] == {"links for servers"}


def test_a_model_that_answers_with_what_is_no_number(tmp_path):
    model = SmallModel(0, answer=float("nan"))
    tf.saved_model.save(model, str(tmp_path / "m"), signatures=model.serving_default)
    assert probe_model(tmp_path / "m").error == "serving_default answers scores with what is no number"


def test_ops_that_no_server_has(exact, probed):
    probed["ranking"] = ModelFindings(
        model="ranking", ops={"other": ("Odd",)}, signatures=("serving_default",)
    )
    found, bad = _checked(exact)
    assert bad == {"exact ranking ops"}
    assert found["exact ranking ops"].found == "stock TensorFlow Serving lacks Odd"


def test_a_process_that_dies_is_told(exact, monkeypatch):
    monkeypatch.setattr(module.sys, "executable", "/bin/false")
    _, bad = _checked(exact)
    assert bad == {f"exact {model} loads" for model in MODELS}


def test_an_old_manifest_ends_with_6_and_no_bundle_with_2(tmp_path):
    folder = tmp_path / "versions" / "4"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"format": 1}')
    old = recstack("doctor", "--bundle", tmp_path)
    assert old.returncode == 6
    assert "✗ manifest" in old.stdout
    assert "has format 1" in old.stdout
    none = recstack("doctor", "--bundle", tmp_path / "nowhere")
    assert none.returncode == 2
    assert "no bundle stands in" in none.stderr
    alone = recstack("doctor", "--serving", "stock")
    assert alone.returncode == 2
    assert "name one" in alone.stderr


def test_the_newest_version_counts_or_the_one_that_is_named(exact):
    assert find_version(exact) == find_version(exact / "versions" / "1") == exact / "versions" / "1"
    assert read_manifest(find_version(exact)).index == "exact"
    with pytest.raises(InputError, match="`recstack run` makes one"):
        find_version(exact / "models")
