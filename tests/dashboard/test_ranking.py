"""The ranking of models in a browser: for everybody, with the terms beside the numbers; and an account leaves it with one click."""

import re

import pytest
from playwright.sync_api import expect
from tests.dashboard.test_every_page import AXE, BEGUN_IN, keep, serious

from anyapi.domain.ranking import Cell, Measured, Release
from anyapi.storage.sql_ranking import SqlRanking

WEEK, EARLIER = "2026-11-16", "2026-11-09"
MODELS = [f"lab/model-{number}" for number in range(10)]


def release(week, cells):
    measured = (Measured("anthropic/claude-3.5-sonnet", 0.98, 2.0, 0.5), Measured("openai/gpt-4o-mini", 1.0, 0.75, None))
    return Release(week, 1.0, 1e-6, 34, 0.001, tuple(Cell(*each) for each in cells), measured)


@pytest.fixture(scope="module")
def ranked(owned):
    """Two weeks have been released."""
    with SqlRanking(owned.gateway.home) as store:
        for week, cells in (
            (EARLIER, [("openai/gpt-4o-mini", "law", 40)]),
            (
                WEEK,
                [
                    ("anthropic/claude-3.5-sonnet", "programming", 120),
                    ("openai/gpt-4o-mini", "programming", 60),
                    ("openai/gpt-4o-mini", "travel_home", 50),
                    *((model, "health", 40 + number) for number, model in enumerate(MODELS)),
                ],
            ),
        ):
            assert store.spend(week, 1.0, 1e-6)
            store.add_release(release(week, cells))
    with owned.page(storage_state=owned.session) as page:  # any change of settings has the gateway read its store
        page.goto(f"{owned.url}/a/default/privacy")
        leave(page)
        join(page)
    return owned


def switch(page):
    return page.get_by_role("switch", name="Take part, anonymously")


def leave(page):
    switch(page).press("Space")  # a click would go where the switch was: what stands above it is still being loaded
    expect(page.get_by_text("Nothing is sampled any more")).to_be_visible()


def join(page):
    switch(page).press("Space")
    expect(page.get_by_text("The account takes part.")).to_be_visible()


@pytest.mark.parametrize("scheme", BEGUN_IN)
def test_everybody_sees_the_ranking_and_its_terms(ranked, scheme):
    with ranked.page(color_scheme=scheme, reduced_motion="reduce") as page:
        page.goto(f"{ranked.url}/ranking")
        expect(page.get_by_role("heading", name="Ranking of models")).to_be_visible()
        expect(page.get_by_text(re.compile(r"Epsilon 1, delta 0\.000001"))).to_be_visible()
        expect(page.get_by_text("One request in 1,000 was sampled.")).to_be_visible()
        shares = page.get_by_role("list", name="Models used for: Programming").get_by_role("listitem")
        expect(shares).to_have_count(2)
        expect(shares.first).to_contain_text("anthropic/claude-3.5-sonnet")
        expect(shares.first).to_contain_text("67%")
        expect(shares.first).to_contain_text("about 120 accounts")
        health = page.get_by_role("list", name="Models used for: Health").get_by_role("listitem")
        expect(health).to_have_count(8)
        page.get_by_role("button", name="Show all 10").click()
        expect(health).to_have_count(10)
        expect(page.locator("tr", has_text="openai/gpt-4o-mini")).to_contain_text("100%")
        keep(page, "public ranking")
        if AXE.exists():
            assert serious(page) == []
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_earlier_week_can_be_looked_at(ranked):
    with ranked.page() as page:
        page.goto(f"{ranked.url}/ranking")
        page.get_by_role("combobox", name="Week").click()
        page.get_by_role("option", name=re.compile("Nov 9")).click()
        expect(page.get_by_role("heading", name="Law")).to_be_visible()
        expect(page.get_by_role("heading", name="Programming")).to_have_count(0)


def test_an_account_leaves_with_one_click_and_that_is_written_down(ranked):
    with ranked.page(storage_state=ranked.session) as page:
        page.goto(f"{ranked.url}/a/default/privacy")
        expect(switch(page)).to_be_checked()
        leave(page)
        with SqlRanking(ranked.gateway.home) as store:
            assert store.left_out() == {"default"}
        page.reload()
        expect(switch(page)).not_to_be_checked()
        expect(page.get_by_text("changed whether the account takes part in the ranking of models").first).to_be_visible()
        join(page)
        with SqlRanking(ranked.gateway.home) as store:
            assert store.left_out() == frozenset()
        page.get_by_role("link", name="The ranking").click()
        expect(page.get_by_role("heading", name="Ranking of models")).to_be_visible()
