"""Do the written reports say what the record says? Read back from the files, figure by figure."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.money import decimal_from_minor
from recon_assets.domain.verdict import Verdict
from recon_assets.reports.json_report import ENCODER, LIST_OF_OUTCOME, impact_of, summary_of
from recon_assets.reports.paths import ReportFiles

FIGURES: Final = (
    "summary in JSON",
    "financial impact in JSON",
    "missing transactions in JSON",
    "discrepancies by class in JSON",
    "discrepancies by class in CSV",
    "amounts in JSON",
    "amounts in CSV",
)
_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)


def differences(files: ReportFiles, conclusion: Conclusion) -> tuple[str, ...]:
    """Names of `FIGURES` in which a file and the record disagree; empty when all agree."""
    report: Mapping[str, Any] = _DECODER.decode(files.json.read_bytes())
    with files.csv.open(newline="", encoding="utf-8") as lines:
        table = list(csv.DictReader(lines))
    rows = [row for name in LIST_OF_OUTCOME for row in report[name]]
    recorded_counts = {word.value: count for word, count in conclusion.count_by_class.items()}
    recorded_amounts = {
        proof.currency: decimal_from_minor(proof.signed_discrepancies_minor, exponent=proof.exponent)
        for proof in conclusion.proofs
    }
    found = (
        report["reconciliation_summary"] == _DECODER.decode(ENCODER.encode(summary_of(conclusion))),
        report["financial_impact"] == _DECODER.decode(ENCODER.encode(impact_of(conclusion))),
        _missing(report["missing_transactions"]) == _expected_missing(report["discrepancies"], conclusion),
        Counter(row["class"] for row in rows) == recorded_counts,
        Counter(row["class"] for row in table) == recorded_counts,
        _signed(rows, recorded_amounts) == recorded_amounts,
        _signed(table, recorded_amounts) == recorded_amounts,
    )
    return tuple(name for name, agrees in zip(FIGURES, found, strict=True) if not agrees)


def _expected_missing(discrepancies: Sequence[Mapping[str, Any]], conclusion: Conclusion) -> Counter[tuple[str, ...]]:
    """The classic list is part of the discrepancies, and empty when there is no conclusion."""
    if conclusion.verdict is Verdict.INCOMPLETE:
        return Counter()
    return _missing([row for row in discrepancies if row["class"] == "missing_in_ledger"])


def _missing(rows: Sequence[Mapping[str, Any]]) -> Counter[tuple[str, ...]]:
    return Counter((row["discrepancy_id"], row["transaction_id"], row["currency"], str(row["amount"])) for row in rows)


def _signed(rows: Sequence[Mapping[str, Any]], currencies: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What the rows add to processor total minus ledger total, per currency."""
    totals = dict.fromkeys(currencies, Decimal(0))
    for currency, amount in (leg for row in rows for leg in _legs(row)):
        totals[currency] = totals.get(currency, Decimal(0)) + amount
    return totals


def _legs(row: Mapping[str, Any]) -> Iterator[tuple[str, Decimal]]:
    yield row["currency"], Decimal(row["amount"])
    if row["class"] == "currency_mismatch":
        yield row["ledger_currency"], -Decimal(row["ledger_amount"])
