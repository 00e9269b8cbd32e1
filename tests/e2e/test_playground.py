"""From a finished run to clicking: server, gateway and page, by one command."""

import os
import re
import signal
import socket
import subprocess
import sys

import psutil
import pytest

from tests.checkerboard import genre_of_item, genre_of_user, write_config
from tests.e2e.conftest import recstack
from tests.gateway.browser import chromium, visited
from tests.serving.report.browser import needs_browser

pytestmark = pytest.mark.slow

USER = "u4"


@pytest.fixture(scope="module")
def playground(world):
    """The process, and the address that it says."""
    config = write_config(world.folder, {"gateway": {"deadline_ms": 60_000}}, name="playground.yaml")
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "playground", "--config", str(config), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "120"},
    )
    line = process.stdout.readline()
    found = re.search(r"open (http://\S+/) in a browser", line)
    assert found, line + process.stdout.read()
    yield process, found[1]
    for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
        child.kill()
    process.kill()
    process.communicate()


def _list(page):
    page.locator("#list[aria-busy=false]").wait_for()
    return page.locator("#cards h3").all_inner_texts()


@needs_browser
def test_somebody_is_shown_what_they_like_and_rating_counts_at_once(playground):
    _, address = playground
    liked = genre_of_user(USER)
    with chromium() as browser, visited(browser, address) as (page, noted):
        page.locator("#past > li").first.wait_for()
        assert page.locator("#users option").count() == 20
        page.get_by_label("User id").fill(USER)
        page.get_by_role("button", name="Show", exact=True).click()
        page.locator("#list-title", has_text=f"Recommended to {USER}").wait_for()
        shown = _list(page)
        assert sum(title.startswith(liked) for title in shown[:4]) >= 3
        assert page.locator("#cards dt", has_text="Predicted rating").count() == 10
        page.locator("#past > li", has_text=liked).nth(9).wait_for()

        page.get_by_role("button", name=f"Rate: {shown[0]}", exact=True).click()
        page.locator("#news", has_text=f"Rated: {shown[0]}. 1 new").wait_for()
        assert shown[0] not in _list(page)
        page.get_by_label("Search by text").fill("a long text about horror")
        page.keyboard.press("Enter")
        page.locator("#list-title", has_text="Found for").wait_for()
        assert len(_list(page)) == 10
        page.get_by_role("button", name="More like this").first.click()
        page.locator("#list-title", has_text="More like").wait_for()
        assert page.locator("#figures dt").count() == 8
        assert noted.complaints == []


@needs_browser
def test_what_an_invented_user_does_is_all_that_counts(playground):
    _, address = playground
    with chromium() as browser, visited(browser, address) as (page, _):
        page.locator("#past > li").first.wait_for()
        page.get_by_role("button", name="Invent a user").click()
        page.locator("#list-title", has_text="Recommended to guest-").wait_for()
        assert "do not know this user" in page.locator("#origin").inner_text()
        first = _list(page)[0]
        page.get_by_role("button", name=f"Rate: {first}", exact=True).click()
        page.locator("#news", has_text="Rated").wait_for()
        assert first not in _list(page)
        page.locator("#past > li", has_text="rated 5").wait_for()
        assert genre_of_item(f"i{first.split()[-1]}") == first.split()[0]


def test_it_ends_with_what_it_started(playground):
    process, _ = playground
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=120)
    assert (process.returncode, said.strip().splitlines()[-1]) == (0, "stopped")
    assert psutil.wait_procs(children, timeout=60)[1] == []  # nobody is left


def test_a_port_that_is_taken_ends_both(world, taken_port):
    config = write_config(world.folder, name="taken.yaml")
    done = recstack("playground", "--config", config, "--port", taken_port)
    assert done.returncode == 2
    assert "the gateway ended, with exit code 2" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def taken_port():
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]
