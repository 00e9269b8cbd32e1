"""Damaged bundles, and parts of different ones, at export and at load."""

import shutil

import pytest
import tensorflow as tf

from pipeline.errors import BundleError
from serving.bundle import export_bundle
from serving.bundle_integrity import check_files, check_sizes, check_towers, towers_of
from serving.index_builder import INDEX_DIR
from serving.layout import EXACT, RECOMMENDER, model_dir
from serving.manifest import read_manifest
from serving.model_probe import probe_model
from serving.push import push
from serving.recommend import BundleRecommender
from tests.serving.small_bundle import SETTINGS, SmallModel, search_module, write_manifest, write_small_bundle

VOCABULARY = "vocabularies/items/item_genre"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write_small_bundle(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def bundle(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "bundle")


def test_a_whole_bundle_is_whole_wherever_it_stands(bundle):
    manifest = read_manifest(bundle)
    check_sizes(bundle, manifest)
    check_files(bundle, manifest)
    check_towers(manifest.towers, bundle)
    assert VOCABULARY in manifest.files
    assert "manifest.json" not in manifest.files
    assert set(manifest.parts) == {
        *("retrieval", "index", "ranking", "fusion", "collaborative", "schema", "vocabularies"),
    }
    assert manifest.ops["exact"]["retrieval"].keys() == {"tensorflow"}


def test_one_changed_bit_is_found_by_reading_only(bundle):
    path = bundle / "exact" / "retrieval" / "variables" / "variables.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    check_sizes(bundle, read_manifest(bundle))
    with pytest.raises(BundleError, match=r"damaged: exact/retrieval/variables/\S+ has another content"):
        check_files(bundle, read_manifest(bundle))


@pytest.mark.parametrize("check", [check_sizes, check_files])
def test_a_file_that_is_missing_or_cut_short_is_found(bundle, check):
    (bundle / VOCABULARY).unlink()
    (bundle / "exact" / "ranking" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(
        BundleError, match=r"saved_model.pb has 0 bytes and should have [\d,]+; .*genre is missing"
    ):
        check(bundle, read_manifest(bundle))


def test_a_stranger_is_found_and_many_faults_are_cut_short(bundle):
    (bundle / "exact" / "retrieval" / "notes").touch()
    with pytest.raises(BundleError, match="exact/retrieval/notes is not in the manifest$"):
        check_files(bundle, read_manifest(bundle))
    shutil.rmtree(bundle / "exact")
    with pytest.raises(BundleError, match=r"and \d+ more$"):
        check_files(bundle, read_manifest(bundle))


def test_an_index_of_another_tower_is_refused_at_export(tmp_path):
    tf.saved_model.save(SmallModel(seed=0), str(tmp_path / "model"))
    tf.saved_model.save(search_module("exact", seed=1), str(tmp_path / "index" / INDEX_DIR / EXACT))
    model, output = str(tmp_path / "model"), tmp_path / "output"
    with pytest.raises(
        BundleError, match="index was built from the embeddings of another retrieval model"
    ) as caught:
        export_bundle(
            *[model] * 4, str(tmp_path / "index"), *["nowhere"] * 2, *["nothing"] * 2, SETTINGS, str(output)
        )
    assert caught.value.exit_code == 6
    assert not output.exists()


def test_an_index_that_does_not_say_whose_it_is_is_refused():
    towers = towers_of(SmallModel(0).corpus, tf.Module())
    with pytest.raises(BundleError, match="it does not say which"):
        check_towers(towers, "here")


def test_a_pushed_bundle_loads(bundle, tmp_path):
    push(bundle, tmp_path / "served")
    assert BundleRecommender(tmp_path / "served").tasks == {"rating": "value"}


def _served(bundle, tmp_path):
    push(bundle, tmp_path / "served")
    return tmp_path / "served"


def test_a_version_whose_manifest_says_two_towers_is_not_loaded(tmp_path):
    bundle = write_small_bundle(tmp_path / "mixed", index_seed=1)
    with pytest.raises(BundleError, match="another retrieval model"):
        BundleRecommender(_served(bundle, tmp_path))
    assert (
        towers_of(SmallModel(0).corpus, search_module("exact", 1))
        == probe_model(bundle / "exact" / "retrieval").towers
    )


def test_a_model_of_another_bundle_is_not_loaded_although_all_digests_are_right(bundle, tmp_path):
    other = write_small_bundle(tmp_path / "other", seed=7)
    shutil.rmtree(model_dir(bundle, EXACT, RECOMMENDER))
    shutil.copytree(model_dir(other, EXACT, RECOMMENDER), model_dir(bundle, EXACT, RECOMMENDER))
    write_manifest(bundle, SmallModel(0, search_module("exact", 0)))
    check_files(bundle, read_manifest(bundle))
    with pytest.raises(BundleError, match="recommender is of another bundle"):
        BundleRecommender(_served(bundle, tmp_path))


def test_a_model_that_another_index_was_put_into_is_not_loaded(bundle, tmp_path):
    shutil.rmtree(model_dir(bundle, EXACT, RECOMMENDER))
    swapped = SmallModel(0, search_module("exact", 7))
    tf.saved_model.save(
        swapped, str(model_dir(bundle, EXACT, RECOMMENDER)), signatures=swapped.serving_default
    )
    write_manifest(bundle, SmallModel(0, search_module("exact", 0)))
    with pytest.raises(BundleError, match="recommender: the index was built from .* another retrieval model"):
        BundleRecommender(_served(bundle, tmp_path))


def test_a_damaged_version_is_not_loaded(bundle, tmp_path):
    served = _served(bundle, tmp_path)
    (served / "versions" / "1" / VOCABULARY).unlink()
    with pytest.raises(BundleError, match="item_genre is missing"):
        BundleRecommender(served)


def test_an_old_version_is_not_loaded(tmp_path):
    folder = tmp_path / "versions" / "1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"format": 1, "index": "exact"}')
    with pytest.raises(BundleError, match="has format 1.* make a new version with `recstack run`"):
        BundleRecommender(tmp_path)
