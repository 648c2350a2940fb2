"""The sandbox's Square through the real adapter: the figures of the sample day, its faults, and no variable needed.

The demo's own description (`config/processors/square.yaml`) asks for payments and refunds, with locations' names.
"""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from recon_assets.configuration import Configuration
from recon_assets.domain.business_day import business_day
from recon_assets.domain.errors import FeedRefused
from recon_assets.domain.records import Side
from recon_assets.feeds.adapter import Surroundings
from recon_assets.processors.products_api import ProductsApiFeed
from recon_assets.processors.square.feed import SquareApiFeed
from recon_assets.resources.feeds import SANDBOX_SOURCE, SANDBOX_SQUARE_TOKEN, Feeds
from recon_assets.sandbox.faults import Faults
from recon_assets.sandbox.server import running_sandbox
from recon_assets.settings import Settings
from recon_assets_tests.integration.deployments import with_configuration
from recon_assets_tests.processors.square.building import TOKEN, feed_of
from recon_assets_tests.sandbox.reading import QUICK, Reading, reading_of

DAY = business_day("square", date(2025, 9, 30))
YAML = """
name: square
title: Square
owner: team:tests
start_date: 2025-09-01
time_zone: America/Los_Angeles
day_starts_at: "17:00"
feed: {kind: square_api, base_url: "http://sandbox"}
ledger: {kind: ledger_api, base_url: "http://sandbox"}
"""


GROCERIES = "LSANDBOX15"
"""The location with 15 of the 30 products, so that it has several pages."""


def read(faults: Faults | None = None, *, day: Any = DAY, payouts: bool = False, **configuration: Any) -> Reading:
    with running_sandbox(faults) as sandbox:
        feed = SquareApiFeed(kind="square_api", page_size=7, payouts=payouts, **configuration)
        feed = feed.with_token(base_url=sandbox.base_url, access_token=SANDBOX_SQUARE_TOKEN)
        return reading_of(feed.adapter(Surroundings(processor="square", limits=QUICK)), day)


def test_the_sample_day_is_the_one_of_the_stand_in_feed() -> None:
    with running_sandbox() as sandbox:
        stand_in = reading_of(
            ProductsApiFeed(base_url=sandbox.base_url).adapter(Surroundings(processor="square", limits=QUICK)), DAY
        )
    reading = read(merchant_id="location_name")
    assert len(reading.rows) == 30 and reading.rejected == [] and reading.raw.problems == ()
    assert sum(reading.column("amount_minor")) == 657_750
    for column in ("transaction_id", "amount_minor", "fee_minor", "net_minor", "currency", "status",
                   "reference_number", "merchant_id"):  # fmt: skip
        assert reading.column(column) == stand_in.column(column)


def test_each_merchant_is_a_location_and_all_of_them_are_the_day() -> None:
    assert len(read(locations=[GROCERIES]).rows) == 15
    assert set(read(locations=[GROCERIES], merchant_id="location_name").column("merchant_id")) == {"GROCERIES"}
    assert set(read(locations=[GROCERIES]).column("merchant_id")) == {GROCERIES}


def test_each_location_is_paid_out_what_it_sold_and_only_the_fee_of_it_is_one_more_row() -> None:
    reading = read(payouts=True)
    assert reading.raw.problems == () and reading.rejected == []
    assert Counter(reading.column("movement")) == {"payment": 30, "payout": 15, "fee": 15}
    assert sum(reading.column("net_minor")) == 0, "what came in, less the fees, went out"
    fees = [row for row in reading.rows if row["movement"] == "fee"]
    assert {row["payout_id"] for row in fees} == {row["reference_number"] for row in fees}


def test_a_location_that_is_none_is_refused() -> None:
    with pytest.raises(FeedRefused, match="status 404: category INVALID_REQUEST_ERROR, code NOT_FOUND, field location"):
        read(locations=["LNONE"])


def test_a_payment_that_is_there_twice_is_two_rows_of_one_id() -> None:
    reading = read(day=business_day("square", date(2025, 9, 29)))
    assert len(reading.rows) == 31 and len(set(reading.column("transaction_id"))) == 30


@pytest.mark.parametrize(
    "faults", [Faults(status=503, times=2), Faults(status=429, retry_after=0, times=2), Faults(cut=True, times=2)]
)
def test_a_fault_that_passes_leaves_no_trace(faults: Faults) -> None:
    reading = read(faults)
    assert len(reading.rows) == 30 and reading.raw.problems == ()


@pytest.mark.parametrize(
    ("faults", "problem", "lists"),
    [
        (Faults(empty=True), "the feed said that there is more and served no record", ["payments-001-00003"]),
        (
            Faults(repeats_first_page=True),
            "the feed served records of the page before again",
            ["payments-001-00002", "payout_entries-001-0001-00002"],
        ),
        (
            Faults(never_ends=True),
            "the feed served an earlier cursor again: it leads in a circle",
            [
                "payments-001-00004",
                "refunds-001-00002",
                "payout_entries-001-0001-00004",
                "payout_entries-001-0002-00004",
            ],
        ),
    ],
)
def test_a_fault_that_stays_is_noted_for_each_list(faults: Faults, problem: str, lists: list[str]) -> None:
    """Payments and entries have several pages."""
    reading = read(faults, locations=[GROCERIES], payouts=True)
    noted = [text.partition(".json: ") for text in reading.raw.problems]
    assert [name for name, _, text in noted if text == problem] == lists
    assert not reading.raw.says_empty


def test_the_sandbox_wants_its_token() -> None:
    with (
        running_sandbox() as sandbox,
        pytest.raises(FeedRefused, match="status 401: category AUTHENTICATION_ERROR, code UNAUTHORIZED"),
    ):
        reading_of(feed_of(sandbox.base_url), DAY)
    assert "sandbox" not in TOKEN.get_secret_value()


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=x",
        "cursor=x",
        "cursor=99",
        "begin_time=x",
        "end_time=2025-09-30T00:00:00",
        "begin_time=2025-09-30T00:00:00Z&end_time=2025-09-29T00:00:00Z",
    ],
)
def test_the_sandbox_refuses_what_it_can_not_answer(query: str) -> None:
    headers = {"Authorization": f"Bearer {SANDBOX_SQUARE_TOKEN.get_secret_value()}"}
    with running_sandbox() as sandbox:
        answer = requests.get(f"{sandbox.base_url}/v2/payments?{query}", headers=headers, timeout=5)
    assert answer.status_code == 400 and answer.json()["errors"][0]["category"] == "INVALID_REQUEST_ERROR"


def test_the_sandbox_is_read_without_any_variable(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("SQUARE_ACCESS_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    settings = with_configuration(Settings(_env_file=None), tmp_path).settings
    (settings.config_dir / "processors").mkdir(parents=True)
    (settings.config_dir / "processors" / "square.yaml").write_text(YAML)
    feeds, config = Feeds(settings), Configuration.load(settings).processor("square")
    adapter = feeds.adapter(config, Side.PROCESSOR)
    adapter.probe()
    day = config.business_day(date(2025, 9, 29))
    payments = [row for row in reading_of(adapter, day).rows if row["movement"] == "payment"]
    assert {row["transaction_id"][:19] for row in payments} == {"TXN_SQUARE_20250930"}, (
        "11:00 UTC of the 30th is within the business day that began at 17:00 in Los Angeles on the 29th"
    )
    assert feeds.source(config, Side.PROCESSOR) == SANDBOX_SOURCE
