"""The page: what people see and do, and what comes of it."""

import pytest

from gateway.keys import CallerKeys, Scope, add_key
from gateway.run_facts import RunFacts
from tests.gateway.browser import MILLISECONDS, chromium, visited
from tests.gateway.listening import listening
from tests.serving.report.browser import needs_browser

pytestmark = needs_browser

FACTS = RunFacts(
    "shop",
    ("u1", "u2"),
    {"rating": "value", "like": "value_at_least"},
    ("click", "rating", "like", "purchase"),
    ("interactions: item_genre: drift: it has moved",),
)
MARKUP = "<img src=x onerror=document.title='hacked'><script>document.title='hacked'</script><b>{}</b>"


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture
def shop(tmp_path):
    with listening(tmp_path, facts=FACTS, scenarios={"films": "https://films.example/"}) as opened:
        yield opened


@pytest.fixture
def page(browser, shop):
    with visited(browser, shop.address) as (opened, noted):
        _wait_for_list(opened, "Recommended to u1")
        yield opened
        assert noted.complaints == []


def _wait_for_list(page, title):
    page.locator("#list-title", has_text=title).wait_for()
    page.locator("#list[aria-busy=false]").wait_for()
    page.locator("#past li, #known:not(:empty)").first.wait_for()


def _titles(page):
    return page.locator("#cards h3").all_inner_texts()


def _news(page, text):
    page.locator("#news", has_text=text).wait_for()


def _focused(page):
    return page.evaluate("document.activeElement.id")


def _until(page, condition):
    """Waits for what happens behind the page, while the page lives on."""
    for _ in range(MILLISECONDS // 50):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not happen")


def test_a_list_says_what_is_expected_and_why(page):
    assert _titles(page) == [f"Title of i{i}" for i in range(10)]
    card = page.get_by_role("article", name="Title of i0", exact=True)
    assert card.locator("dl").inner_text().split("\n") == [
        "Predicted rating",
        "4.9",
        "Chance of “like”",
        "75 %",
    ]
    assert card.locator(".reasons").inner_text() == "Many people like this"
    assert page.locator("#origin").inner_text() == "10 items made by the models, version 3"
    assert page.locator("#past li").all_inner_texts() == [f"Title of h{i} 4" for i in range(3)]
    assert page.locator("#user").input_value() == "u1"
    options = page.locator("#users option").evaluate_all("all => all.map(one => one.value)")
    assert options == ["u1", "u2"]


def test_what_was_seen_is_told_once_with_its_list_and_rank(page, shop):
    for place in (9, 0, 9):
        page.locator("#cards > li").nth(place).scroll_into_view_if_needed()
    _until(page, lambda: len(shop.events("u1", "impression")) == 10)
    events = shop.events("u1", "impression")
    assert {event.item_id: event.rank for event in events} == {f"i{i}": i + 1 for i in range(10)}
    (request_id,) = {event.request_id for event in events}
    assert request_id


def test_cards_out_of_sight_are_not_told(browser, shop):
    with visited(browser, shop.address, width=320) as (page, _):
        _wait_for_list(page, "Recommended to u1")
        page.locator("#cards > li").first.scroll_into_view_if_needed()
        _until(page, lambda: shop.events("u1", "impression"))
        assert len(shop.events("u1", "impression")) < 10


@pytest.mark.parametrize(
    ("button", "kind", "value", "said"),
    [
        ("Like: Title of i1", "like", None, "Liked: Title of i1. 1 new in the list."),
        ("Buy: Title of i1", "purchase", None, "Bought: Title of i1. 1 new in the list."),
        ("Rate: Title of i1", "rating", 5.0, "Rated: Title of i1. 1 new in the list."),
        ("Dismiss: Title of i1", "dismiss", None, "Dismissed: Title of i1. 1 new in the list."),
    ],
)
def test_what_is_done_changes_the_list(page, shop, button, kind, value, said):
    page.get_by_role("button", name=button, exact=True).click()
    _news(page, said)
    assert "Title of i1" not in _titles(page)
    fresh = page.locator("article", has=page.locator(".new"))
    assert fresh.locator("h3").all_inner_texts() == ["Title of i10"]
    assert page.locator("#card-2 + .said").inner_text() == said
    assert _focused(page) == "card-2"  # where the card had been
    page.locator("#past li", has_text="Title of i1").wait_for()
    (event,) = shop.events("u1", kind)
    assert (event.item_id, event.rank, event.value) == ("i1", 2, value)
    _until(page, lambda: len(shop.lists("u1")) == 2)
    assert event.request_id == shop.lists("u1")[0].request_id


def test_a_rating_has_the_value_that_was_chosen(page, shop):
    page.get_by_label("Rating of Title of i0").select_option("2")
    assert shop.events("u1", "rating") == []
    page.get_by_role("button", name="Rate: Title of i0").click()
    _news(page, "Rated")
    assert [event.value for event in shop.events("u1", "rating")] == [2.0]


def test_what_does_not_count_in_the_run_is_said_to(browser, tmp_path):
    facts = RunFacts("shop", ("u1",), counting=("rating",))
    with listening(tmp_path, facts=facts) as shop, visited(browser, shop.address) as (page, _):
        page.get_by_role("button", name="Like: Title of i1", exact=True).click()
        _news(page, "no account of it")
        assert page.get_by_role("button", name="Buy: Title of i1", exact=True).count() == 0
        assert len(shop.events("u1", "like")) == 1


def test_more_like_an_item_is_a_click_and_leads_back(page, shop):
    page.get_by_role("button", name="More like this: Title of i4").click()
    _wait_for_list(page, "More like Title of i4")
    assert _focused(page) == "list-title"
    assert ("item", "i4") in [call[:2] for call in shop.models.calls]
    assert [event.item_id for event in shop.events("u1", "click")] == ["i4"]
    page.get_by_role("button", name="Back to the user's list").click()
    _wait_for_list(page, "Recommended to u1")
    assert page.get_by_role("button", name="Back to the user's list").count() == 0


def test_search_by_text(page, shop):
    page.get_by_label("Search by text").fill("<i>space</i> opera")
    page.keyboard.press("Enter")
    _wait_for_list(page, "Found for “<i>space</i> opera”")
    assert ("text", "<i>space</i> opera") in [call[:2] for call in shop.models.calls]


def test_somebody_else_and_nobody(page, shop):
    page.get_by_label("User id").fill("u2")
    page.get_by_role("button", name="Show", exact=True).click()
    _wait_for_list(page, "Recommended to u2")
    page.get_by_role("button", name="Invent a user").click()
    _wait_for_list(page, "Recommended to guest-")
    assert "do not know this user" in page.locator("#origin").inner_text()
    page.locator("#past:empty").wait_for(state="attached")
    guest = page.get_by_label("User id").input_value()
    page.get_by_role("button", name="Like: Title of i0").click()
    _news(page, "Liked")
    assert [event.item_id for event in shop.events(guest, "like")] == ["i0"]


def test_a_version_can_be_chosen(browser, shop):
    shop.models.labels["canary"] = 4
    with visited(browser, shop.address) as (page, _):
        _wait_for_list(page, "Recommended to u1")
        page.get_by_label("Model version").select_option("canary")
        _until(page, lambda: shop.models.asked_labels[-1] == "canary")
        assert page.locator("#version option").all_inner_texts() == ["as configured", "canary (4)"]
        assert [call[3] for call in shop.models.calls if call[0] == "history"][-1] == "canary"


def test_other_scenarios_are_a_link_away(page):
    links = page.get_by_role("navigation", name="Scenarios").get_by_role("link")
    assert [link.inner_text() for link in links.all()] == ["shop", "films"]
    assert links.nth(0).get_attribute("aria-current") == "page"
    assert links.nth(1).get_attribute("href") == "https://films.example/"


def test_figures_are_those_of_the_gateway(page, shop):
    page.get_by_role("button", name="More like this: Title of i0").click()
    _wait_for_list(page, "More like")
    figures = page.locator("#figures")
    figures.locator("dd", has_text="click 1").wait_for()
    text = figures.inner_text()
    for part in ("newest 3", "model 2", "it has moved"):
        assert part in text
    shown = len(shop.events("u1", "impression"))
    assert shown > 0
    figures.locator("dd", has_text=" ms").first.wait_for()


def _stays_text(page, noted):
    assert page.locator("img, b, body script").count() == 0
    assert page.title() == "Recommendations"
    assert noted.complaints == []


def test_markup_in_data_stays_text(browser, tmp_path):
    facts = RunFacts(MARKUP, ("u1", MARKUP), {MARKUP: "value"}, ("like",), (MARKUP.format("drift"),))
    scenarios = {MARKUP.format("films"): "https://films.example/<b>"}
    with listening(tmp_path, facts=facts, scenarios=scenarios) as shop:
        shop.models.title = MARKUP
        with visited(browser, shop.address) as (page, noted):
            _wait_for_list(page, "Recommended to u1")
            assert _titles(page)[0] == MARKUP.format("i0")
            page.get_by_label("User id").fill(MARKUP)
            page.get_by_role("button", name="Show", exact=True).click()
            _wait_for_list(page, f"Recommended to {MARKUP}")
            page.get_by_role("button", name="Like").first.click()
            _news(page, MARKUP.format("i0"))
            reason = page.locator("#card-1 ~ .reasons").inner_text()
            assert reason == f"Because of {MARKUP.format('i0')}"
            links = page.get_by_role("navigation", name="Scenarios").get_by_role("link")
            assert links.all_inner_texts() == [MARKUP, MARKUP.format("films")]
            page.locator("#figures dd", has_text=MARKUP.format("drift")).wait_for()
            _stays_text(page, noted)


def test_markup_in_ids_stays_text_where_there_is_no_title(browser, shop):
    shop.models.title, shop.models.item_id = "", MARKUP
    with visited(browser, shop.address) as (page, noted):
        _wait_for_list(page, "Recommended to u1")
        assert _titles(page)[0] == MARKUP.format("0")
        page.get_by_role("button", name="Dismiss").first.click()
        _news(page, MARKUP.format("0"))
        assert [event.item_id for event in shop.events("u1", "dismiss")] == [MARKUP.format("0")]
        page.get_by_role("button", name="More like this").first.click()
        _wait_for_list(page, f"More like {MARKUP.format('1')}")
        _stays_text(page, noted)


def test_markup_in_what_went_wrong_stays_text(browser, shop):
    with visited(browser, shop.address) as (page, noted):
        _wait_for_list(page, "Recommended to u1")
        refusal = {"error": MARKUP.format("trouble")}
        page.route("**/v1/events", lambda route: route.fulfill(status=200, json=refusal))
        page.route("**/v1/recommendations/*", lambda route: route.fulfill(status=422, json=refusal))
        page.get_by_role("button", name="Like").first.click()
        page.locator("#trouble", has_text=MARKUP.format("trouble")).wait_for()
        noted.complaints.clear()  # the browser's own, of the status
        _stays_text(page, noted)


def test_a_script_cannot_put_markup_into_the_page(browser, shop):
    """Held by the browser: whatever is added to the page later, markup stays out."""
    put = "try { document.body.innerHTML = '<b>x</b>'; 'done' } catch (error) { error.name }"
    with visited(browser, shop.address) as (page, noted):
        assert page.evaluate(put) == "TypeError"
        assert "TrustedHTML" in noted.complaints[0]


def test_without_models_the_popular_list_is_marked(browser, shop):
    shop.models.is_gone = True
    with visited(browser, shop.address) as (page, _):
        page.locator("#trouble", has_text="the models do not answer").wait_for()
        assert "popular items, since the models do not answer" in page.locator("#origin").inner_text()
        assert len(_titles(page)) == 10


def test_a_gateway_that_is_gone_is_said_to_be(browser, shop):
    with visited(browser, shop.address) as (page, _):
        _wait_for_list(page, "Recommended to u1")
        page.route("**/v1/**", lambda route: route.abort())
        page.get_by_role("button", name="Like: Title of i0").click()
        page.locator("#trouble", has_text="the gateway does not answer").wait_for()
        assert len(_titles(page)) == 10


def test_a_key_is_asked_for_and_kept_in_the_tab(browser, tmp_path):
    file = tmp_path / "keys"
    key = add_key(file, "page", list(Scope))
    keyed = listening(tmp_path, keys=CallerKeys(file), facts=FACTS)
    with keyed as shop, visited(browser, shop.address) as (page, noted):
        page.get_by_role("heading", name="Key", exact=True).wait_for()
        assert _focused(page) == "key-title"
        for given in ("rsk_wrong", key):
            page.get_by_role("textbox", name="Key").fill(given)
            page.get_by_role("button", name="Use the key").click()
        _wait_for_list(page, "Recommended to u1")
        assert page.get_by_role("heading", name="Key", exact=True).count() == 0
        page.reload()
        _wait_for_list(page, "Recommended to u1")
        assert not any("rsk_" in address for address in noted.addresses)


def test_the_page_asks_nobody_else_and_names_nobody_in_addresses(browser, shop):
    with visited(browser, shop.address) as (page, noted):
        _wait_for_list(page, "Recommended to u1")
        page.get_by_label("User id").fill("secret-person")
        page.get_by_role("button", name="Show", exact=True).click()
        _wait_for_list(page, "Recommended to secret-person")
        page.get_by_role("button", name="Dismiss").first.click()
        _news(page, "Dismissed")
        assert all(address.startswith((shop.address, "data:,")) for address in noted.addresses)
        assert not any("secret" in address for address in noted.addresses)
        assert noted.complaints == []
