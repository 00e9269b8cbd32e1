"""Takes pictures of a page that runs: wide and narrow, light and dark.

python -m tests.gateway.page_images http://127.0.0.1:8080/ docs/images
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.gateway.browser import chromium, visited

_LOOKS = {
    "page": (1280, "light"),
    "page-dark": (1280, "dark"),
    "page-narrow": (390, "light"),
    "page-narrow-dark": (390, "dark"),
}


def take(address: str, folder: Path) -> None:
    """Writes `page.png` and its like."""
    with chromium() as browser:
        for name, (width, scheme) in _LOOKS.items():
            with visited(browser, address, width, scheme) as (page, _):
                page.locator("#past > li").first.wait_for()
                page.locator("#figures dd", has_text=" ms").first.wait_for()
                page.screenshot(path=folder / f"{name}.png")


if __name__ == "__main__":
    take(sys.argv[1], Path(sys.argv[2]))
