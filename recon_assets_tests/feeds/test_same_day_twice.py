"""The same day fetched twice is the same normalised file to the byte, also when pages and rows come in another order.

`raw_file` and `record_number` are the way back to the byte that came: where an API cuts or orders its pages in another
way, these two columns differ, and nothing else. Files and a ledger's query are in an order of their own, and keep it.
"""

import json
import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from recon_assets.domain.business_day import BusinessDay, business_day
from recon_assets.domain.records import Side
from recon_assets.feeds.adapter import Adapter
from recon_assets.feeds.normalise import write_frame
from recon_assets.feeds.raw import RawFeedWriter
from recon_assets.ledger.http_api import LedgerApiFeed
from recon_assets.processors.products_api import ProductsApiFeed
from recon_assets_tests.feeds.adapters import of_api, of_settlement_reports
from recon_assets_tests.feeds.files.building import DAY as FILES_DAY
from recon_assets_tests.feeds.files.building import HEADER, adapter_in, described
from recon_assets_tests.ledger.sql.building import DAY as SQL_DAY
from recon_assets_tests.ledger.sql.building import URL_ENV, ledger, sqlite_file
from recon_assets_tests.processors.paypal import api as paypal_api
from recon_assets_tests.processors.stripe import building as stripe
from recon_assets_tests.sandbox.reading import SAMPLE_DAY

GOLDEN_REPORT = Path(__file__).parents[1] / "processors" / "paypal" / "golden" / "STL-20260106.01.009.CSV"
ADDRESS = ("raw_file", "record_number")
SHUFFLES = 4
Column = tuple[str, int]
"""A column of a row group."""


def frame_bytes(adapter: Adapter, day: BusinessDay) -> bytes:
    """The normalised file of one fetch."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with RawFeedWriter(
            storage_root=root, folder="raw", day=day, side=Side.PROCESSOR, feed_kind=adapter.kind
        ) as into:
            adapter.fetch(day, into)
            raw = into.finish()
        assert raw.problems == ()
        chunks = adapter.read(raw, root / "raw", day)
        frame = write_frame(chunks, side=Side.PROCESSOR, storage_root=root, folder="frame")
        assert frame.rows > 1
        return (root / "frame" / frame.file).read_bytes()


def column_bytes(file: bytes) -> dict[Column, bytes]:
    """The stored bytes of every column but the address, by their place in the file."""
    with tempfile.NamedTemporaryFile(suffix=".parquet") as stored:
        stored.write(file)
        stored.flush()
        metadata = pq.read_metadata(stored.name)
    found: dict[Column, bytes] = {}
    for group in range(metadata.num_row_groups):
        for at in range(metadata.num_columns):
            column = metadata.row_group(group).column(at)
            start = column.dictionary_page_offset or column.data_page_offset
            if column.path_in_schema not in ADDRESS:
                found[column.path_in_schema, group] = file[start : start + column.total_compressed_size]
    assert len(found) == metadata.num_row_groups * (metadata.num_columns - len(ADDRESS))
    return found


# The APIs: each test serves the same records in an order that it is given

Records = list[dict[str, Any]]
Served = tuple[Adapter, BusinessDay]


def served_in_pages(httpserver: HTTPServer, list_field: str, records: Records) -> str:
    def answer(request: Request) -> Response:
        skip, limit = int(request.args["skip"]), int(request.args["limit"])
        document = {list_field: records[skip : skip + limit], "total": len(records)}
        return Response(json.dumps(document), content_type="application/json")

    httpserver.expect_request(f"/{list_field}").respond_with_handler(answer)
    return httpserver.url_for("").rstrip("/")


def stripe_records() -> Records:
    records = [stripe.transaction(number, created=stripe.NOON + number // 3) for number in range(40)]
    kinds = ["charge", "refund", "payout", "stripe_fee"]
    return [record | {"type": kinds[at % 4], "reporting_category": kinds[at % 4]} for at, record in enumerate(records)]


def product_records() -> Records:
    return [{"id": at, "price": 1 + at / 4, "sku": f"S{at}", "category": "c"} for at in range(1, 41)]


def ledger_records() -> Records:
    """Ids come twice, with the same and with other amounts: then their content decides."""
    return [
        {
            "transaction_id": f"T{at % 11}",
            "amount": f"{at % 5}.00",
            "currency": ["USD", "EUR", "JPY"][at % 3],
            "fee": None if at % 2 else "0.10" if at % 3 < 2 else "1",
            "status": ["posted", "pending"][at % 2],
            "created_at": f"2025-09-30T{at % 24:02}:00:00+00:00",
            "merchant_id": ["m", None][at % 2],
            "transaction_type": ["sale", "refund", None][at % 3],
        }
        for at in range(40)
    ]


def paypal_records() -> Records:
    """Some ids, times, codes and amounts are equal, and only fee or status tell them apart."""
    return [
        paypal_api.record(
            f"P{at % 9}", value=f"{at % 3}.00", transaction_status="SP"[at % 2], fee_amount=paypal_api.money("-0.10")
        )
        for at in range(40)
    ]


def serve_stripe(httpserver: HTTPServer, records: Records, size: int) -> Served:
    return stripe.feed_of(stripe.serve(httpserver, records), page_size=size), SAMPLE_DAY


def serve_paypal(httpserver: HTTPServer, records: Records, size: int) -> Served:
    return paypal_api.PayPal(httpserver, records).adapter(page_size=size), paypal_api.DAY


def serve_products(httpserver: HTTPServer, records: Records, size: int) -> Served:
    feed = ProductsApiFeed(base_url=served_in_pages(httpserver, "products", records), page_size=size)
    return of_api(feed), SAMPLE_DAY


def serve_ledger(httpserver: HTTPServer, records: Records, size: int) -> Served:
    feed = LedgerApiFeed(base_url=served_in_pages(httpserver, "transactions", records), page_size=size)
    return of_api(feed), SAMPLE_DAY


APIS: dict[str, tuple[Records, Callable[[HTTPServer, Records, int], Served]]] = {
    "stripe_api": (stripe_records(), serve_stripe),
    "paypal_api": (paypal_records(), serve_paypal),
    "products_api": (product_records(), serve_products),
    "ledger_api": (ledger_records(), serve_ledger),
}


def frame_of_api(httpserver: HTTPServer, kind: str, records: Records, *, size: int = 7) -> bytes:
    """Of a server that has `records` in this order and serves pages of this size."""
    httpserver.clear()
    return frame_bytes(*APIS[kind][1](httpserver, records, size))


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYPAL_CLIENT_ID", paypal_api.CLIENT_ID)
    monkeypatch.setenv("PAYPAL_CLIENT_SECRET", paypal_api.SECRET)


@pytest.mark.parametrize("kind", APIS)
def test_an_api_fetched_twice(kind: str, httpserver: HTTPServer) -> None:
    records, _ = APIS[kind]
    assert frame_of_api(httpserver, kind, records) == frame_of_api(httpserver, kind, records)


@pytest.mark.parametrize("size", [7, 3, 40])
@pytest.mark.parametrize("kind", APIS)
def test_an_api_that_lists_its_records_in_another_order_on_other_pages(
    kind: str, size: int, httpserver: HTTPServer
) -> None:
    records, _ = APIS[kind]
    once = column_bytes(frame_of_api(httpserver, kind, records))
    for seed in range(SHUFFLES):
        mixed = Random(seed).sample(records, len(records))
        assert column_bytes(frame_of_api(httpserver, kind, mixed, size=size)) == once


# Files and a database


def test_files_of_a_day_whatever_order_they_are_found_in(tmp_path: Path) -> None:
    lines = [f"t{at},1.0{at},{code},completed,2025-09-30T00:00:00Z" for at, code in enumerate(["USD", "EUR"] * 3)]
    files = {f"settlement_{FILES_DAY.text}_{at}": f"{HEADER}\n{line}\n".encode() for at, line in enumerate(lines)}
    once = frame_bytes(adapter_in(tmp_path / "a", described(), files), FILES_DAY)
    again = adapter_in(tmp_path / "b", described(), dict(reversed(files.items())))
    assert frame_bytes(again, FILES_DAY) == once == frame_bytes(again, FILES_DAY)


@pytest.mark.parametrize("form", ["json", "json_lines"])
def test_a_file_of_json_fetched_twice(form: str, tmp_path: Path) -> None:
    names = HEADER.split(",")
    records = [
        json.dumps(dict(zip(names, (f"t{at}", "1.00", "USD", "completed", "2025-09-30T00:00:00Z"), strict=True)))
        for at in range(9)
    ]
    text = f"[{','.join(records)}]" if form == "json" else "\n".join(records)
    adapter = adapter_in(tmp_path, described(format=form), {f"settlement_{FILES_DAY.text}": text.encode()})
    assert frame_bytes(adapter, FILES_DAY) == frame_bytes(adapter, FILES_DAY)


def test_a_settlement_report_fetched_twice(tmp_path: Path) -> None:
    (tmp_path / GOLDEN_REPORT.name).write_bytes(GOLDEN_REPORT.read_bytes())
    adapter = of_settlement_reports(tmp_path)
    day = business_day("paypal", date(2026, 1, 6), time_zone="America/Los_Angeles")
    assert frame_bytes(adapter, day) == frame_bytes(adapter, day)


def test_a_ledgers_query_whatever_order_the_table_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def entries(order: Sequence[int]) -> list[tuple[Any, ...]]:
        return [(f"e{at:02}", f"{at}.00", "USD", "posted", "2025-09-30 10:00:00", "stripe") for at in order]

    frames = []
    for order in (range(20), range(20), range(19, -1, -1)):
        monkeypatch.setenv(URL_ENV, sqlite_file(tmp_path / "ledger.db", entries(order)))
        frames.append(frame_bytes(ledger(), SQL_DAY))
    assert frames[0] == frames[1] == frames[2]
