"""Uploading what a run reads: by content, once, and never taken for whole when it is half."""

import json
import uuid

import pytest

from pipeline.canonical import PreparedData
from pipeline.config.cloud import CloudConfig
from pipeline.errors import InputError
from pipeline.object_store import ObjectStore
from pipeline.runners.cloud_files import cloud_files, served_baselines, upload_files
from schemas.features import Stream, TableLayout, declare_features

SUMMARY = "summary.json"


@pytest.fixture
def cloud():
    root = f"memory://{uuid.uuid4().hex}"
    return CloudConfig(image="i:1", root="gs://b/r").model_copy(update={"root": root})


@pytest.fixture
def data(tmp_path):
    layout = TableLayout()
    root = tmp_path / "data" / "0123456789abcdef"
    for name in ("interactions/train/a.parquet", "items/corpus/b.parquet", "quarantine/c.parquet"):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(name)
    for name in ("users.parquet", "histories.parquet", SUMMARY):
        (root / name).write_text(name)
    return PreparedData(root, layout, declare_features(layout), {}, reused=False)


@pytest.fixture
def schemas(tmp_path):
    files = {stream: tmp_path / f"{stream.value}.pbtxt" for stream in Stream}
    for stream, file in files.items():
        file.write_text(f"# {stream.value}")
    return files


def test_all_that_parameters_name_is_uploaded_once(cloud, data, schemas):
    files = cloud_files(data, schemas, cloud)
    assert upload_files(data, files, cloud)
    store = ObjectStore(cloud.root)
    for file in files:
        uploaded = ObjectStore(file.uri)
        if file.local.is_file():
            assert uploaded.read() == file.local.read_bytes()
        else:
            assert [uploaded.read(n) for n in uploaded.names()] == [
                path.read_bytes() for path in file.local.rglob("*.parquet")
            ]
    before = store.names()
    assert not [name for name in before if "quarantine" in name]
    assert not upload_files(data, files, cloud)
    assert store.names() == before


def test_a_changed_schema_has_another_address(cloud, data, schemas):
    first = {file.parameter: file.uri for file in cloud_files(data, schemas, cloud)}
    schemas[Stream.ITEMS].write_text("# other")
    second = {file.parameter: file.uri for file in cloud_files(data, schemas, cloud)}
    assert [name for name in first if first[name] != second[name]] == ["items_schema_uri"]


def test_half_an_upload_is_made_whole(cloud, data, schemas, monkeypatch):
    upload, calls = ObjectStore.upload, []

    def fail_at_the_summary(self, files):
        calls.append(files)
        if SUMMARY in files:
            raise InputError("the network is down")
        upload(self, files)

    files = cloud_files(data, schemas, cloud)
    with monkeypatch.context() as patched:
        patched.setattr(ObjectStore, "upload", fail_at_the_summary)
        with pytest.raises(InputError, match="down"):
            upload_files(data, files, cloud)
    assert len(calls) == 2
    root = ObjectStore(f"{cloud.root}/data/{data.root.name}")
    root.remove(["users.parquet"])
    assert upload_files(data, files, cloud)
    assert root.read("users.parquet") == b"users.parquet"
    assert root.read(SUMMARY) is not None


def test_drift_is_measured_from_the_version_that_was_pushed_last(cloud):
    assert served_baselines(cloud) == {"interactions_baseline_uri": "", "items_baseline_uri": ""}
    store = ObjectStore(cloud.push_destination)
    for number in (9, 10):
        store.write(f"versions/{number}/manifest.json", json.dumps({"digest": str(number)}).encode())
        store.write(f"versions/{number}/statistics/items/FeatureStats.pb", b"")
    store.write("versions/11/statistics/items/FeatureStats.pb", b"")  # half a version
    assert served_baselines(cloud) == {
        "interactions_baseline_uri": "",
        "items_baseline_uri": store.at("versions/10/statistics/items"),
    }
