"""The gateway's page in Chromium."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.serving.report.browser import CHROMIUM

MILLISECONDS = 60_000  # a machine may be slow


@dataclass
class Noted:
    """What a page did beside being shown.

    Attributes:
      addresses: That it asked for.
      complaints: What the console said, and errors; answers that are no success are among them.
    """

    addresses: list = field(default_factory=list)
    complaints: list = field(default_factory=list)


@contextmanager
def chromium():
    """Yields a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # The sandbox is not to be had by root, and the page is ours.
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"], timeout=MILLISECONDS
        )
        yield browser
        browser.close()


@contextmanager
def visited(browser, address, width=1280, scheme="light"):
    """Opens the page; yields Playwright's page and what was noted."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(MILLISECONDS)
    page, noted = context.new_page(), Noted()
    page.on("request", lambda request: noted.addresses.append(request.url))
    page.on("console", lambda message: noted.complaints.append(message.text))
    page.on("pageerror", lambda error: noted.complaints.append(str(error)))
    page.goto(address)
    yield page, noted
    context.close()
