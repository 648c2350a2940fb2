"""Do the written reports say what the record says? Read back from the files, figure by figure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypedDict

import msgspec

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.verdict import Verdict
from recon_assets.reports.figures import Figures, figures_of
from recon_assets.reports.figures_in_files import figures_in_csv, figures_in_html, figures_in_json, figures_in_xlsx
from recon_assets.reports.json_report import ENCODER, causes_of, impact_of, summary_of
from recon_assets.reports.paths import ReportFiles

FIGURES: Final = (
    "likely causes in JSON",
    "summary in JSON",
    "financial impact in JSON",
    "missing transactions in JSON",
    "discrepancies by class in JSON",
    "amounts in JSON",
    "discrepancies by class in CSV",
    "amounts in CSV",
    "verdict in XLSX",
    "discrepancies by class in XLSX",
    "amounts in XLSX",
    "proof in XLSX",
    "verdict in HTML",
    "discrepancies by class in HTML",
    "amounts in HTML",
    "proof in HTML",
)
_NAMES: Final = {
    "verdict": "verdict",
    "count_by_class": "discrepancies by class",
    "signed": "amounts",
    "proof": "proof",
}
_Row = TypedDict(
    "_Row",
    {
        "class": str,
        "discrepancy_id": str,
        "transaction_id": str | None,
        "currency": str,
        "amount": Decimal,
        "ledger_currency": str | None,
        "ledger_amount": Decimal | None,
    },
)


class _MissingRow(TypedDict):
    discrepancy_id: str
    transaction_id: str | None
    currency: str
    amount: Decimal


class _Report(TypedDict):
    """What is compared: a bad day's rows have no place in memory with all their columns."""

    likely_causes: Any
    reconciliation_summary: Any
    financial_impact: Any
    missing_transactions: list[_MissingRow]
    discrepancies: list[_Row]
    pending: list[_Row]
    explained: list[_Row]


_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
_REPORT_DECODER: Final = msgspec.json.Decoder(_Report, float_hook=Decimal)


def differences(files: ReportFiles, conclusion: Conclusion) -> tuple[str, ...]:
    """Names of `FIGURES` in which a file and the record disagree, in their order; empty when all agree."""
    recorded = figures_of(conclusion)
    report: Mapping[str, Any] = _REPORT_DECODER.decode(files.json.read_bytes())
    found = _parts_of_json(report, conclusion) | _disagreeing(figures_in_json(report), recorded, "JSON")
    del report  # a bad day's is large
    found |= _disagreeing(figures_in_csv(files.csv, currencies=recorded.proof or ()), recorded, "CSV")
    found |= _disagreeing(figures_in_xlsx(files.xlsx), recorded, "XLSX")
    found |= _disagreeing(figures_in_html(files.html.read_text(encoding="utf-8")), recorded, "HTML")
    return tuple(name for name in FIGURES if name in found)


def _disagreeing(said: Figures, recorded: Figures, kind: str) -> set[str]:
    """Which figures that a file says are others. JSON's verdict and proof are parts of its summary."""
    return {
        f"{name} in {kind}"
        for field, name in _NAMES.items()
        if getattr(said, field) is not None and getattr(said, field) != getattr(recorded, field)
    }


def _parts_of_json(report: Mapping[str, Any], conclusion: Conclusion) -> set[str]:
    parts = {
        "likely causes in JSON": (report["likely_causes"], causes_of(conclusion)),
        "summary in JSON": (report["reconciliation_summary"], summary_of(conclusion)),
        "financial impact in JSON": (report["financial_impact"], impact_of(conclusion)),
    }
    found = {name for name, (said, recorded) in parts.items() if said != _DECODER.decode(ENCODER.encode(recorded))}
    if _missing(report["missing_transactions"]) != _expected_missing(report["discrepancies"], conclusion):
        found.add("missing transactions in JSON")
    return found


def _expected_missing(discrepancies: Sequence[Mapping[str, Any]], conclusion: Conclusion) -> Counter[tuple[str, ...]]:
    """The classic list is part of the discrepancies, and empty when there is no conclusion."""
    if conclusion.verdict is Verdict.INCOMPLETE:
        return Counter()
    return _missing([row for row in discrepancies if row["class"] == "missing_in_ledger"])


def _missing(rows: Sequence[Mapping[str, Any]]) -> Counter[tuple[str, ...]]:
    return Counter((row["discrepancy_id"], row["transaction_id"], row["currency"], str(row["amount"])) for row in rows)
