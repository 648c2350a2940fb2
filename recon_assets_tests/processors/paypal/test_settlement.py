"""Settlement reports: rows by the names of their columns, footers against rows, and files that are cut or twice."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from recon_assets.domain.business_day import business_day
from recon_assets.domain.errors import ConfigurationError, FeedNotUnderstood
from recon_assets.domain.money import MAX_MINOR
from recon_assets.domain.records import RejectedRow
from recon_assets.feeds.adapter import Surroundings
from recon_assets.processors.paypal.settlement_feed import PayPalSettlementFeed
from recon_assets.processors.paypal.settlement_report import SettlementReport
from recon_assets_tests.sandbox.reading import Reading, reading_of

NAME = "STL-20260106.01.009.CSV"
GOLDEN = (Path(__file__).parent / "golden" / NAME).read_text()
DAY = business_day("paypal", date(2026, 1, 6), time_zone="America/Los_Angeles")


def read(folder: Path, *texts: str | bytes) -> Reading:
    """`texts` are the files of one report in order."""
    for number, text in enumerate(texts, start=1):
        data = text.encode() if isinstance(text, str) else text
        (folder / f"STL-20260106.{number:02}.009.CSV").write_bytes(data)
    return reading_of(PayPalSettlementFeed(folder=".").adapter(Surroundings(processor="paypal", feeds_dir=folder)), DAY)


def changed(old: str, new: str) -> str:
    assert old in GOLDEN
    return GOLDEN.replace(old, new, 1)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_two_sections_and_four_currencies_are_read_to_the_unit(tmp_path: Path, mark: str) -> None:
    reading = read(tmp_path, mark + GOLDEN)
    names = ("transaction_id", "movement", "amount_minor", "currency", "fee_minor", "net_minor")
    assert [tuple(row[name] for name in names) for row in reading.rows] == [
        ("A1", "payment", 5_200, "USD", 225, 4_975),
        ("A1", "refund", -5_200, "USD", -195, -5_005),
        ("A2", "payment", 10_000, "JPY", 390, 9_610),
        ("A3", "conversion", -9_610, "JPY", None, -9_610),
        ("A3", "conversion", 6_500, "USD", None, 6_500),
        ("B1", "payment", 1_234, "TND", 34, 1_200),
        ("B2", "payout", -90_000_000, "HUF", None, -90_000_000),
    ]
    assert (reading.raw.problems, reading.raw.promised_records, reading.rejected) == ((), 7, [])
    assert len(set(reading.column("record_id"))) == 7
    assert reading.rows[1]["reference_number"] == "A1" and reading.rows[0]["merchant_id"] == "S1"
    assert reading.rows[0]["order_id"] == "I-1" and reading.rows[0]["occurred_at"].isoformat().startswith(
        "2026-01-06T08"
    )


def test_columns_are_found_by_their_names_in_any_order(tmp_path: Path) -> None:
    text = changed('"Transaction ID","Invoice ID"', '"Invoice ID","Transaction ID"')
    assert read(tmp_path, text).column("transaction_id")[0] == "I-1"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"SF","USD",11700,', '"SF","USD",11705,', "section 1, USD: the footer's gross credits differ by +5 smallest"),
        ('"SF","USD",11700,5200,195,225', '"SF","USD",11700,5200,195,220', "USD: the footer's fee debits differ by -5"),
        (
            '"CR",1000,"CR",7470,"CR",0,"CR",0,"CR",0,"CR",0,3',
            '"CR",1000,"CR",7471,"CR",0,3',
            "the balance ends +1 smallest",
        ),
        (
            '"CR",0,"CR",0,"CR",0,"CR",0,3',
            '"CR",0,"CR",0,"CR",0,"CR",0,4',
            "the footer's number of rows differ by +1 from",
        ),
        ('"SC",5', '"SC",6', "section 1's footer counts 6 row(s), 5 came"),
        ('"SC",5', '"SC",x', "section 1's count of rows can't be read"),
        ('"RC",7', '"RC",8', "the report's footer counts 8 row(s), 7 came"),
        ('"FF",7', '"FF",8', "the file's footer counts 8 row(s), 7 came"),
        ('"FF",7\n', "", "has no file footer (FF): it is cut short"),
        ('"RC",7\n', "", "the report has no count of rows (RC)"),
        ('"SC",5\n', "", "section 1 has no count of rows (SC)"),
        ('"SF","JPY",10000', '"XX","JPY",10000', "section 1 has no footer (SF) for JPY"),
        ('"RF","JPY",10000', '"XX","JPY",10000', "the report has no footer (RF) for JPY"),
        ('"SF","USD",11700,5200,', '"SF","USD",x,5200,', "USD: a number of the footer can't be read"),
        ('"SF","HUF",0,900000,0,0,"CR",900000,"CR",0,"CR",0,"CR",0,1', '"SF","HUF",0', "fewer cells than a footer has"),
    ],
)
def test_what_does_not_add_up_is_a_problem_with_its_difference(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    reading = read(tmp_path, changed(old, new))
    assert any(problem in said for said in reading.raw.problems), reading.raw.problems
    assert len(reading.rows) == 7 and not reading.raw.says_empty


@pytest.mark.parametrize("keep", [900, 1_200, 2_000])
def test_a_file_that_is_cut_anywhere_is_incomplete(tmp_path: Path, keep: int) -> None:
    reading = read(tmp_path, GOLDEN[:keep])
    assert any("cut short" in problem for problem in reading.raw.problems)


@pytest.mark.parametrize(
    ("old", "new", "column"),
    [
        ('"CR",5200,"USD"', '"XX",5200,"USD"', "transaction debit or credit"),
        ('"CR",5200,"USD"', '"CR",52.00,"USD"', "gross transaction amount"),
        ('"CR",5200,"USD"', '"CR",9223372036854775808,"USD"', "gross transaction amount"),
        ('"CR",5200,"USD"', '"CR",5200,"US"', "gross transaction currency"),
        ('"DR",225,"USD"', '"DR",225,"EUR"', "fee currency"),
        ('"SB","A1","I-1","",', '"SB"," ","I-1","",', "transaction id"),
        ('2026/01/06 00:00:30 -0800,"CR"', '2026/13/06 00:00:30 -0800,"CR"', "transaction completion date"),
        ('2026/01/06 00:00:30 -0800,"CR"', '6 Jan 2026,"CR"', "transaction completion date"),
    ],
)
def test_a_row_that_is_no_movement_is_rejected_by_its_column(tmp_path: Path, old: str, new: str, column: str) -> None:
    reading = read(tmp_path, changed(old, new))
    assert [(row.record_number, row.column) for row in reading.rejected] == [(1, column)] and len(reading.rows) == 6


def test_bytes_that_are_not_utf_8_reject_their_row(tmp_path: Path) -> None:
    reading = read(tmp_path, GOLDEN.encode().replace(b"I-2", b"I-\xff"))
    assert [row.reason for row in reading.rejected] == ["is not UTF-8"] and len(reading.rows) == 6


@pytest.mark.parametrize(
    "text",
    ["Date,Time\n1,2\n", changed('"Fee Amount",', '"Fee",'), changed('"CH",', '"SB",')],
)
def test_a_file_of_another_kind_is_not_understood(tmp_path: Path, text: str) -> None:
    with pytest.raises(FeedNotUnderstood):
        read(tmp_path, text)


def test_a_report_of_two_files_is_one_report(tmp_path: Path) -> None:
    first, second = GOLDEN.split('"SC",5\n')
    reading = read(tmp_path, f'{first}"SC",5\n"FF",5\n', '"FH",02\n' + second.replace('"FF",7', '"FF",2'))
    assert reading.raw.problems == () and len(reading.rows) == 7 and reading.column("record_number")[-1] == 2


def test_the_same_file_twice_is_used_once(tmp_path: Path) -> None:
    reading = read(tmp_path, GOLDEN, GOLDEN)
    assert (len(reading.rows), reading.raw.problems, reading.raw.promised_records) == (7, (), 7)
    assert reading.raw.facts == ("STL-20260106.02.009.CSV has the same bytes as STL-20260106.01.009.CSV: used once",)


def test_a_report_without_movements_says_so(tmp_path: Path) -> None:
    text = "".join(
        f"{line}\n" for line in ('"RH",x,"A","M",009,', '"FH",01', '"SH",x,y,"M",""', '"SC",0', '"RC",0', '"FF",0')
    )
    raw = read(tmp_path, text).raw
    assert raw.says_empty and raw.problems == () and raw.promised_records == 0


def test_no_report_yet_is_incomplete_and_says_when_it_comes(tmp_path: Path) -> None:
    (problem,) = read(tmp_path).raw.problems
    assert "looked for STL-20260106.*.CSV" in problem and "by noon of the next day" in problem


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    adapter = PayPalSettlementFeed(folder="nowhere").adapter(Surroundings(processor="paypal", feeds_dir=tmp_path))
    with pytest.raises(ConfigurationError, match="does not exist"):
        adapter.probe()


@pytest.mark.parametrize("pattern", ["STL.CSV", "{date}/{date}.CSV", "{day}.CSV", "../{date}.CSV"])
def test_a_pattern_names_the_day_once_and_stays_in_its_folder(pattern: str) -> None:
    with pytest.raises(ValidationError):
        PayPalSettlementFeed(folder=".", pattern=pattern)


def test_the_same_report_read_twice_gives_the_same_rows(tmp_path: Path) -> None:
    assert read(tmp_path, GOLDEN).rows == read(tmp_path, GOLDEN).rows


movements = st.tuples(
    st.sampled_from(["CR", "DR"]), st.integers(0, 2**64), st.sampled_from(["JPY", "USD", "TND", "CLF", "HUF"])
)


@given(st.lists(movements, max_size=6))
def test_random_reports_come_out_with_the_exact_amounts(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, int, str]]
) -> None:
    names = GOLDEN.splitlines()[3]
    bodies = [
        f'"SB","X","","","","T0006",,2026/01/06 00:00:30 -0800,"{side}",{amount},"{currency}","",,"","","","","","",,,'
        for side, amount, currency in drawn
    ]
    path = tmp_path_factory.mktemp("report") / NAME
    path.write_text("\n".join(['"RH",x', '"SH",x', names, *bodies]))
    report = SettlementReport(whole_unit_currencies=frozenset({"HUF"}))
    found = [None if isinstance(row, RejectedRow) else (row.amount_minor, row.currency) for row in report.read(path)]
    signed = [
        ((-1 if side == "DR" else 1) * amount * (100 if currency == "HUF" else 1), currency)
        for side, amount, currency in drawn
    ]
    assert found == [(amount, currency) if abs(amount) <= MAX_MINOR else None for amount, currency in signed]
