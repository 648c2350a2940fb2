"""The sandbox's Square through the real adapter: the figures of the sample day, its faults, and no variable needed."""

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


def read(faults: Faults | None = None, *, day: Any = DAY, **configuration: Any) -> Reading:
    with running_sandbox(faults) as sandbox:
        feed = SquareApiFeed(kind="square_api", page_size=7, **configuration)
        feed = feed.with_token(base_url=sandbox.base_url, access_token=SANDBOX_SQUARE_TOKEN)
        return reading_of(feed.adapter(Surroundings(processor="square", limits=QUICK)), day)


def test_the_sample_day_is_the_one_of_the_stand_in_feed() -> None:
    with running_sandbox() as sandbox:
        stand_in = reading_of(
            ProductsApiFeed(base_url=sandbox.base_url).adapter(Surroundings(processor="square", limits=QUICK)), DAY
        )
    reading = read()
    assert len(reading.rows) == 30 and reading.rejected == [] and reading.raw.problems == ()
    assert sum(reading.column("amount_minor")) == 657_750
    for column in ("transaction_id", "amount_minor", "fee_minor", "net_minor", "currency", "status",
                   "reference_number"):  # fmt: skip
        assert reading.column(column) == stand_in.column(column)


def test_one_location_has_half_of_it_and_both_have_all() -> None:
    assert len(read(locations=["LSANDBOX1"]).rows) == 15
    assert len(read(locations=["LSANDBOX2", "LSANDBOX1"]).rows) == 30


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
    ("faults", "problem"),
    [
        (Faults(empty=True), "the feed said that there is more and served no record"),
        (Faults(repeats_first_page=True), "the feed served records of the page before again"),
        (Faults(never_ends=True), "the feed served an earlier cursor again: it leads in a circle"),
    ],
)
def test_a_fault_that_stays_is_noted_for_each_location(faults: Faults, problem: str) -> None:
    reading = read(faults)
    assert [text.partition(": ")[2] for text in reading.raw.problems] == [problem] * 2
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
    assert {found["transaction_id"][:19] for found in reading_of(adapter, day).rows} == {"TXN_SQUARE_20250930"}, (
        "11:00 UTC of the 30th is within the business day that began at 17:00 in Los Angeles on the 29th"
    )
    assert feeds.source(config, Side.PROCESSOR) == SANDBOX_SOURCE
