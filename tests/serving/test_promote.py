"""Labels move where they are told to, and to whole versions only."""

import shutil

import pytest

from pipeline.errors import BundleError, InputError
from serving.layout import version_dir
from serving.promote import promote
from serving.push import push
from serving.tf_serving.labels import Labels, read_labels
from tests.e2e.conftest import recstack
from tests.serving.pushed import written
from tests.serving.small_bundle import SmallModel, search_module, write_manifest, write_small_bundle

NOT_LOADED = "version 2 had no label: TensorFlow Serving needs reload_seconds, or a new start, to take it\n"


@pytest.fixture(scope="module")
def three_versions(tmp_path_factory):
    """Three versions of the same models, each with a file of its own."""
    folder = tmp_path_factory.mktemp("three")
    bundle = write_small_bundle(folder / "bundle")
    for number in (1, 2, 3):
        (bundle / "vocabularies" / "items" / "item_genre").write_text(f"genre {number}")
        write_manifest(bundle, SmallModel(0, search_module("exact", 0)))
        push(bundle, folder / "served")
    return folder / "served"


@pytest.fixture
def served(three_versions, tmp_path):
    return shutil.copytree(three_versions, tmp_path / "served", symlinks=True)


def test_the_canary_becomes_stable(served):
    assert promote(served) == (Labels(stable=1, canary=3), Labels(stable=3, canary=3))
    assert read_labels(served) == Labels(stable=3, canary=3)
    assert written(served, "exact")["recommender"][1] == [3]


@pytest.mark.parametrize(
    ("stable", "canary", "expected"),
    [(2, None, (2, 3)), (None, 2, (1, 2)), (1, 1, (1, 1)), (3, 2, (3, 2))],
)
def test_labels_move_where_they_are_told(served, stable, canary, expected):
    _, after = promote(served, stable, canary)
    assert (after.stable, after.canary) == expected
    assert written(served, "exact")["ranking"][1] == sorted(set(expected))


def test_forward_and_back(served):
    promote(served)
    assert promote(served, stable=1)[1] == Labels(stable=1, canary=3)


def test_a_version_that_is_not_there_or_damaged_gets_no_label(served, tmp_path):
    (version_dir(served, 2) / "exact" / "ranking" / "saved_model.pb").unlink()
    with pytest.raises(BundleError, match=r"saved_model.pb is missing"):
        promote(served, stable=2)
    with pytest.raises(InputError, match="has no version 9; it has 1, 2, 3"):
        promote(served, canary=9)
    with pytest.raises(InputError, match="no version of a bundle stands in"):
        promote(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    assert read_labels(served) == Labels(stable=1, canary=3)
    (served / "serving" / "labels.json").write_text('{"stable": 0, "canary": 1}')
    with pytest.raises(BundleError, match="labels.json is damaged"):
        promote(served)
    (served / "serving" / "labels.json").unlink()
    with pytest.raises(InputError, match="no version in .* has a label"):
        promote(served)


def test_the_command_line(served):
    done = recstack("promote", "--bundle", served)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "stable: version 3, was 1\ncanary: version 3\n"
    done = recstack("promote", "--bundle", served, "--version", 2, "--canary", 2)
    assert done.stdout == "stable: version 2, was 3\ncanary: version 2, was 3\n" + NOT_LOADED
    wrong = recstack("promote", "--bundle", served, "--version", 4)
    assert wrong.returncode == 2
    assert "has no version 4" in wrong.stderr
