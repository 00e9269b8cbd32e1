"""Downloads over real connections that are cut, stalled and refused."""

import hashlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from pipeline import download as module
from pipeline.download import download
from pipeline.errors import InputError
from tests.pipeline.range_server import serve

BODY = np.random.default_rng(0).bytes(1_000_000)
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.whl").write_bytes(BODY)
    return folder


@pytest.fixture
def part(tmp_path):
    return tmp_path / "a.part"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(module, "_FIRST_PAUSE_SECONDS", 0.001)


def test_whole_file(served, part):
    with serve(served) as server:
        download(f"{server.url}/a.whl", part, "a", SHA256)
    assert part.read_bytes() == BODY
    assert server.starts("a.whl") == [0]


def test_goes_on_after_each_cut(served, part):
    with serve(served, cut_after=150_000) as server:
        download(f"{server.url}/a.whl", part, "a", SHA256)
    assert part.read_bytes() == BODY
    starts = server.starts("a.whl")
    # More cuts than attempts without progress are allowed.
    assert len(starts) > module._ATTEMPTS
    assert starts == sorted(set(starts))


def test_goes_on_after_kill_9(served, part):
    with serve(served, stall_after=400_000) as server:
        program = "import sys; from pathlib import Path; from pipeline.download import download\n"
        program += "download(sys.argv[1], Path(sys.argv[2]), 'a', 'x')"
        process = subprocess.Popen([sys.executable, "-c", program, f"{server.url}/a.whl", str(part)])
        deadline = time.monotonic() + 30
        while not (part.exists() and part.stat().st_size > 300_000):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = part.stat().st_size
    with serve(served) as server:
        download(f"{server.url}/a.whl", part, "a", SHA256)
    assert server.starts("a.whl") == [kept]
    assert part.read_bytes() == BODY


def test_nothing_left_to_download(served, part):
    part.write_bytes(BODY)
    with serve(served) as server:
        download(f"{server.url}/a.whl", part, "a", SHA256)
    assert part.read_bytes() == BODY


def test_server_without_ranges_starts_anew(served, part):
    part.write_bytes(b"stale" * 100)
    with serve(served, ranges=False) as server:
        download(f"{server.url}/a.whl", part, "a", SHA256)
    assert part.read_bytes() == BODY


def test_wrong_digest_deletes_the_download(served, part):
    with serve(served) as server, pytest.raises(InputError, match=r"(?s)a has SHA-256 .*run again"):
        download(f"{server.url}/a.whl", part, "a", "0" * 64)
    assert not part.exists()


def test_a_refusal_is_not_asked_again(served, part):
    with serve(served) as server, pytest.raises(InputError, match="the server answers 404"):
        download(f"{server.url}/gone.whl", part, "a", SHA256)
    assert len(server.asked) == 1


def test_a_faulty_server_is_asked_again_and_again(served, part):
    with serve(served, status=503) as server, pytest.raises(InputError, match="the server answers 503"):
        download(f"{server.url}/a.whl", part, "a", SHA256)
    assert len(server.asked) == module._ATTEMPTS


def test_no_server(served, part):
    with serve(served) as server:
        url = f"{server.url}/a.whl"
    with pytest.raises(InputError, match="check the network, and run again") as raised:
        download(url, part, "a", SHA256)
    assert url not in str(raised.value)


def test_file_urls(served, part, tmp_path):
    odd = tmp_path / "with space.whl"
    odd.write_bytes(BODY)
    download(odd.as_uri(), part, "a", SHA256)
    assert part.read_bytes() == BODY
    with pytest.raises(InputError, match="there is no file"):
        download((tmp_path / "none.whl").as_uri(), part, "a", SHA256)
