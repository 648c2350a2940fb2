"""The real UI as operators use it: the graph, one day, several, and why a day is not proven."""

import re
from datetime import date
from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from recon_assets.reports.dagster_pages import PROVEN_CHECK, STAGES
from recon_assets_tests.ui.launching import launch
from recon_assets_tests.ui.servers import Demo
from recon_assets_tests.ui.visitor import GREEN, PATIENCE_MS, Visitor

pytestmark = pytest.mark.xdist_group("ui")

DAYS: Final = "[2025-09-26...2025-09-28]"
"""Of its last day the sandbox's ledger says that nothing happened, and the processor has 30 transactions."""


@pytest.fixture(scope="module")
def backfill(demo: Demo, browser: Browser) -> str:
    """Launched once, in the UI; the other tests go on meanwhile. The path of the backfill's page."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    path = launch(Visitor(page, "backfill"), demo.pages, "square", DAYS, button="Launch backfill")
    page.close()
    return path


def test_a_backfill_of_three_days_is_launched(backfill: str, demo: Demo, visitor: Visitor) -> None:
    visitor.opens(demo.pages.base_url + backfill)

    visitor.sees("2025-09-26...2025-09-28")
    visitor.sees("square / archive")


def test_the_graph_shows_every_asset_of_a_processor(demo: Demo, visitor: Visitor) -> None:
    visitor.opens(demo.pages.graph("stripe"))

    for stage in STAGES:
        visitor.sees(re.compile(f"^{stage}$"))
    visitor.keeps("graph")


def test_a_day_is_materialised_and_turns_green(demo: Demo, visitor: Visitor) -> None:
    visitor.opens(demo.pages.asset("paypal", "archive"))
    visitor.sees("Materialized (1)")

    launch(visitor, demo.pages, "paypal", "2025-09-27", button="Launch 1 run")
    visitor.opens(demo.pages.asset("paypal", "archive"))
    visitor.sees("Materialized (2)")
    visitor.opens(demo.pages.asset("paypal", "archive", date(2025, 9, 27)))

    tag = visitor.sees(re.compile("^Materialized$"))
    assert tag.evaluate(GREEN)
    visitor.keeps("green")


def test_a_failing_check_says_why(demo: Demo, visitor: Visitor) -> None:
    visitor.opens(demo.pages.check("stripe", *PROVEN_CHECK))

    visitor.sees("The day has a conclusion")
    visitor.sees("the ledger feed is empty, the other is not")
    visitor.sees("2025-09-28")
    visitor.keeps("why")
    visitor.clicks("tab", "Partitions")
    visitor.sees("Failed (1)")
    visitor.keeps("by-day")


def test_lineage_leads_from_the_report_to_the_raw_feed(demo: Demo, visitor: Visitor) -> None:
    visitor.opens(demo.pages.lineage("stripe", "report"))
    raw_feed = visitor.sees("raw_processor_feed")
    visitor.keeps("lineage")

    raw_feed.click()
    expect(visitor.page).to_have_url(re.compile("/assets/stripe/raw_processor_feed"), timeout=PATIENCE_MS)
    visitor.opens(demo.pages.asset("stripe", "raw_processor_feed", date(2025, 9, 30)))

    visitor.sees("sha256")
    visitor.keeps("raw-feed")


def test_three_days_are_followed_until_each_is_told(backfill: str, demo: Demo, visitor: Visitor) -> None:
    """The backfill's page calls the day without a conclusion completed, too: only the check tells it."""
    visitor.opens(demo.pages.base_url + backfill)
    expect(visitor.page.get_by_text("100% completed")).to_have_count(len(STAGES), timeout=PATIENCE_MS)
    visitor.keeps("done")
    visitor.opens(demo.pages.check("square", *PROVEN_CHECK))
    visitor.sees("The day has a conclusion")
    visitor.clicks("tab", "Partitions")
    visitor.sees("Failed (1)")
    visitor.sees("Passed (3)")
    visitor.keeps("the-day-without-a-conclusion")
