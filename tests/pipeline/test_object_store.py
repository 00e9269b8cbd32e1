"""Objects by their addresses: in memory, in a folder, and over Google's and Amazon's protocols."""

import os
import uuid
from pathlib import Path

import fsspec
import pytest

from pipeline.errors import InputError
from pipeline.object_store import ObjectStore, files_in, is_remote
from tests.pipeline.runners.amazon_storage import amazon_storage
from tests.pipeline.runners.google_storage import google_storage


@pytest.fixture(scope="module")
def google():
    with google_storage() as storage:
        yield storage


@pytest.fixture(scope="module")
def amazon(request):
    with amazon_storage(Path(request.config.cache.mkdir("storage-servers"))) as uri:
        yield uri


@pytest.fixture(params=["memory", "folder", "google", "amazon"])
def uri(request, tmp_path):
    if request.param == "google":
        return f"{request.getfixturevalue('google').uri}/{uuid.uuid4().hex}"
    if request.param == "amazon":
        return f"{request.getfixturevalue('amazon')}/{uuid.uuid4().hex}"
    return f"memory://{uuid.uuid4().hex}" if request.param == "memory" else str(tmp_path / "store")


def test_what_is_written_is_read_and_listed(uri):
    store = ObjectStore(uri)
    assert store.names() == []
    assert store.read("a/b") is None
    store.write("a/b", b"one")
    store.write("a/b", b"two")
    store.write("ab", b"")
    assert store.read("a/b") == b"two"
    assert (store.names(), store.names("a"), store.names("c")) == (["a/b", "ab"], ["a/b"], [])
    assert ObjectStore(store.at("a/b")).read() == b"two"
    assert ObjectStore(store.at("a/b")).is_object()
    assert not ObjectStore(store.at("a")).is_object()
    store.remove(["a/b"])
    assert store.names() == ["ab"]


def test_folders_come_back_as_they_went(uri, tmp_path):
    files = {"x/1": b"1", "x/y/2": os.urandom(3_000_000) + b"\r", "3": b"\n"}
    for name, contents in files.items():
        (tmp_path / "up" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "up" / name).write_bytes(contents)
    store = ObjectStore(uri)
    store.upload({f"in/{name}": path for name, path in files_in(tmp_path / "up").items()})
    assert store.names() == ["in/3", "in/x/1", "in/x/y/2"]
    inside = ObjectStore(store.at("in"))
    inside.download(inside.names(), tmp_path / "down")
    assert {name: path.read_bytes() for name, path in files_in(tmp_path / "down").items()} == files
    ObjectStore(store.at("in/x/1")).download_object(tmp_path / "alone" / "1")
    assert (tmp_path / "alone" / "1").read_bytes() == b"1"


def test_of_two_who_create_one_does(uri):
    if uri.startswith("gs://"):
        pytest.skip("the emulator of Google's does not know conditions; what is sent is tested below")
    store = ObjectStore(uri)
    assert store.create("claims/1", b"mine")
    assert not store.create("claims/1", b"yours")
    assert store.read("claims/1") == b"mine"


def test_google_is_asked_to_create_only(google, monkeypatch):
    """What the client sends makes Google's own service refuse the second."""
    store, sent = ObjectStore(google.uri), []
    call = type(store._files)._call

    async def noted(self, method, path, *args, **options):
        sent.append(str(path) + str(args) + str(options))
        return await call(self, method, path, *args, **options)

    monkeypatch.setattr(type(store._files), "_call", noted)
    assert store.create("claimed", b"mine")
    assert any("ifGenerationMatch" in request for request in sent)


def test_addresses_and_paths():
    assert is_remote("gs://b/x")
    assert is_remote("s3://b")
    assert not any(is_remote(place) for place in ("/a/b", "a://"[:1], "", 3, None))


def test_an_unknown_scheme_and_a_client_that_fails_are_messages(monkeypatch):
    with pytest.raises(InputError, match="unheard://x"):
        ObjectStore("unheard://x")
    store = ObjectStore("memory://broken")

    def refuse(*_, **__):
        raise PermissionError("no rights")

    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "find", refuse)
    with pytest.raises(InputError, match=r"cannot use memory://broken: PermissionError: no rights\nsee that"):
        store.names()
