"""The report as a reader sees it, wide and narrow, light and dark."""

import io

import numpy as np
import pytest

from pipeline.commands.report import newest_run
from serving.report.blocks import Beside, Figure, Section, Table
from serving.report.page import render_page
from serving.report.plot import Plot
from serving.report.report import SECTIONS, sections_of
from tests.serving.report.browser import needs_browser, shown
from tests.serving.report.full_record import full_record
from tests.serving.report.small_run import SCRIPT, write_small_run

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
pytestmark = needs_browser


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    sections = {s.name: s for s in sections_of(newest_run(write_small_run(folder, full_record())))}
    # These two need a trained bundle.
    titles = [SCRIPT, "A title of many words, and of_one_that_is_longer_than_a_narrow_page_is_wide_" * 2]
    with Plot("embedding-map", "a map") as plot:
        plot.explain(plot.axes[0].scatter([0, 1], [0, 1]), titles)
        sections["map"] = Section("map", "Map of the items", (Figure(plot.svg(), "items"),))
    table = Table("did last", ("title", "value"), tuple((title, "1") for title in titles))
    sections["users"] = Section("users", "Recommendations", (Beside("User 1", (table, table)),))
    path = folder / "report.html"
    path.write_text(render_page("Report: small", "", list(sections.values())), encoding="utf-8")
    return path


def _pixels(page):
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"))


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_is_whole_and_asks_for_nothing(page_file, width, scheme):
    with shown(page_file, width, scheme) as (page, seen):
        for name, title, _ in SECTIONS:
            assert page.locator(f"section#{name} h2").inner_text() == title
            assert page.locator(f"section#{name}").bounding_box()["height"] > 60
            assert page.locator(f"nav a[href='#{name}']").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("script").count() == 0
        pixels = _pixels(page)
        brightness = np.median(pixels)
        assert brightness > 200 if scheme == "light" else brightness < 60
        assert 0.01 < (np.abs(pixels - brightness) > 60).mean() < 0.5  # neither blank nor black
        assert (seen.requests, seen.complaints) == ([], [])


def test_tables_and_plots_have_names_for_those_who_do_not_see_them(page_file):
    with shown(page_file, 1280) as (page, _):
        assert page.locator("table").count() == page.locator("table > caption").count()
        assert page.locator("thead th:not([scope=col]), tbody th:not([scope=row])").count() == 0
        assert page.locator("figure svg").count() == page.get_by_role("img").count()
        titles = page.locator("svg use > title").all_text_contents()
        assert titles[0] == SCRIPT
        page.locator("nav a[href='#lineage']").click()
        assert page.url.endswith("#lineage")
