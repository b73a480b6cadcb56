"""Every page in both colour schemes: nothing serious for axe to find, no sideways scrolling from a phone to 4K, and a picture to look at.

What scheme a page begins with matters to colours alone, so axe looks at each page in both; at full size each also begins in both.
"""

import os
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from tests.conftest import LONG
from tests.dashboard.conftest import ROOT

from anyapi.audit.receipts import verify_receipt
from anyapi.cli.demo_traffic import send_sample_traffic

AXE = ROOT / "dashboard/node_modules/axe-core/axe.min.js"
COMPARED = "&".join("e=" + quote(f"openai/gpt-4o-mini|{name}/gpt-4o-mini", safe="") for name in ("openai", "sim-zero"))
PAGES = (
    "activity",
    "privacy",
    "ranking",
    "models",
    "models?show=providers",
    "models?show=lately",
    "models/openai/gpt-4o-mini",
    f"compare?{COMPARED}",
    "providers/openai",
    "explain?model=openai%2Fgpt-4o-mini",
    "playground",
    "keys",
    "credentials",
    "members",
    "review",
    "logs",
    "exposure",
    "audit",
    "stored",
    "requests",
    "me",
)
PICTURES = Path(os.environ.get("DASHBOARD_SCREENSHOTS", ROOT / "test-output/dashboard"))
DRAWN = LONG or "DASHBOARD_SCREENSHOTS" in os.environ
"""Nothing is read off a picture but by people, and drawing them took a quarter of the time."""
TALLEST = 2400
"""Pixels of a picture: a longer page repeats itself."""
SERIOUS = {"serious", "critical"}
SCHEMES = ("light", "dark")
BEGUN_IN = SCHEMES if LONG else SCHEMES[:1]
LOOK = "(rules) => axe.run(document, {resultTypes: ['violations'], ...rules}).then((found) => found.violations)"
ALL, OF_COLOURS = {}, {"runOnly": ["color-contrast", "link-in-text-block"]}
WEARS = "(scheme) => document.documentElement.dataset.mantineColorScheme === scheme"


@pytest.fixture(scope="module")
def filled(owned):
    """Somebody is known, and there has been traffic."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: it needs npm, then `make setup`")
    send_sample_traffic(owned.gateway.url, owned.gateway.key, 20)
    owned.gateway.usage(20)
    return owned


@pytest.fixture(scope="module", params=BEGUN_IN)
def page(request, filled):
    """In the scheme that it begins with; `serious` looks at it in both."""
    with filled.page(color_scheme=request.param, reduced_motion="reduce") as page:
        filled.sign_in(page)
        yield page


def serious(page) -> list[str]:
    """What axe finds that is serious in either scheme, as lines; axe is injected, so that the page's own policy stays as it is."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE.read_text())
    began, found = page.evaluate("document.documentElement.dataset.mantineColorScheme"), []
    for scheme in sorted(SCHEMES, key=lambda scheme: scheme == began):  # it ends as it began
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(WEARS, arg=scheme)
        rules = ALL if scheme == began else OF_COLOURS
        found += [(scheme, one) for one in page.evaluate(LOOK, rules) if one["impact"] in SERIOUS]
    return [f"{scheme}: {one['id']}: {one['help']}: {one['nodes'][0]['html'][:160]}" for scheme, one in found]


def settled(page) -> None:
    page.get_by_role("heading", level=1).wait_for()
    expect(page.locator("[aria-label=Loading], [aria-busy=true]")).to_have_count(0)


def keep(page, path: str) -> None:
    """Keep a picture for people to look at: what a window of this size shows, of a long page its beginning."""
    if not DRAWN:
        return
    size, name = page.viewport_size, re.sub(r"[^a-z0-9]+", "-", path.partition("&")[0])
    scheme = page.evaluate("document.documentElement.dataset.mantineColorScheme")
    whole = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({**size, "height": max(size["height"], min(whole, TALLEST))})
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}-{scheme}-{size['width']}.png")
    page.set_viewport_size(size)


def open_at(page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    assert page.evaluate("document.documentElement.scrollWidth") <= width, f"scrolls sideways at {width}"


@pytest.mark.parametrize("path", PAGES)
def test_a_page(filled, page, path):
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{filled.url}/a/default/{path}")
    settled(page)
    assert serious(page) == []
    assert "`" not in page.get_by_role("main").inner_text(), "a mark of code that nobody set as code"
    cut = page.locator(".scroll").evaluate_all(
        "(all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.ariaLabel)"
    )
    assert cut == [], "tables that are wider than their panel"
    keep(page, path)
    open_at(page, 3840, 2160)
    open_at(page, 360, 740)
    keep(page, path)
    assert page.evaluate("document.title").endswith("· AnyAPI")


def test_one_request(filled, page):
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{filled.url}/a/default/activity")
    page.get_by_role("row").filter(has_text="Refused by policy").first.get_by_role("link").click()
    page.get_by_role("heading", name="One request").wait_for()
    settled(page)
    expect(page.get_by_role("heading", name="Why no endpoint")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="left out sim-30d/")).to_contain_text("Keeps something")
    page.get_by_role("button", name="Show it").click()
    expect(page.locator("pre[aria-label=Receipt]")).to_contain_text('"outcome": "no_eligible_endpoint"')
    expect(page.get_by_text("what verifies is the file that Download gives")).to_be_visible()
    settled(page)
    assert serious(page) == []
    keep(page, "activity one request")
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Download").click()
    receipt = verify_receipt(Path(downloaded.value.path()).read_bytes())
    assert receipt.decision in page.url
    expect(page.get_by_text(f"0 endpoints permitted, {len(receipt.ruling['denied'])} left out")).to_be_visible()


def test_a_request_that_the_audit_log_leaves_out_is_offered_no_receipt(filled, page):
    why = "The operator leaves requests of this class out of the audit log: there is no receipt."
    refusal = {"error": {"code": 404, "type": "not_recorded", "message": why, "metadata": {}}}
    page.route("**/api/accounts/default/receipts/*", lambda route: route.fulfill(status=404, json=refusal))
    page.goto(f"{filled.url}/a/default/activity")
    page.get_by_role("row").filter(has_text="Refused by policy").first.get_by_role("link").click()
    expect(page.get_by_text(f"There is none. {why}")).to_be_visible()
    expect(page.get_by_role("link", name="Download")).to_have_count(0)
    page.unroute("**/api/accounts/default/receipts/*")


def test_the_ledger_says_that_rows_have_expired_only_where_some_can_have(filled, page):
    """It said so minutes after the first start."""
    address = f"{filled.url}/a/default/exposure"
    page.goto(address)
    settled(page)
    expect(page.get_by_text("This covers requests since")).to_be_visible()
    expect(page.get_by_text("kept no longer")).to_have_count(0)
    expect(page.get_by_text("have expired")).to_have_count(0)

    def older(route):
        route.fulfill(json={**route.fetch().json(), "expired_before": 1_700_000_000.0})

    page.route("**/api/accounts/default/exposure", older)
    try:
        page.goto(address)
        expect(page.get_by_text("is not in it: rows are kept no longer")).to_be_visible()
    finally:
        page.unroute("**/api/accounts/default/exposure")


def test_hours_fit_a_phone(filled, page):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{filled.url}/a/default/activity?span=24h")
    settled(page)
    chart = page.locator("svg.chart").first
    chart.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360, "the table for who does not see the picture makes nobody scroll"
    edge = chart.evaluate("(one) => one.getBoundingClientRect().right")
    assert chart.locator("text").evaluate_all("(all) => Math.max(...all.map((one) => one.getBoundingClientRect().right))") <= edge


def test_the_outcome_of_a_model_that_is_known_but_not_served(filled, page):
    filled.gateway.chat({"Authorization": f"Bearer {filled.gateway.key}"}, model="openai/gpt-4o")
    page.goto(f"{filled.url}/a/default/activity")
    page.get_by_role("row").filter(has_text="Not served here").first.get_by_role("link").click()
    decided = page.get_by_role("list", name="Endpoints, as decided").get_by_role("listitem")
    expect(decided.filter(has_text="openai/gpt-4o").first).to_contain_text("No credential for it here")


@pytest.mark.parametrize("by", ["model", "provider", "key", "app", "outcome"])
def test_the_breakdown_shows_the_first_token_without_scrolling_sideways(filled, page, by):
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{filled.url}/a/default/activity?by={by}")
    settled(page)
    table = page.get_by_role("region", name=re.compile(r"^By (model|provider|api key|app|outcome)$"))
    names = table.get_by_role("columnheader").all_inner_texts()
    assert names[-2:] == ["95% under", "First token"]
    answered = table.locator("td[data-name='First token']").filter(has_text=re.compile(r"\d"))
    expect(answered.first).to_be_visible()
    assert table.evaluate("(one) => one.scrollWidth <= one.clientWidth")


def test_the_menu_is_grouped_and_fits_a_small_screen(filled, page):
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{filled.url}/a/default/activity")
    settled(page)
    menu = page.get_by_role("navigation", name="Pages")
    sizes = [menu.get_by_role("group", name=name, exact=True).get_by_role("link").count() for name in ("Use", "Privacy", "Access")]
    assert sizes == [4, 8, 3]
    assert menu.evaluate("(one) => one.scrollHeight <= one.clientHeight")


def test_settings_before_they_are_saved(filled, page):
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{filled.url}/a/default/privacy")
    settled(page)
    page.get_by_role("switch", name="Nobody may train on what we send").check(force=True)
    page.get_by_role("switch", name="No human may read it").check(force=True)
    page.get_by_role("switch", name="Only in certain regions").check(force=True)
    expect(page.get_by_test_id("sentence")).to_contain_text("This would leave 0 of")
    expect(page.get_by_role("note").or_(page.locator(".note.bad")).first).to_contain_text("that you used last week: ")
    assert serious(page) == []
    keep(page, "privacy before saving")
    page.set_viewport_size({"width": 360, "height": 740})
    expect(page.locator(".savebar")).to_contain_text("of last week would go")
    keep(page, "privacy before saving")


def test_dialogs_and_the_menu_of_a_phone(filled, page):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{filled.url}/a/default/keys")
    page.get_by_role("button", name="Open the menu").click()
    page.get_by_role("link", name="Members and projects").wait_for()
    assert serious(page) == []
    page.get_by_role("button", name="Close the menu").click()
    for path, button in (("credentials", "Bring a key"), ("keys", "New key")):
        page.goto(f"{filled.url}/a/default/{path}")
        page.get_by_role("button", name=button).first.click()
        page.get_by_role("dialog").wait_for()
        if path == "credentials":
            page.get_by_role("switch", name="Something is signed").check(force=True)
        assert serious(page) == []
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="hidden")
    page.get_by_role("button", name=re.compile("^Limits of")).first.click()
    page.get_by_role("textbox", name="Spend cap").wait_for()
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")


@pytest.mark.parametrize("scheme", BEGUN_IN)
def test_the_entrance(filled, scheme):
    with filled.page(color_scheme=scheme) as page:
        page.goto(filled.url)
        page.get_by_role("button", name="Sign in").wait_for()
        assert serious(page) == []
        keep(page, "sign in")
        page.goto(f"{filled.url}/join#nonsense")
        settled(page)
        assert serious(page) == []


def test_the_keyboard_reaches_the_page_past_the_menu(filled, page):
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{filled.url}/a/default/privacy")
    settled(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('#main').contains(document.activeElement)")


@pytest.mark.parametrize("scheme", BEGUN_IN)
def test_everybody_sees_what_is_stored_before_they_sign_in(filled, scheme):
    with filled.page(color_scheme=scheme, reduced_motion="reduce") as page:
        page.goto(filled.url)
        page.get_by_role("link", name="What it stores").click()
        page.get_by_role("heading", name="Privacy", exact=True).wait_for()
        expect(page.locator("main")).to_contain_text("configured no privacy policy of their own: this page is it")
        assert page.get_by_role("heading", name="Usage", exact=True).is_visible()
        assert page.get_by_role("button", name="Make the archive").count() == 0
        assert serious(page) == []
        keep(page, "public privacy")
        page.set_viewport_size({"width": 360, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
