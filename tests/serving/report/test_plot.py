"""Plots as parts of a page."""

from xml.etree import ElementTree

import pytest

from serving.report.plot import Plot

pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
SVG = "{http://www.w3.org/2000/svg}"


def _svg(name, titles):
    with Plot(name, "points & more") as plot:
        drawn = plot.axes[0].scatter(range(len(titles)), range(len(titles)))
        plot.explain(drawn, titles)
        plot.axes[0].set_xlabel("<i>x</i>")
        return plot.svg()


def test_each_point_has_its_title_and_all_of_it_is_escaped():
    titles = ["<script>alert(1)</script>", "a & b", '"quoted"']
    text = _svg("one", titles)
    assert "<script" not in text
    assert "<i>" not in text
    root = ElementTree.fromstring(text)
    assert [title.text for title in root.iter(f"{SVG}title")] == titles
    assert root.get("aria-label") == "points & more"


def test_ids_are_the_figures_own_and_every_reference_is_met():
    one, other = (ElementTree.fromstring(_svg(name, ["a"])) for name in ("one", "other"))
    ids = [{element.get("id") for element in root.iter() if element.get("id")} for root in (one, other)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for root, own in zip((one, other), ids, strict=True):
        for element in root.iter():
            for key, value in element.attrib.items():
                if key.endswith("href"):
                    assert value.removeprefix("#") in own
                if value.startswith("url(#"):
                    assert value[5:-1] in own


def test_lines_and_text_take_the_pages_colours_and_a_plot_is_always_the_same():
    text = _svg("one", ["a"])
    assert text == _svg("one", ["a"])
    assert "currentColor" in text
    assert "var(--rule)" in text
    assert "#010203" not in text
