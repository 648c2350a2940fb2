"""The JSON report: a stable set of keys, amounts as exact decimal numbers, discrepancies streamed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from recon_assets.atomic_files import replaced_whole
from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.discrepancies import Outcome
from recon_assets.domain.money import decimal_from_minor
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.verdict import Verdict
from recon_assets.reports.dagster_pages import PROVEN_CHECK, STAGES, DagsterPages
from recon_assets.reports.json_rows import declare_documents, missing_documents, row_documents
from recon_assets.reports.rows import Discrepancies, report_rows
from recon_assets.schemas.currencies import exponents

SCHEMA_VERSION: Final = "1.3"
"""Of `report.schema.json`: the second number grows when keys are added, the first when one changes or goes."""

SCHEMA_FILE: Final = Path(__file__).with_name("report.schema.json")
"""What a reader may rely on, as JSON Schema."""

LIST_OF_OUTCOME: Final = {
    "discrepancies": Outcome.DISCREPANCY,
    "pending": Outcome.PENDING,
    "explained": Outcome.OK,
}
"""What disagrees; what waits for its counterpart; and what only explains: tolerances, other days, warnings."""

ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
"""Decimals become JSON numbers with all their digits, final zeros too."""


@dataclass(frozen=True, slots=True)
class ReportOrigin:
    """Which run the report tells of, and where its records came from (no credentials).

    `dagster_url` is where people open the Dagster UI; None when that is not configured, and then nothing links to it.
    """

    run_id: str
    version: int
    dagster_run_id: str
    processor_feed: str
    ledger_feed: str
    dagster_url: str | None = None


def write_json_report(
    path: Path, *, conclusion: Conclusion, origin: ReportOrigin, discrepancies: Discrepancies
) -> None:
    """Write the report of one processor-day. `discrepancies` is the matching's Parquet file."""
    concluded = conclusion.verdict is not Verdict.INCOMPLETE
    with report_rows(discrepancies) as connection, replaced_whole(path) as unfinished, unfinished.open("wb") as out:
        out.write(b'{"report_metadata":' + ENCODER.encode(_metadata(origin, conclusion)))
        out.write(b',\n"likely_causes":' + ENCODER.encode(causes_of(conclusion)))
        out.write(b',\n"reconciliation_summary":' + ENCODER.encode(summary_of(conclusion)))
        out.write(b',\n"financial_impact":' + ENCODER.encode(impact_of(conclusion)))
        declare_documents(connection, conclusion)
        missing = missing_documents(connection) if concluded else iter(())
        _write_list(out, "missing_transactions", missing)
        for name, outcome in LIST_OF_OUTCOME.items():
            _write_list(out, name, row_documents(connection, outcome=outcome))
        out.write(b"}\n")


def _write_list(out: IO[bytes], name: str, batches: Iterator[memoryview]) -> None:
    out.write(f',\n"{name}":['.encode())
    for number, batch in enumerate(batches):
        out.write(batch if number else batch[1:])  # no comma before the first
    out.write(b"]")


def _metadata(origin: ReportOrigin, conclusion: Conclusion) -> dict[str, Any]:
    return {
        "generated_at": datetime.now(UTC),
        "schema_version": SCHEMA_VERSION,
        "run_id": origin.run_id,
        "version": origin.version,
        "dagster_run_id": origin.dagster_run_id,
        "processor_feed": origin.processor_feed,
        "ledger_feed": origin.ledger_feed,
        "dagster_pages": dict(pages_of(origin, conclusion)) or None,
    }


def pages_of(origin: ReportOrigin, conclusion: Conclusion) -> list[tuple[str, str]]:
    """Pages of the Dagster UI that this report is seen on: a name and an address each; none without a UI."""
    if origin.dagster_url is None:
        return []
    pages, processor, day = DagsterPages(origin.dagster_url), conclusion.processor, conclusion.business_date
    return [
        ("run", pages.run(origin.dagster_run_id)),
        *((stage, pages.asset(processor, stage, day)) for stage in STAGES),
        ("lineage", pages.lineage(processor, "report")),
        (PROVEN_CHECK[1], pages.check(processor, *PROVEN_CHECK)),
    ]


def causes_of(conclusion: Conclusion) -> list[dict[str, Any]]:
    """The part `likely_causes`: the one that explains most first; the share is a fraction of all discrepancies."""
    places = exponents()
    return [
        {
            "kind": cause.kind,
            "sentence": cause.sentence,
            "discrepancy_count": cause.discrepancy_count,
            "share": decimal_from_minor(cause.share_basis_points, exponent=4),
            "amounts": {
                currency: decimal_from_minor(minor, exponent=places[currency])
                for currency, minor in cause.amounts.items()
            },
        }
        for cause in conclusion.causes
    ]


def summary_of(conclusion: Conclusion) -> dict[str, Any]:
    """The part `reconciliation_summary`: the verdict, counts, and the proof per currency."""
    return {
        "date": conclusion.business_date,
        "processor": conclusion.processor,
        "verdict": conclusion.verdict,
        "incomplete_reasons": conclusion.incomplete_reasons,
        "processor_transactions": conclusion.processor_transactions,
        "internal_transactions": conclusion.ledger_entries,
        "matched": conclusion.matched,
        "discrepancy_count": conclusion.discrepancy_count,
        "pending_count": conclusion.pending_count,
        "discrepancies_by_class": _by_class(conclusion, Outcome.DISCREPANCY),
        "pending_by_class": _by_class(conclusion, Outcome.PENDING),
        "explained_by_class": _by_class(conclusion, Outcome.OK),
        "matched_by_pass": conclusion.matched_by_pass,
        "rule_version": conclusion.rule_version,
        "currency": single_currency(conclusion),
        "total_discrepancy_amount": _single_total(conclusion, "discrepancy_amount_minor"),
        "total_volume_processed": _single_total(conclusion, "volume_minor"),
        "proof": {proof.currency: _proof(proof) for proof in conclusion.proofs},
    }


def _by_class(conclusion: Conclusion, outcome: Outcome) -> dict[str, int]:
    return {kind.value: count for kind, count in conclusion.count_by_class.items() if kind.outcome is outcome}


def single_currency(conclusion: Conclusion) -> str | None:
    """The day's currency when it has exactly one; None otherwise, because currencies are never added."""
    return conclusion.proofs[0].currency if len(conclusion.proofs) == 1 else None


def _single_total(conclusion: Conclusion, figure: str) -> Decimal | None:
    if len(conclusion.proofs) != 1:
        return None
    (proof,) = conclusion.proofs
    return decimal_from_minor(getattr(proof, figure), exponent=proof.exponent)


def _proof(proof: CurrencyProof) -> dict[str, Any]:
    def amount(minor: int) -> Decimal:
        return decimal_from_minor(minor, exponent=proof.exponent)

    return {
        "processor_transactions": proof.processor_transactions,
        "internal_transactions": proof.ledger_entries,
        "processor_total": amount(proof.processor_total_minor),
        "ledger_total": amount(proof.ledger_total_minor),
        "difference": amount(proof.processor_total_minor - proof.ledger_total_minor),
        "explained_by_discrepancies": amount(proof.signed_discrepancies_minor),
        "residual": amount(proof.residual_minor),
        "discrepancy_count": proof.discrepancy_count,
        "total_discrepancy_amount": amount(proof.discrepancy_amount_minor),
        "pending_count": proof.pending_count,
        "total_pending_amount": amount(proof.pending_amount_minor),
        "total_volume_processed": amount(proof.volume_minor),
    }


def impact_of(conclusion: Conclusion) -> dict[str, Any]:
    """The part `financial_impact`: the risk of the day."""
    risk = conclusion.risk
    return {
        "discrepancy_rate": risk.discrepancy_rate,
        "value_at_risk_rate": risk.value_at_risk_rate,
        "risk_level": risk.level.name,
        "compliance_status": risk.compliance,
    }
