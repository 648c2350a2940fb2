"""The sandbox serves what its table of scenarios says, through the real adapters, and leaves nothing behind."""

import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from urllib.parse import urlsplit

import pytest
import requests

from recon_assets.domain.business_day import business_day
from recon_assets.domain.errors import FeedNotUnderstood, FeedUnavailable
from recon_assets.domain.records import Side
from recon_assets.feeds.adapter import Surroundings
from recon_assets.feeds.http import HttpClient
from recon_assets.ledger.http_api import LedgerApiFeed
from recon_assets.processors.products_api import ProductsApiFeed
from recon_assets.sandbox.faults import Faults
from recon_assets.sandbox.scenarios import scenario_of
from recon_assets.sandbox.server import Sandbox, running_sandbox
from recon_assets_tests.sandbox.reading import QUICK, Reading, reading_of


def both_sides(sandbox: Sandbox, processor: str, business_date: date) -> tuple[Reading, Reading]:
    day = business_day(processor, business_date)
    products = ProductsApiFeed(base_url=sandbox.base_url).adapter(Surroundings(processor=processor, limits=QUICK))
    ledger = LedgerApiFeed(base_url=sandbox.base_url).adapter(Surroundings(processor=processor, limits=QUICK))
    return reading_of(products, day), reading_of(ledger, day, Side.LEDGER)


def keys(reading: Reading) -> Counter[tuple[str, int, str, str]]:
    return Counter((r["transaction_id"], r["amount_minor"], r["currency"], r["status"]) for r in reading.rows)


def numbers(reading: Reading) -> list[str]:
    return sorted(identity[-4:] for identity in reading.column("transaction_id"))


def amount_of(reading: Reading, number: str) -> int:
    amounts = dict(zip(reading.column("transaction_id"), reading.column("amount_minor"), strict=True))
    (amount,) = (amount for identity, amount in amounts.items() if identity.endswith(number))
    return amount


@pytest.mark.parametrize(
    ("processor", "missing"),
    [("stripe", ["0026", "0027", "0028", "0029", "0030"]), ("paypal", []), ("square", ["0029", "0030"])],
)
def test_the_sample_day_lacks_exactly_what_the_table_says(processor: str, missing: list[str]) -> None:
    with running_sandbox() as sandbox:
        at_processor, in_ledger = both_sides(sandbox, processor, date(2025, 9, 30))
    assert sorted(set(numbers(at_processor)) - set(numbers(in_ledger))) == missing
    assert keys(in_ledger) <= keys(at_processor) and len(at_processor.rows) == 30


@pytest.mark.parametrize("processor", ["stripe", "paypal", "anybody"])
def test_one_day_shows_every_class_of_discrepancy_once(processor: str) -> None:
    with running_sandbox() as sandbox:
        at_processor, in_ledger = both_sides(sandbox, processor, date(2025, 9, 29))
    assert at_processor.raw.promised_records == 31 and in_ledger.raw.promised_records == 31
    only_processor = sorted((k[0][-4:], k[2], k[3]) for k in (keys(at_processor) - keys(in_ledger)).elements())
    only_ledger = sorted((k[0][-4:], k[2], k[3]) for k in (keys(in_ledger) - keys(at_processor)).elements())
    plain = ("USD", "completed")
    assert only_processor == [(number, *plain) for number in ("0001", "0002", "0003", "0004", "0030")]
    assert only_ledger == [
        ("0001", *plain), ("0002", "EUR", "completed"), ("0003", "USD", "pending"), ("0005", *plain), ("9001", *plain),
    ]  # fmt: skip
    assert amount_of(at_processor, "0001") - amount_of(in_ledger, "0001") == 1


def test_one_day_has_a_ledger_that_says_nothing_happened_and_a_processor_that_disagrees() -> None:
    with running_sandbox() as sandbox:
        at_processor, in_ledger = both_sides(sandbox, "stripe", date(2025, 9, 28))
    assert len(at_processor.rows) == 30 and in_ledger.rows == [] and in_ledger.raw.says_empty


def test_other_days_lack_none_to_three_entries_and_half_of_them_reconcile() -> None:
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(300)]
    counts = Counter(len(scenario_of("stripe", day).missing_in_ledger) for day in days)
    assert set(counts) == {0, 1, 2, 3} and 110 < counts[0] < 190


def test_a_scenario_is_the_same_everywhere_and_ever() -> None:
    missing = [len(scenario_of("stripe", date(2025, 10, day)).missing_in_ledger) for day in range(1, 11)]
    assert missing == [0, 0, 0, 0, 0, 0, 3, 2, 2, 1]


def test_the_two_sides_carry_the_same_fees_and_references() -> None:
    with running_sandbox() as sandbox:
        at_processor, in_ledger = both_sides(sandbox, "paypal", date(2025, 9, 30))
    for column in ("fee_minor", "net_minor", "reference_number", "merchant_id", "transaction_type"):
        assert at_processor.column(column) == in_ledger.column(column)


def test_paging_is_that_of_dummyjson() -> None:
    with running_sandbox() as sandbox:
        page = requests.get(f"{sandbox.base_url}/products?limit=4&skip=28", timeout=5).json()
        everything = requests.get(f"{sandbox.base_url}/products?limit=0", timeout=5).json()
        default = requests.get(f"{sandbox.base_url}/products", timeout=5).json()
    assert [product["id"] for product in page["products"]] == [29, 30]
    assert (page["total"], page["skip"], page["limit"]) == (30, 28, 2)
    assert len(everything["products"]) == len(default["products"]) == 30
    assert "brand" not in default["products"][15] and default["products"][0]["price"] == 9.99


@pytest.mark.parametrize("query", ["limit=-1", "skip=x", "date=2025-02-30"])
def test_a_senseless_request_is_answered_with_400(query: str) -> None:
    with running_sandbox() as sandbox:
        assert requests.get(f"{sandbox.base_url}/transactions?{query}", timeout=5).status_code == 400


def products_with(faults: Faults) -> Reading:
    with running_sandbox(faults) as sandbox:
        return reading_of(
            ProductsApiFeed(base_url=sandbox.base_url).adapter(Surroundings(processor="stripe", limits=QUICK))
        )


@pytest.mark.parametrize(
    "faults", [Faults(status=503, times=2), Faults(status=429, retry_after=0, times=2), Faults(cut=True, times=2)]
)
def test_a_fault_that_passes_leaves_no_trace(faults: Faults) -> None:
    reading = products_with(faults)
    assert len(reading.rows) == 30 and reading.raw.problems == ()


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        (Faults(status=500), FeedUnavailable),
        (Faults(cut=True), FeedUnavailable),
        (Faults(status=429, retry_after=86_400), FeedUnavailable),
        (Faults(html=True), FeedNotUnderstood),
    ],
)
def test_a_fault_that_stays_is_the_error_it_should_be(faults: Faults, error: type[Exception]) -> None:
    with pytest.raises(error):
        products_with(faults)


def test_the_empty_fault_is_a_short_feed() -> None:
    reading = products_with(Faults(empty=True))
    assert reading.rows == [] and reading.raw.promised_records == 30 and len(reading.raw.problems) == 1


def test_a_fault_can_be_limited_to_one_side() -> None:
    assert len(products_with(Faults(status=500, only_path="/transactions")).rows) == 30


def test_two_faults_at_once_are_a_mistake() -> None:
    with pytest.raises(AssertionError, match="one fault at a time"):
        Faults(html=True, cut=True)


def test_no_thread_and_no_socket_is_left_even_with_a_client_still_connected() -> None:
    before = set(threading.enumerate())
    session = requests.Session()
    with session, running_sandbox() as sandbox:
        session.get(f"{sandbox.base_url}/products", timeout=5)
        address = urlsplit(sandbox.base_url)
        started_s = time.monotonic()
    assert time.monotonic() - started_s < 3
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname or "", address.port or 0), timeout=2)


def test_several_sandboxes_run_at_once_from_threads_that_are_not_the_main_one() -> None:
    def use(_: int) -> int:
        with running_sandbox() as sandbox, HttpClient(QUICK) as client:
            return len(client.get(f"{sandbox.base_url}/products", {}))

    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(use, range(3)))) == 1


def test_it_runs_alone_from_the_command_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "recon_assets.sandbox", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            limits = QUICK.__class__(attempts=40, backoff_s=0.1, backoff_max_s=0.3)
            with HttpClient(limits) as client:
                assert b'"total":30' in client.get(f"http://127.0.0.1:{port}/products", {})
        finally:
            process.terminate()
