"""Random days of Square: totals are exact to the last unit, and no order or cut of pages changes a row."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer

from recon_assets.domain.money import MAX_MINOR
from recon_assets.domain.records import Side
from recon_assets.feeds.frame import Frame
from recon_assets.feeds.normalise import write_frame
from recon_assets.processors.square.records import Rules, chunks_of
from recon_assets_tests.processors.square.building import (
    NOON,
    OTHER,
    at,
    coded,
    entry,
    feed_of,
    frame_of_day,
    page_of,
    payment,
    payout,
    refund,
    serve,
)
from recon_assets_tests.sandbox.reading import SAMPLE_DAY

EDGES = st.sampled_from([0, 1, -1, MAX_MINOR, -MAX_MINOR, MAX_MINOR - 7, 2**53 + 1])
AMOUNTS = st.one_of(st.integers(-(2**64), 2**64), st.integers(-(10**6), 10**6), EDGES)
CURRENCIES = st.sampled_from(["JPY", "USD", "KWD", "CLF"])
TYPES = st.sampled_from(["CHARGE", "SUBSCRIPTION_FEE", "DISPUTE", "OTHER"])

Pages = dict[str, list[dict[str, Any]]]


def frame_of(folder: Path, pages: Pages) -> tuple[Frame, list[dict[str, Any]]]:
    """Pages as files, read in the order in which they are given, and the rows of the frame without their address."""
    for name, records in pages.items():
        (folder / name).write_bytes(page_of(name.partition("-")[0], records))
    found = chunks_of([folder / name for name in pages], rules=Rules(SAMPLE_DAY, False), batch_rows=6)
    frame = write_frame(found, side=Side.PROCESSOR, storage_root=folder, folder="frame")
    return frame, rows_of(folder / "frame" / frame.file)


def rows_of(frame: Path) -> list[dict[str, Any]]:
    table = pq.read_table(frame).drop_columns(["raw_file", "record_number"])
    return table.to_pylist()


@settings(deadline=None, max_examples=50)  # files are written, and a busy disk is no failure
@given(
    st.lists(st.tuples(CURRENCIES, AMOUNTS), max_size=10),
    st.lists(st.tuples(TYPES, CURRENCIES, AMOUNTS, AMOUNTS), max_size=20),
)
def test_totals_of_payouts_and_entries_are_exact_and_what_does_not_fit_is_rejected(
    paid: list[tuple[str, int]], drawn: list[tuple[str, str, int, int]]
) -> None:
    payouts = [payout(n, amount_money=coded(amount, currency)) for n, (currency, amount) in enumerate(paid, start=2)]
    entries = [
        entry(number, type_)
        | {f"{name}_amount_money": coded(value, currency) for name, value in
           (("gross", gross), ("fee", fee), ("net", gross - fee))}
        for number, (type_, currency, gross, fee) in enumerate(drawn)
    ]  # fmt: skip
    expected: Counter[tuple[str, str]] = Counter()
    rows, counted, rejected = 1, 0, 0  # one payout, whose entries they are
    for currency, amount in paid:
        rows, rejected = (rows + 1, rejected) if abs(amount) <= MAX_MINOR else (rows, rejected + 1)
        expected[currency, "amount_minor"] -= amount if abs(amount) <= MAX_MINOR else 0
        expected[currency, "net_minor"] -= amount if abs(amount) <= MAX_MINOR else 0
    for type_, currency, gross, fee in drawn:
        if any(abs(value) > MAX_MINOR for value in (gross, fee, gross - fee)):
            rejected += 1
        elif type_ == "CHARGE":
            counted += 1
        else:
            rows += 1
            is_fee = type_ == "SUBSCRIPTION_FEE"
            expected[currency, "amount_minor"] += gross - fee if is_fee else gross
            expected[currency, "fee_minor"] += 0 if is_fee else fee
            expected[currency, "net_minor"] += gross - fee
    expected["USD", "amount_minor"] -= 1
    expected["USD", "net_minor"] -= 1
    pages = {"payouts-001-00001.json": [payout(1, 1), *payouts], "payout_entries-001-0001-00001.json": entries}
    with tempfile.TemporaryDirectory() as folder:
        frame, found = frame_of(Path(folder), pages)
    totals: Counter[tuple[str, str]] = Counter()
    for row in found:
        totals.update({(row["currency"], name): row[name] for name in ("amount_minor", "fee_minor", "net_minor")})
    assert {key: total for key, total in totals.items() if total} == {
        k: total for k, total in expected.items() if total
    }
    assert (frame.rows, sum(frame.left_out.values()), frame.rejected_rows) == (rows, counted, rejected)


# The same day twice


def cut(name: str, records: Sequence[dict[str, Any]], size: int) -> Pages:
    return {f"{name}-{n // size + 1:05}.json": list(records[n : n + size]) for n in range(0, len(records), size)}


@settings(deadline=None, max_examples=30)
@given(st.randoms(use_true_random=False), st.integers(1, 30), st.integers(1, 9), st.integers(1, 9))
def test_no_order_and_no_cut_of_pages_changes_a_row(random: Any, count: int, size: int, other_size: int) -> None:
    def drawn(make: Any, number: int) -> dict[str, Any]:
        return make(number, created_at=at(NOON + timedelta(milliseconds=random.randrange(20) * 300)))  # type: ignore[no-any-return]

    lists = {
        "payments-001": [drawn(payment, n) for n in range(count)],
        "refunds-001": [drawn(refund, n) for n in range(count)],
        "payouts-001": [drawn(payout, n) for n in range(3)],
        "payout_entries-001-0001": [entry(n, ("CHARGE", "DISPUTE")[n % 2]) for n in range(count)],
    }
    found = []
    for size_ in (size, size, other_size):
        pages: Pages = {}
        if len(found) == 2:
            for records in lists.values():
                random.shuffle(records)
        for name, records in lists.items():
            pages |= cut(name, records, size_)
        names = list(pages)
        random.shuffle(names)
        with tempfile.TemporaryDirectory() as folder:
            found.append(frame_of(Path(folder), {name: pages[name] for name in names}))
    assert found[0][0].sha256 == found[1][0].sha256, "files are read in another order"
    assert found[0][1] == found[1][1] == found[2][1], "records are on other pages"


def test_the_same_day_fetched_twice_gives_the_same_bytes(httpserver: HTTPServer, tmp_path: Path) -> None:
    payments = [payment(n, location_id=("LMAIN", OTHER)[n % 2], created_at=at(NOON)) for n in range(20)]
    entries = {f"po_{n:04d}": [entry(n, "DISPUTE", payout_id=f"po_{n:04d}")] for n in (1, 2)}
    base_url = serve(httpserver, payments, [refund(n) for n in range(9)], [payout(1), payout(2)], entries)
    folders = [tmp_path / name for name in ("once", "again", "other_pages")]
    frames = [
        frame_of_day(feed_of(base_url, page_size=size), folder)[1]
        for size, folder in zip((3, 3, 7), folders, strict=True)
    ]
    assert frames[0].rows == 20 + 9 + 2 + 2
    assert frames[0].sha256 == frames[1].sha256
    assert rows_of(folders[0] / "frame" / frames[0].file) == rows_of(folders[2] / "frame" / frames[2].file)
