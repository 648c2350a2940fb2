"""The CSV report: whole, harmless in a spreadsheet, and exact."""

import csv
from pathlib import Path

from recon_assets_tests.matching.frames import Record
from recon_assets_tests.reports.days import reconciled, reported, sample_day

HEADER = [
    "discrepancy_id",
    "class",
    "outcome",
    "priority",
    "side",
    "transaction_id",
    "occurrence",
    "currency",
    "amount",
    "processor_amount",
    "processor_currency",
    "processor_status",
    "ledger_amount",
    "ledger_currency",
    "ledger_status",
    "merchant_id",
    "reference_number",
    "fee",
    "occurred_at",
    "processor_raw_file",
    "processor_record_number",
    "ledger_raw_file",
    "ledger_record_number",
    "pass",
    "differs",
    "due_on",
    "counterpart_date",
    "fee_difference",
]


def table(folder: Path, processor: list[Record], ledger: list[Record]) -> list[dict[str, str]]:
    with reported(folder, reconciled(folder, processor, ledger)).csv.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_a_day_without_discrepancies_is_a_header_alone(tmp_path: Path) -> None:
    files = reported(tmp_path, reconciled(tmp_path, [Record("a")], [Record("a")]))

    assert files.csv.read_text(encoding="utf-8").splitlines() == [",".join(HEADER)]


def test_every_discrepancy_is_a_row_with_these_columns_in_a_fixed_order(tmp_path: Path) -> None:
    processor, ledger = sample_day()

    rows = table(tmp_path, list(reversed(processor)), ledger)

    assert list(rows[0]) == HEADER
    assert [(row["transaction_id"], row["amount"], row["fee"]) for row in rows] == [
        (f"TXN-{number}", "3.99", "0.42") for number in range(25, 30)
    ]


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "  =1+1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\ttext",
    "\rtext",
    " \t\r\n @x",
    '=HYPERLINK("http://a.example";"x")',
    "-",
]
HARMLESS = [
    *("a=1", "x-1", "1-2", "'=1", "user@host", "", " plain", '"=1"', 'say "so", he', "two\nlines", "two\r\nlines"),
    *("one\rline", "semi;colon", "株式会社 Søn 🧾", "a,b", '"', "'", "\\n", "NULL"),
]


def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(tmp_path: Path) -> None:
    records = [Record(text, merchant_id=text, reference_number=text, raw_file=text) for text in FORMULAS]

    rows = table(tmp_path, records, [])

    for column in ("transaction_id", "merchant_id", "reference_number", "processor_raw_file"):
        assert sorted(row[column] for row in rows) == sorted("'" + text for text in FORMULAS)


def test_a_file_name_in_the_ledger_is_made_harmless_too(tmp_path: Path) -> None:
    (row,) = table(tmp_path, [], [Record("a", raw_file="-2025-09-30.csv")])

    assert row["ledger_raw_file"] == "'-2025-09-30.csv"


def test_other_text_comes_back_as_it_was_with_quotes_line_ends_and_unicode(tmp_path: Path) -> None:
    rows = table(tmp_path, [Record(f"{n:02}", merchant_id=text) for n, text in enumerate(HARMLESS)], [])

    assert [row["merchant_id"] for row in rows] == HARMLESS


def test_a_negative_amount_stays_a_plain_number(tmp_path: Path) -> None:
    (row,) = table(tmp_path, [Record("a", -1995, fee_minor=-30)], [])

    assert (row["amount"], row["processor_amount"], row["fee"]) == ("-19.95", "-19.95", "-0.30")


def test_amounts_have_the_places_of_their_currency(tmp_path: Path) -> None:
    amounts = [("USD", 5), ("JPY", -7), ("KWD", 1), ("CLF", 12345), ("EUR", -(2**63) + 1)]

    rows = table(tmp_path, [Record(currency, minor, currency) for currency, minor in amounts], [])

    assert {row["transaction_id"]: row["amount"] for row in rows} == {
        "USD": "0.05",
        "JPY": "-7",
        "KWD": "0.001",
        "CLF": "1.2345",
        "EUR": "-92233720368547758.07",
    }


def test_what_is_absent_is_an_empty_cell_and_not_zero(tmp_path: Path) -> None:
    (row,) = table(tmp_path, [Record("a")], [])

    assert (row["fee"], row["ledger_amount"], row["reference_number"], row["ledger_record_number"]) == ("",) * 4


def test_a_folder_with_a_quote_in_its_name_is_written_too(tmp_path: Path) -> None:
    assert len(table(tmp_path / "Tom's reports", [Record("a")], [])) == 1
