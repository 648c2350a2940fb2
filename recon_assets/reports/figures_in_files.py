"""Reads the figures of a run out of each kind of report file."""

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

from recon_assets.reports.figures import PROOF_FIGURES, Figures, figures_of_rows
from recon_assets.reports.json_report import LIST_OF_OUTCOME
from recon_assets.reports.xlsx_reading import rows_of, sheet_names

_NEEDED: Final = ("class", "currency", "amount", "ledger_currency", "ledger_amount")


def figures_in_json(report: Mapping[str, Any]) -> Figures:
    """Of a decoded JSON report, its numbers as `Decimal`."""
    summary = report["reconciliation_summary"]
    rows = figures_of_rows((row for name in LIST_OF_OUTCOME for row in report[name]), summary["proof"])
    proof = {
        currency: {name: Decimal(figures[name]) for name in PROOF_FIGURES}
        for currency, figures in summary["proof"].items()
    }
    return Figures(verdict=summary["verdict"], count_by_class=rows.count_by_class, signed=rows.signed, proof=proof)


def figures_in_csv(path: Path, *, currencies: Iterable[str]) -> Figures:
    """Of the CSV report, which has rows alone; `currencies` are those of the day."""
    with path.open(newline="", encoding="utf-8") as lines:
        return figures_of_rows(csv.DictReader(lines), currencies)


def figures_in_xlsx(path: Path) -> Figures:
    """Of the XLSX report, in all its sheets."""
    proof = {
        str(row["currency"]): {name: Decimal(row[name]) for name in PROOF_FIGURES} for row in _table(path, "proof")
    }
    rows = figures_of_rows(_all_rows(path), proof)
    verdict = next((str(row["B"]) for row in rows_of(path, "summary") if row.get("A") == "verdict"), None)
    return Figures(verdict=verdict, count_by_class=rows.count_by_class, signed=rows.signed, proof=proof)


def _all_rows(path: Path) -> Iterator[Mapping[str, Any]]:
    for name in sheet_names(path):
        if name.startswith("discrepancies"):
            yield from _table(path, name, columns=_NEEDED)


def _table(path: Path, sheet: str, *, columns: Collection[str] = ()) -> Iterator[dict[str, str | Decimal]]:
    """The rows below the names of columns."""
    header = next(rows_of(path, sheet))
    letters = {letter: str(name) for letter, name in header.items() if not columns or str(name) in columns}
    for number, row in enumerate(rows_of(path, sheet, columns=letters)):
        if number and row:
            yield {letters[letter]: value for letter, value in row.items()}


def figures_in_html(text: str) -> Figures:
    """Of a page whose elements say by `data-` attributes which figure they show; a mail can say it the same way."""
    reader = _PageReader()
    reader.feed(text)
    proof: dict[str, dict[str, Decimal]] = {}
    signed: dict[str, Decimal] = {}
    for name, currency, shown in reader.amounts:
        amount = Decimal(shown.removesuffix(currency).strip().replace(",", ""))
        if name in PROOF_FIGURES:
            proof.setdefault(currency, {})[name] = amount
        else:
            signed[currency] = signed.get(currency, Decimal(0)) + amount
    return Figures(
        verdict=reader.verdict,
        count_by_class=reader.counts,
        signed=dict.fromkeys(proof, Decimal(0)) | signed,
        proof=proof,
    )


class _PageReader(HTMLParser):
    """Collects what elements with `data-figure` and `data-class` say."""

    def __init__(self) -> None:
        super().__init__()
        self.verdict: str | None = None
        self.counts: dict[str, int] = {}
        self.amounts: list[tuple[str, str, str]] = []
        self._reading: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        said = {name: value or "" for name, value in attrs}
        if "data-class" in said:
            self.counts[said["data-class"]] = int(said["data-count"])
        if said.get("data-figure") == "verdict":
            self.verdict = said["data-value"]
        elif "data-figure" in said:
            self._reading = said["data-figure"], said["data-currency"]

    def handle_data(self, data: str) -> None:
        if self._reading:
            self.amounts.append((*self._reading, data))
            self._reading = None
