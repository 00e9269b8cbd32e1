"""The page for those who do not see it, do not point at it, or have little room for it."""

from itertools import pairwise

import pytest

from gateway.run_facts import RunFacts
from tests.gateway.browser import chromium, visited
from tests.gateway.listening import listening
from tests.serving.report.browser import needs_browser

pytestmark = needs_browser

LOOKS = [(1280, "light"), (1280, "dark"), (320, "light"), (320, "dark")]
CONTROLS = ("button", "combobox", "link", "searchbox", "checkbox")
FOCUSED = "(({activeElement: one}) => one.id || one.ariaLabel || one.innerText)(document)"
# Text whose colour stands out less from what is behind it than 4.5 to 1, by WCAG's formula.
FAINT = """() => {
  const light = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = channels(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let looked = 0;
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !node.checkVisibility()) continue;
    looked += 1;
    const [one, other] = [channels(getComputedStyle(node).color), behind(node)].map(luminance);
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) faint.push(`${walk.currentNode.data}: ${ratio}`);
  }
  return [looked, faint];
}"""


# What lies over a control of a card, once the page was moved as little as it takes to see the control.
COVERED = """() => [...document.querySelectorAll("#cards button, #cards select")].map((one) => {
  one.scrollIntoView({ block: "nearest" });
  const { left, top, width, height } = one.getBoundingClientRect();
  const hit = document.elementFromPoint(left + width / 2, top + height / 2);
  return one.contains(hit) ? null : hit?.outerHTML ?? "nothing";
}).filter((hit) => hit !== null)"""
FLOATING = """() => [...document.querySelectorAll("body *")].filter(
  (one) => ["fixed", "sticky"].includes(getComputedStyle(one).position)).map((one) => one.outerHTML)"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    facts = RunFacts("shop", ("u1", "u2"), {"rating": "value"}, ("like",), ())
    scenarios = {"films": "https://films.example/"}
    with listening(tmp_path_factory.mktemp("shop"), facts=facts, scenarios=scenarios) as opened:
        yield opened


@pytest.fixture
def page(browser, shop):
    with visited(browser, shop.address) as (opened, _):
        _wait(opened)
        yield opened


def _wait(page):
    page.locator("#cards > li").nth(9).wait_for()
    page.locator("#past > li").first.wait_for()
    page.locator("#figures > dt").first.wait_for()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_text_stands_out_and_nothing_is_wider_than_the_page(browser, shop, width, scheme):
    with visited(browser, shop.address, width, scheme) as (page, _):
        _wait(page)
        looked, faint = page.evaluate(FAINT)
        assert looked > 80
        assert faint == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(21, 24, 28)")


def _nodes(page):
    """What a screen reader is told: role, name and properties."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    for node in nodes:
        if not node["ignored"]:
            properties = {entry["name"]: entry["value"].get("value") for entry in node.get("properties", [])}
            yield node["role"]["value"], node.get("name", {}).get("value", ""), properties


def test_landmarks_and_headings_lead_through_the_page(page):
    roles = [role for role, _, _ in _nodes(page)]
    for landmark in ("banner", "main", "complementary", "search", "navigation"):
        assert roles.count(landmark) == 1, landmark
    levels = [properties["level"] for role, _, properties in _nodes(page) if role == "heading"]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.evaluate("document.documentElement.lang") == "en"
    ids = page.locator("[id]").evaluate_all("all => all.map(one => one.id)")
    assert len(ids) == len(set(ids))


def test_whatever_can_be_used_has_a_name_of_its_own(page):
    used = [(role, name) for role, name, more in _nodes(page) if more.get("focusable")]
    controls = [pair for pair in used if pair[0] in CONTROLS]
    assert len(controls) > 50
    assert all(name.strip() for _, name in used)
    assert len(set(controls)) == len(controls)
    sizes = page.locator("button, select, input:not([type=checkbox])").evaluate_all(
        "all => all.filter(one => one.checkVisibility()).map(one => one.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 24


def test_news_and_trouble_are_told(page):
    roles = {role: properties for role, _, properties in _nodes(page)}
    assert roles["status"]["live"] == "polite"
    assert roles["alert"]["live"] == "assertive"


@pytest.mark.parametrize(("width", "place"), [(1280, 5), (390, 1), (320, 10)])
def test_news_is_seen_where_it_belongs_and_covers_nothing(browser, shop, width, place):
    with visited(browser, shop.address, width) as (page, _):
        _wait(page)
        page.get_by_label("User id").fill(f"u-{width}-{place}")
        page.get_by_role("button", name="Show", exact=True).click()
        page.locator("#list-title", has_text=f"u-{width}-{place}").wait_for()
        page.locator(f"#card-{place} ~ .acts button", has_text="Dismiss").click()
        note = page.locator(".said")
        note.wait_for()
        assert note.inner_text() == page.locator("#news").inner_text()
        assert note.inner_text().startswith(f"Dismissed: Title of i{place - 1}. 1 new")
        box = note.bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= page.viewport_size["height"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("#cards button, #cards select").count() == 50
        assert page.evaluate(COVERED) == page.evaluate(FLOATING) == []
        looked, faint = page.evaluate(FAINT)
        assert (looked > 80, faint) == (True, [])
        page.get_by_role("button", name="Invent a user").click()
        page.locator("#list-title", has_text="guest-").wait_for()
        note.wait_for(state="detached")


def test_everything_can_be_done_by_keyboard_in_the_order_of_the_page(page):
    page.evaluate("document.body.tabIndex = -1; document.body.focus()")  # so that Tab begins at the top
    walked = []
    for _ in range(15):
        page.keyboard.press("Tab")
        walked.append(page.evaluate(FOCUSED))
    assert walked[0] == "Skip to the list"
    assert walked[1:8] == ["shop", "films", "user", "Show", "invent", "version", "text"]
    first = ["More like this", "Like", "Dismiss", "Rating of", "Rate"]
    assert [name.removesuffix(": Title of i0").removesuffix(" Title of i0") for name in walked[9:14]] == first
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_the_first_link_skips_to_the_list(page):
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'list-title'")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "More like this: Title of i0"
