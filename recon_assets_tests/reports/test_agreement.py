"""The written reports against the record: what was changed by hand afterwards is named."""

import shutil
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import msgspec
import pytest

from recon_assets.domain.causes import Cause, CauseKind
from recon_assets.domain.verdict import Verdict
from recon_assets.reports.agreement import FIGURES, differences
from recon_assets.reports.paths import ReportFiles
from recon_assets_tests.matching.frames import Record
from recon_assets_tests.reports.days import Day, reconciled, reported

PROCESSOR = [
    Record("lost", 399),
    Record("cent", 1000),
    Record("yen", 700, "JPY"),
    Record("mixed", 500, "USD"),
    Record("twice"),
    Record("twice", second=1),
    Record("same", 123456),
]
LEDGER = [
    Record("cent", 999),
    Record("yen", 800, "JPY"),
    Record("mixed", 900, "EUR"),
    Record("twice"),
    Record("ghost", 5, "KWD"),
    Record("same", 123456),
]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReportFiles, Day]:
    folder = tmp_path_factory.mktemp("original")
    day = reconciled(folder, PROCESSOR, LEDGER)
    return reported(folder, day), day


@pytest.fixture
def written(original: tuple[ReportFiles, Day], tmp_path: Path) -> tuple[ReportFiles, Day]:
    """Reports of one's own, to be changed."""
    files, day = original
    copies = {kind: Path(shutil.copy(file, tmp_path)) for kind, file in files.by_kind().items()}
    return ReportFiles(**copies), day


def changed(path: Path, old: str, new: str) -> None:
    """Change the first `old` in a file, as a hand would."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def without_line(path: Path, part: str) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if part not in line]
    assert len(kept) == len(lines) - 1
    path.write_text("".join(kept), encoding="utf-8")


def test_reports_as_they_were_written_agree_in_every_figure(written: tuple[ReportFiles, Day]) -> None:
    files, day = written

    assert differences(files, day.conclusion) == ()


@pytest.mark.parametrize(
    ("processor", "ledger", "problem"),
    [
        ([], [], None),
        ([Record("a")], [Record("a")], None),
        ([Record("a")], [], "page 2 did not come"),
        ([Record("a", 2**63 - 1), Record("b", 2**63 - 1)], [], None),
        ([Record("a", -(2**63) + 1, "JPY")], [Record("b")], None),
        ([Record("=1", merchant_id='"a"\n,b')], [Record("c")], None),
    ],
)
def test_good_reports_of_unusual_days_agree_too(
    tmp_path: Path, processor: list[Record], ledger: list[Record], problem: str | None
) -> None:
    day = reconciled(tmp_path, processor, ledger, problem=problem, says_empty=True)

    assert differences(reported(tmp_path, day), day.conclusion) == ()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('"matched":2', '"matched":3', ("summary in JSON",)),
        ('"verdict":"discrepancies"', '"verdict":"reconciled"', ("summary in JSON",)),
        ('"processor_total":', '"processor_total":1', ("summary in JSON",)),
        ('"compliance_status":"NEEDS_REVIEW"', '"compliance_status":"COMPLIANT"', ("financial impact in JSON",)),
        (
            '"transaction_id":"lost","amount":3.99',
            '"transaction_id":"lost","amount":3.98',
            ("missing transactions in JSON",),
        ),
        ('"amount":0.01,', '"amount":0.02,', ("amounts in JSON",)),
        ('"amount":-100,', '"amount":100,', ("amounts in JSON",)),
        ('"ledger_amount":9.00,', '"ledger_amount":9.01,', ("amounts in JSON",)),
        ('"class":"amount_mismatch"', '"class":"status_mismatch"', ("discrepancies by class in JSON",)),
        (
            '"class":"missing_in_ledger"',
            '"class":"duplicate_at_processor"',
            ("missing transactions in JSON", "discrepancies by class in JSON"),
        ),
    ],
)
def test_a_change_in_the_json_is_named(
    written: tuple[ReportFiles, Day], old: str, new: str, named: tuple[str, ...]
) -> None:
    files, day = written

    changed(files.json, old, new)

    assert differences(files, day.conclusion) == named


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (",0.01,", ",0.02,", ("amounts in CSV",)),
        (",-100,", ",100,", ("amounts in CSV",)),
        (",9.00,EUR", ",9.01,EUR", ("amounts in CSV",)),
        (",JPY,", ",USD,", ("amounts in CSV",)),
        (",amount_mismatch,", ",status_mismatch,", ("discrepancies by class in CSV",)),
    ],
)
def test_a_change_in_the_csv_is_named(
    written: tuple[ReportFiles, Day], old: str, new: str, named: tuple[str, ...]
) -> None:
    files, day = written

    changed(files.csv, old, new)

    assert differences(files, day.conclusion) == named


def test_one_row_less_in_the_csv_is_named_in_count_and_amount(written: tuple[ReportFiles, Day]) -> None:
    files, day = written

    without_line(files.csv, ",lost,")

    assert differences(files, day.conclusion) == ("discrepancies by class in CSV", "amounts in CSV")


def test_one_discrepancy_less_in_the_json_is_named_in_count_and_amount(written: tuple[ReportFiles, Day]) -> None:
    files, day = written

    without_line(files.json, '"class":"duplicate_at_processor"')

    assert differences(files, day.conclusion) == ("discrepancies by class in JSON", "amounts in JSON")


def test_one_missing_transaction_less_in_the_json_is_named(written: tuple[ReportFiles, Day]) -> None:
    files, day = written

    changed(files.json, '"missing_transactions":[', '"missing_transactions":[],"before":[')

    assert differences(files, day.conclusion) == ("missing transactions in JSON",)


def test_a_missing_transaction_claimed_on_an_incomplete_day_is_named(
    tmp_path: Path, written: tuple[ReportFiles, Day]
) -> None:
    files, _ = written
    incomplete = reconciled(tmp_path, PROCESSOR, LEDGER, problem="page 2 did not come")

    found = differences(files, incomplete.conclusion)

    assert found == ("summary in JSON", "missing transactions in JSON", "verdict in XLSX", "verdict in HTML")


def test_reports_of_another_day_disagree_in_everything(tmp_path: Path, written: tuple[ReportFiles, Day]) -> None:
    files, _ = written
    other = reconciled(tmp_path, [Record("a", 7), Record("b", 8), Record("z")], [Record("z")])
    cause = Cause(CauseKind.ONE_MERCHANT, "all 2 belong to one merchant, ACME", 2, 10_000, {"USD": 15})
    other_answer = replace(other.conclusion, causes=(cause,), verdict=Verdict.RECONCILED)

    assert differences(files, other_answer) == tuple(name for name in FIGURES if name != "missing transactions in JSON")


@pytest.mark.parametrize(
    ("place", "old", "new", "named"),
    [
        ("data-value=", '"discrepancies"', '"reconciled"', "verdict in HTML"),
        ('data-class="amount_mismatch" data-count=', '"2"', '"3"', "discrepancies by class in HTML"),
        ('data-figure="signed" data-currency="JPY">', "-100", "100", "amounts in HTML"),
        ('data-figure="residual" data-currency="USD">', "0.00", "0.01", "proof in HTML"),
        ('data-figure="processor_total" data-currency="JPY">', "700", "7", "proof in HTML"),
    ],
)
def test_a_change_in_the_page_is_named(
    written: tuple[ReportFiles, Day], place: str, old: str, new: str, named: str
) -> None:
    files, day = written

    changed(files.html, place + old, place + new)

    assert differences(files, day.conclusion) == (named,)


@pytest.mark.parametrize(
    ("sheet", "old", "new", "named"),
    [
        ("summary", "<t>discrepancies</t></is></c></row>", "<t>reconciled</t></is></c></row>", ("verdict in XLSX",)),
        ("discrepancies", "<v>0.01</v>", "<v>0.02</v>", ("amounts in XLSX",)),
        ("discrepancies", "<t>JPY</t>", "<t>USD</t>", ("amounts in XLSX",)),
        ("discrepancies", "<t>amount_mismatch</t>", "<t>fee_mismatch</t>", ("discrepancies by class in XLSX",)),
        ("proof", "<v>0</v>", "<v>1</v>", ("proof in XLSX",)),
    ],
)
def test_a_change_in_the_workbook_is_named(
    written: tuple[ReportFiles, Day], sheet: str, old: str, new: str, named: tuple[str, ...]
) -> None:
    files, day = written
    member = f"xl/worksheets/sheet{['summary', 'discrepancies', 'checks', 'proof'].index(sheet) + 1}.xml"
    with ZipFile(files.xlsx) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    assert old.encode() in parts[member]
    parts[member] = parts[member].replace(old.encode(), new.encode(), -1 if sheet == "proof" else 1)
    with ZipFile(files.xlsx, "w") as book:
        for name, content in parts.items():
            book.writestr(name, content)

    assert differences(files, day.conclusion) == named


def test_a_report_cut_short_is_an_error_and_never_agreement(written: tuple[ReportFiles, Day]) -> None:
    files, day = written
    files.json.write_bytes(files.json.read_bytes()[:-20])

    with pytest.raises(msgspec.DecodeError):
        differences(files, day.conclusion)
