"""Versions are taken away whole, links first, and never the newest."""

import shutil

import pytest

from serving.layout import MODELS, models_dir, serving_dir, versions
from serving.retire import retire
from serving.tf_serving.labels import Labels, write_labels
from tests.pipeline.privacy.small_run import write_version


@pytest.fixture
def bundle(tmp_path):
    for number in (1, 2, 10):
        write_version(tmp_path, number, ["ann"])
    return tmp_path


def _links(bundle):
    models = models_dir(bundle, "exact")
    return {model: sorted(path.name for path in (models / model).iterdir()) for model in MODELS}


def test_older_versions_go_and_no_link_dangles(bundle):
    assert retire(bundle, [1, 7]) == [1]
    assert versions(bundle) == [2, 10]
    assert _links(bundle) == {model: ["10", "2"] for model in MODELS}
    assert all(path.resolve(strict=True) for path in (bundle / "models").glob("*/*/*"))
    assert sorted(path.name for path in (bundle / "versions").iterdir()) == ["10", "2"]


def test_the_newest_stays(bundle):
    assert retire(bundle, [1, 2, 10]) == [1, 2]
    assert versions(bundle) == [10]


@pytest.mark.parametrize(("stable", "canary"), [(1, 10), (2, 1), (1, 1)])
def test_a_version_with_a_label_stays(bundle, stable, canary):
    serving_dir(bundle).mkdir()
    write_labels(bundle, Labels(stable=stable, canary=canary))
    assert retire(bundle, [1, 2, 10]) == sorted({1, 2} - {stable, canary})
    assert versions(bundle) == sorted({10, stable, canary})


def test_links_of_a_format_without_variants_go_as_well(bundle):
    old = bundle / "models" / "retrieval" / "1"
    old.parent.mkdir()
    old.symlink_to("../../versions/1/retrieval")
    assert retire(bundle, [1]) == [1]
    assert not old.is_symlink()


def test_a_kill_while_the_files_go_is_finished_the_next_time(bundle, monkeypatch):
    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            retire(bundle, [1])
    assert versions(bundle) == [2, 10]
    assert _links(bundle) == {model: ["10", "2"] for model in MODELS}
    retire(bundle, [])
    assert sorted(path.name for path in (bundle / "versions").iterdir()) == ["10", "2"]


def test_no_bundle(tmp_path):
    assert retire(tmp_path / "none", [1]) == []
    assert not (tmp_path / "none").exists()
