"""Pushing to an object store: what a reader finds after a failure at any write, and the next push."""

import json
import uuid
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from pipeline.config.serving import ServingConfig
from pipeline.errors import BundleError, InputError
from pipeline.object_store import ObjectStore, files_in
from serving.layout import MODELS, VARIANTS, model_dir
from serving.promote import promote_objects
from serving.push_objects import push_objects
from serving.pushed_objects import configuring, served_name, version_name, versions_in
from serving.tf_serving.config_files import write_models_configs
from serving.tf_serving.labels import Labels, write_labels
from tests.pipeline.runners.amazon_storage import amazon_storage
from tests.serving.pushed import write_export


class NetworkError(Exception):
    """What a failing write raises."""


@pytest.fixture
def store():
    return ObjectStore(f"memory://{uuid.uuid4().hex}")


def _push(bundle, store, **options):
    return push_objects(bundle, store.uri, options.pop("metrics", {}), **options)


def _labels(store):
    text = store.read("serving/labels.json")
    return None if text is None else json.loads(text)


def _configured(store, variant):
    """Model to base path and versions, as TensorFlow Serving reads them; `None` without a file."""
    text = store.read(f"serving/{variant}.models.config")
    if text is None:
        return None
    config = text_format.Parse(text.decode(), ModelServerConfig())
    return {
        model.name: (model.base_path, list(model.model_version_policy.specific.versions))
        for model in config.model_config_list.config
    }


def _check_whole(store, exports):
    """Checks that all a reader is led to is whole.

    Args:
      store: The destination.
      exports: Digest to the folder of what was pushed.
    """
    names = set(store.names())
    whole = versions_in(store)
    for number, digest in whole.items():
        expected = files_in(exports[digest])
        for name in set(expected) - {"manifest.json"}:
            assert store.read(f"{version_name(number)}/{name}") == expected[name].read_bytes()
        for variant in VARIANTS:
            for model in MODELS:
                for name, path in files_in(model_dir(exports[digest], variant, model)).items():
                    assert store.read(f"{served_name(variant, model, number)}/{name}") == path.read_bytes()
    labels = _labels(store)
    assert labels is None or set(labels.values()) <= set(whole)
    for variant in VARIANTS:
        for base_path, numbers in (_configured(store, variant) or {}).values():
            assert base_path.startswith(f"{store.uri}/models/{variant}/")
            assert numbers
            assert set(numbers) <= set(whole)
    # A folder of a model that has its graph has the rest as well, whoever looks at it.
    for name in names:
        if name.startswith("models/") and name.endswith("/saved_model.pb"):
            variables = name.replace("saved_model.pb", "variables/variables.data")
            assert store.read(variables) == b"x" * 10


def test_a_version_is_copied_for_every_model_and_configured(store, tmp_path):
    bundle = write_export(tmp_path / "a", "one")
    assert _push(bundle, store, metrics={"recall": 0.5}) == 1
    assert versions_in(store) == {1: "one"}
    manifest = json.loads(store.read("versions/1/manifest.json"))
    assert manifest == {"digest": "one", "metrics": {"recall": 0.5}}
    assert json.loads((bundle / "manifest.json").read_text()) == {"digest": "one"}
    assert _labels(store) == {"stable": 1, "canary": 1}
    for variant in VARIANTS:
        served = {model: (f"{store.uri}/models/{variant}/{model}", [1]) for model in MODELS}
        assert _configured(store, variant) == served
    assert store.read("README.md").startswith(b"of one\n## Figures")
    assert b"max_batch_size { value: 32 }" in store.read("serving/batching_parameters.txt")
    _check_whole(store, {"one": bundle})


def test_servers_that_mount_the_bucket_are_told_their_own_path(store, tmp_path):
    _push(write_export(tmp_path / "a", "one"), store, settings=ServingConfig(mount="/mnt/bundle"))
    assert _configured(store, "exact")["ranking"] == ("/mnt/bundle/models/exact/ranking", [1])


def test_canary_moves_stable_stays_and_the_same_is_pushed_once(store, tmp_path):
    bundles = [write_export(tmp_path / name, name) for name in ("a", "b", "c")]
    assert [_push(bundle, store) for bundle in (*bundles, bundles[-1], bundles[0])] == [1, 2, 3, 3, 4]
    assert _labels(store) == {"stable": 1, "canary": 4}
    assert _configured(store, "scann")["retrieval"][1] == [1, 4]
    assert store.read("README.md") == b"of a"


def test_a_variant_that_no_labelled_version_has_is_not_configured(store, tmp_path):
    _push(write_export(tmp_path / "a", "one"), store)
    _push(write_export(tmp_path / "b", "two", variants=("exact",)), store)
    assert _configured(store, "scann")["ranking"][1] == [1]
    with configuring(store) as folder:
        write_labels(folder, Labels(stable=2, canary=2))
        write_models_configs(folder)
    assert _configured(store, "scann") is None
    assert _configured(store, "exact")["ranking"][1] == [2]


@pytest.mark.parametrize("times", [1, 2], ids=["the first push", "a later push"])
def test_a_failure_at_any_write_leaves_whole_versions_and_the_next_push_ends_it(times, tmp_path, monkeypatch):
    exports = {name: write_export(tmp_path / name, name) for name in ("one", "two")}
    pushed = list(exports.values())[:times]
    writes = _writes_of(pushed, monkeypatch)
    assert writes > 30
    for failing in range(writes):
        store = ObjectStore(f"memory://{uuid.uuid4().hex}")
        for bundle in pushed[:-1]:
            _push(bundle, store)
        before = (_labels(store), [_configured(store, variant) for variant in VARIANTS])
        _push_and_fail(pushed[-1], store, failing, monkeypatch)
        _check_whole(store, exports)
        if times not in versions_in(store):  # nobody has seen anything
            assert (_labels(store), [_configured(store, variant) for variant in VARIANTS]) == before
        assert _push(pushed[-1], store) == times
        _check_whole(store, exports)
        assert _labels(store) == {"stable": 1, "canary": times}
        assert list(versions_in(store)) == list(range(1, times + 1))
        assert [n for n in store.names("versions") if n.startswith(f"versions/{times + 1}")] == []


def _push_and_fail(bundle, store, number, monkeypatch):
    """Pushes while the write of that number fails."""
    with monkeypatch.context() as patched:
        _fail_at(number, patched)
        with pytest.raises(InputError, match="the network is down"):
            _push(bundle, store)


def _writes_of(bundles, monkeypatch):
    """How many objects the last push writes."""
    store = ObjectStore(f"memory://{uuid.uuid4().hex}")
    for bundle in bundles[:-1]:
        _push(bundle, store)
    with monkeypatch.context() as patched:
        written = _fail_at(10**9, patched)
        _push(bundles[-1], store)
    return len(written)


def _fail_at(number, monkeypatch):
    """Makes the write of that number fail, and all behind it; gives a list that grows with each write."""
    from fsspec.implementations.memory import MemoryFileSystem

    written = []

    def counted(method):
        whole = getattr(MemoryFileSystem, method)

        def write(self, *args, **options):
            if len(written) >= number:
                raise NetworkError("the network is down")
            written.append(args)
            return whole(self, *args, **options)

        monkeypatch.setattr(MemoryFileSystem, method, write)

    for method in ("pipe_file", "put_file"):
        counted(method)
    return written


def test_what_a_push_that_never_came_back_left_is_nobodys(store, tmp_path, monkeypatch):
    old, new = (write_export(tmp_path / name, name) for name in ("one", "two"))
    _push_and_fail(old, store, 20, monkeypatch)
    assert _push(new, store) == 2
    assert versions_in(store) == {2: "two"}
    assert _labels(store) == {"stable": 2, "canary": 2}
    _check_whole(store, {"two": new})


def test_two_pushes_at_once_take_two_numbers(store, tmp_path, monkeypatch):
    first, second = (write_export(tmp_path / name, name) for name in ("one", "two"))
    create, waiting = ObjectStore.create, [second]

    def create_late(self, name, contents):
        if waiting:  # the other one claims, copies and ends between our look and our claim
            assert _push(waiting.pop(), store) == 1
        return create(self, name, contents)

    monkeypatch.setattr(ObjectStore, "create", create_late)
    assert _push(first, store) == 2
    assert versions_in(store) == {1: "two", 2: "one"}
    _check_whole(store, {"one": first, "two": second})


def test_a_slow_push_does_not_take_the_label_back(store, tmp_path, monkeypatch):
    first, second = (write_export(tmp_path / name, name) for name in ("one", "two"))
    upload, waiting = ObjectStore.upload, [second]

    def upload_late(self, files):
        upload(self, files)
        if waiting and any(name.endswith("manifest.json") for name in files):
            assert _push(waiting.pop(), store) == 2
            assert _labels(store)["canary"] == 2

    monkeypatch.setattr(ObjectStore, "upload", upload_late)
    assert _push(first, store) == 1
    assert _labels(store)["canary"] == 2
    assert store.read("README.md") == b"of two"


def test_a_damaged_manifest_is_named(store, tmp_path):
    _push(write_export(tmp_path / "a", "one"), store)
    store.write("versions/1/manifest.json", b"{}")
    with pytest.raises(BundleError, match=r"versions/1/manifest\.json is damaged: remove that version"):
        _push(write_export(tmp_path / "b", "two"), store)


def test_a_folder_of_this_machine_serves_as_well(tmp_path):
    """For a mounted bucket, which has neither links nor renames."""
    bundle = write_export(tmp_path / "a", "one")
    store = ObjectStore(str(tmp_path / "mounted"))
    assert _push(bundle, store) == 1
    _check_whole(store, {"one": bundle})
    assert Path(_configured(store, "exact")["ranking"][0], "1", "saved_model.pb").is_file()


def test_labels_are_moved_in_the_store(store, tmp_path):
    for name in ("a", "b", "c"):
        _push(write_export(tmp_path / name, name), store)
    assert promote_objects(store.uri) == (Labels(stable=1, canary=3), Labels(stable=3, canary=3))
    promote_objects(store.uri, stable=2, canary=1)
    assert _labels(store) == {"stable": 2, "canary": 1}
    assert _configured(store, "exact")["ranking"] == (f"{store.uri}/models/exact/ranking", [1, 2])
    before = {name: store.read(name) for name in store.names("serving")}
    with pytest.raises(InputError, match=rf"{store.uri} has no version 4; it has 1, 2, 3"):
        promote_objects(store.uri, stable=4)
    assert {name: store.read(name) for name in store.names("serving")} == before
    with pytest.raises(InputError, match=r"no version of a bundle stands in memory://"):
        promote_objects(f"memory://{uuid.uuid4().hex}")


def test_over_amazons_protocol(tmp_path, request):
    bundle = write_export(tmp_path / "a", "one")
    with amazon_storage(Path(request.config.cache.mkdir("storage-servers"))) as uri:
        store = ObjectStore(f"{uri}/bundle")
        assert [_push(bundle, store), _push(bundle, store)] == [1, 1]
        _check_whole(store, {"one": bundle})
        assert _push(write_export(tmp_path / "b", "two"), store) == 2
        assert promote_objects(store.uri)[1] == Labels(stable=2, canary=2)
        assert _configured(store, "scann")["ranking"] == (f"{store.uri}/models/scann/ranking", [2])
