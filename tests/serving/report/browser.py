"""A page in a real browser: Debian's Chromium, by Playwright."""

import shutil
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

needs_browser = pytest.mark.skipif(
    CHROMIUM is None or find_spec("playwright") is None,
    reason="Chromium or Playwright is not installed; `make browser` installs the one, `make setup` the other",
)


class Seen:
    """What a page did beside being shown.

    Attributes:
      requests: Addresses that it asked for, its own left out.
      complaints: What the console said, and errors.
    """

    def __init__(self, page, address):
        self.requests, self.complaints = [], []
        page.on("request", lambda r: self.requests.append(r.url) if r.url != address else None)
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))


@contextmanager
def shown(path, width, scheme="light"):
    """Opens a file; yields Playwright's page and what was seen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # The sandbox is not to be had by root, and the page is ours.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        seen = Seen(page, path.as_uri())
        page.goto(path.as_uri())
        yield page, seen
        browser.close()
