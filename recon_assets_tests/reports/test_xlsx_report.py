"""The XLSX report, read by another library: sheets, typed cells, and digits that are never rounded."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from recon_assets.domain.causes import Cause, CauseKind
from recon_assets.reports.rows import report_rows
from recon_assets.reports.surroundings import ReportedCheck, Surroundings
from recon_assets.reports.xlsx_cells import Book, number_of
from recon_assets.reports.xlsx_reading import rows_of, sheet_names
from recon_assets.reports.xlsx_rows import write_rows
from recon_assets_tests.matching.frames import Record
from recon_assets_tests.reports.days import Day, reconciled, reported, sample_day
from recon_assets_tests.reports.every_class import every_class_day, pending_day

CHECKS = Surroundings(
    title="Stripe",
    checks=(
        ReportedCheck("transactions", "schema_holds", True, False, "Every row keeps the rules.", {}),
        ReportedCheck("transactions", "ids_are_unique", False, True, "No id twice.", {"id occurs again": 2}),
        ReportedCheck("report", "report_totals_agree", False, False, "All agree.", {"=1+1": 1}),
    ),
)


def sheets(folder: Path, day: Day, *, surroundings: Surroundings = CHECKS) -> dict[str, Worksheet]:
    book = openpyxl.load_workbook(reported(folder, day, surroundings=surroundings).xlsx)
    return {sheet.title: sheet for sheet in book.worksheets}


def table(sheet: Worksheet) -> list[dict[str, Any]]:
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def test_the_sheets_stand_in_the_order_in_which_they_are_read(tmp_path: Path) -> None:
    found = sheets(tmp_path, reconciled(tmp_path, *sample_day()))

    assert list(found) == ["summary", "discrepancies", "checks", "proof"]
    for name in ("discrepancies", "checks", "proof"):
        assert (found[name].freeze_panes, found[name].auto_filter.ref[:3]) == ("A2", "A1:")
        assert found[name]["A1"].font.bold
        assert (found[name].column_dimensions["B"].width or 0) > 12


def test_the_summary_begins_with_the_verdict_the_money_and_the_likely_cause(tmp_path: Path) -> None:
    day = reconciled(tmp_path, *sample_day())
    cause = Cause(CauseKind.ONE_MERCHANT, "all 5 belong to one merchant, ACME", 5, 10_000, {"USD": 1_995})

    rows = list(
        sheets(tmp_path, replace(day, conclusion=replace(day.conclusion, causes=(cause,))))["summary"].iter_rows(
            values_only=True
        )
    )

    assert [row[0] for row in rows[:3]] == [
        "Stripe, 2025-09-30: Discrepancies",
        "5 discrepancies need attention: 19.95 USD at stake, of 6,577.50 USD processed.",
        "Likely cause: all 5 belong to one merchant, ACME",
    ]
    figures = {row[0]: row[1] for row in rows}
    assert (figures["verdict"], figures["business date"]) == ("discrepancies", datetime(2025, 9, 30))  # noqa: DTZ001
    assert (figures["at stake, USD"], figures["processed, USD"], figures["matched"]) == (19.95, 6577.5, 25)
    assert (figures["discrepancy rate"], figures["risk level"]) == (0.1667, "LOW")
    assert ("missing_in_ledger", 5, "discrepancy", "The processor has it, our ledger does not.") in rows
    assert ("one_merchant", 5, 1, "19.95 USD") in rows


def test_a_day_without_a_conclusion_says_why(tmp_path: Path) -> None:
    day = reconciled(tmp_path, *sample_day(), problem="page 2 did not come")

    first = [row[0] for row in sheets(tmp_path, day)["summary"].iter_rows(values_only=True, max_row=3)]

    assert first == [
        "Stripe, 2025-09-30: Incomplete",
        "The data of this day did not come whole: nothing below is a conclusion, and nobody should rely on it.",
        "Not concluded: processor feed: page 2 did not come",
    ]


def test_cells_have_the_type_of_what_they_hold_and_amounts_the_places_of_their_currency(tmp_path: Path) -> None:
    late = datetime(2025, 9, 30, 23, 59, 59, 123_000, tzinfo=UTC)
    records = [
        Record("usd", -1995, fee_minor=-30, occurred_at=late),
        Record("jpy", 700, "JPY"),
        Record("kwd", 1, "KWD"),
    ]

    sheet = sheets(tmp_path, reconciled(tmp_path, records, [Record("b")]))["discrepancies"]

    cells = {
        row[5].value: {str(sheet.cell(1, cell.column).value): cell for cell in row}
        for row in sheet.iter_rows(min_row=2)
    }
    usd = cells["usd"]
    assert (usd["amount"].value, usd["fee"].value, usd["amount"].data_type) == (-19.95, -0.3, "n")
    assert usd["amount"].number_format == "#,##0.00;[Red]-#,##0.00"
    assert cells["jpy"]["amount"].number_format == "#,##0;[Red]-#,##0"
    assert cells["kwd"]["amount"].number_format == "#,##0.000;[Red]-#,##0.000"
    assert usd["occurred_at"].value == late.replace(tzinfo=None)
    assert usd["occurred_at"].is_date
    assert (usd["priority"].value, usd["processor_record_number"].value, usd["ledger_amount"].value) == (3, 1, None)


def test_a_due_date_is_a_date(tmp_path: Path) -> None:
    rows = table(sheets(tmp_path, pending_day(tmp_path))["discrepancies"])

    assert {row["due_on"].date() for row in rows if row["outcome"] == "pending"} == {date(2025, 10, 3)}


@pytest.mark.parametrize(
    ("currency", "minor", "cell"),
    [
        ("USD", 999_999_999_999_999, 9_999_999_999_999.99),
        ("USD", 1_000_000_000_000_001, "10000000000000.01"),
        ("KWD", 2**53 + 1, "9007199254740.993"),
        ("EUR", 2**63 - 1, "92233720368547758.07"),
        ("EUR", -(2**63) + 1, "-92233720368547758.07"),
        ("JPY", 123_456_789_012_345, 123_456_789_012_345),
        ("JPY", 1_234_567_890_123_456, "1234567890123456"),
    ],
)
def test_an_amount_beyond_15_digits_is_text_with_every_digit(
    tmp_path: Path, currency: str, minor: int, cell: object
) -> None:
    found = sheets(tmp_path, reconciled(tmp_path, [Record("a", minor, currency)], [Record("b", 0, currency)]))

    (row,) = [row for row in table(found["discrepancies"]) if row["transaction_id"] == "a"]
    (proof,) = table(found["proof"])
    assert row["amount"] == cell
    assert proof["total_volume_processed"] == (cell if minor > 0 else str(cell).removeprefix("-"))


def test_the_limit_of_digits_is_where_a_double_no_longer_keeps_them() -> None:
    assert number_of(Decimal("999999999999.999")) == 999999999999.999
    assert number_of(Decimal("9999999999999.999")) is None
    assert number_of(Decimal("0.00")) == 0


def test_an_amount_of_a_row_is_the_cell_that_its_decimal_is(tmp_path: Path) -> None:
    texts = [
        "0", "-5", "0.00", "-0.05", "1995", "19.950", "1.2345", "999999999999.99", "-99999999999.99",
        "9999999999999.99", "-999999999999.99", "999999999999999", "1234567890123456", "92233720368547758.07",
    ]  # fmt: skip
    with Book(tmp_path / "book.xlsx", rows_on_disk=str(tmp_path)) as book:
        sheet = book.sheet("amounts", widths=(20, 20))
        write = sheet.amount_texts()
        for text in texts:
            write(sheet.rows, 0, text)
            sheet.amount(1, Decimal(text))
            sheet.rows += 1

    cells = list(openpyxl.load_workbook(tmp_path / "book.xlsx")["amounts"].iter_rows())
    assert [(a.value, a.number_format, a.alignment.horizontal) for a, _ in cells] == [
        (b.value, b.number_format, b.alignment.horizontal) for _, b in cells
    ]
    assert [Decimal(str(a.value)) for a, _ in cells] == [Decimal(text) for text in texts]


def test_the_proof_has_a_row_for_each_currency(tmp_path: Path) -> None:
    rows = table(sheets(tmp_path, every_class_day(tmp_path))["proof"])

    assert [row["currency"] for row in rows] == ["EUR", "JPY", "KWD", "USD"]
    assert {row["residual"] for row in rows} == {0}
    assert rows[1]["processor_total"] == 70_700


def test_the_checks_tell_what_was_broken(tmp_path: Path) -> None:
    rows = table(sheets(tmp_path, reconciled(tmp_path, [], [], says_empty=True))["checks"])

    assert [(row["check"], row["outcome"], row["broken_rules"]) for row in rows] == [
        ("schema_holds", "passed", None),
        ("ids_are_unique", "warning", "id occurs again (2)"),
        ("report_totals_agree", "failed", "'=1+1 (1)"),
    ]


def test_no_cell_is_a_formula_or_a_link(tmp_path: Path) -> None:
    texts = ["=1+1", "+1", "-1", "@a", "\t=1", "https://example.com", " =1", "mailto:a@example.com", "00123"]
    records = [Record(f"{n}", merchant_id=text, reference_number=text) for n, text in enumerate(texts)]

    sheet = sheets(tmp_path, reconciled(tmp_path, records, []))["discrepancies"]

    cells = [cell for row in sheet.iter_rows(min_row=2) for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d", "inlineStr"}
    assert not any(cell.hyperlink for cell in cells)
    merchants = {row["merchant_id"] for row in table(sheet)}
    assert merchants == {
        "'=1+1",
        "'+1",
        "'-1",
        "'@a",
        "'\t=1",
        "https://example.com",
        "' =1",
        "mailto:a@example.com",
        "00123",
    }


def test_more_rows_than_a_sheet_holds_go_on_in_another(tmp_path: Path) -> None:
    day = reconciled(tmp_path, [Record(f"{n:02}") for n in range(7)], [])
    path = tmp_path / "book.xlsx"

    with report_rows(day.discrepancies) as connection, Book(path, rows_on_disk=str(tmp_path)) as book:
        write_rows(book, connection, last_row=4)

    book = openpyxl.load_workbook(path)
    assert [(sheet.title, len(table(sheet)), sheet.freeze_panes) for sheet in book.worksheets] == [
        ("discrepancies", 3, "A2"),
        ("discrepancies 2", 3, "A2"),
        ("discrepancies 3", 1, "A2"),
    ]


def test_it_is_read_back_as_another_library_reads_it(tmp_path: Path) -> None:
    texts = ["<&>\"'", "ü 株式会社 🧾", " blanks ", "line\nend", "a_x000D_b"]
    records = [Record(text, 1995 + n, merchant_id=text) for n, text in enumerate(texts)]
    files = reported(tmp_path, reconciled(tmp_path, records, []), surroundings=CHECKS)

    ours = list(rows_of(files.xlsx, "discrepancies"))
    theirs = openpyxl.load_workbook(files.xlsx)["discrepancies"]

    assert sheet_names(files.xlsx) == ["summary", "discrepancies", "checks", "proof"]
    assert len(ours) == theirs.max_row
    assert [row["I"] for row in ours[1:]] == [Decimal(str(cell.value)) for cell in theirs["I"][1:]]
    assert [row["B"] for row in ours] == [cell.value for cell in theirs["B"]]


def test_times_before_excels_calendar_are_text(tmp_path: Path) -> None:
    old = datetime(1899, 12, 31, 23, tzinfo=UTC)

    (row,) = table(sheets(tmp_path, reconciled(tmp_path, [Record("a", occurred_at=old)], []))["discrepancies"])

    assert row["occurred_at"] == "1899-12-31T23:00:00+00:00"
