"""The XLSX report: summary, discrepancies, checks and proof as sheets with typed cells, written row by row.

Excel keeps a number as a double, which is exact for up to 15 digits: a longer amount is written as text, with all its
digits, and never rounded. Times are UTC.
"""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from recon_assets.atomic_files import replaced_whole
from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.money import decimal_from_minor
from recon_assets.domain.plain_words import CLASS_MEANINGS, heading, plain_verdict
from recon_assets.domain.proof import CurrencyProof
from recon_assets.reports.json_report import ReportOrigin
from recon_assets.reports.rows import Discrepancies, report_rows
from recon_assets.reports.surroundings import Surroundings
from recon_assets.reports.xlsx_cells import Book, Sheet, Value
from recon_assets.reports.xlsx_rows import write_rows
from recon_assets.schemas.currencies import money_text

PROOF_FIGURES: Final = (
    "processor_transactions", "ledger_entries", "processor_total", "ledger_total", "difference",
    "explained_by_discrepancies", "residual", "discrepancy_count", "total_discrepancy_amount", "pending_count",
    "total_pending_amount", "total_volume_processed",
)  # fmt: skip
CHECK_COLUMNS: Final = ("stage", "check", "outcome", "broken_rules", "what_it_says")


def write_xlsx_report(
    path: Path,
    *,
    conclusion: Conclusion,
    origin: ReportOrigin,
    surroundings: Surroundings,
    discrepancies: Discrepancies,
) -> None:
    """Write the report of one processor-day; memory does not grow with the rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        report_rows(discrepancies) as connection,
        replaced_whole(path) as unfinished,
        TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as rows_on_disk,
        Book(unfinished, rows_on_disk=rows_on_disk) as book,
    ):
        _write_summary(book.sheet("summary", widths=(34, 22, 16, 60)), conclusion, origin, surroundings)
        write_rows(book, connection)
        _write_checks(book, surroundings)
        _write_proof(book, conclusion.proofs)


def _write_summary(sheet: Sheet, conclusion: Conclusion, origin: ReportOrigin, surroundings: Surroundings) -> None:
    title = surroundings.title or conclusion.processor
    sheet.heading(f"{title}, {conclusion.business_date}: {heading(conclusion.verdict)}")
    sheet.row([plain_verdict(conclusion)])
    for reason in conclusion.incomplete_reasons:
        sheet.row([f"Not concluded: {reason}"])
    for cause in conclusion.causes:
        sheet.row([f"Likely cause: {cause.sentence}"])
    sheet.row([])
    for name, value in _figures(conclusion, origin):
        sheet.row([name, value])
    sheet.row([])
    sheet.header(["class", "count", "outcome", "what happened"])
    for kind, count in sorted(conclusion.count_by_class.items(), key=lambda item: (item[0].priority, item[0])):
        sheet.row([kind.value, count, kind.outcome.value, CLASS_MEANINGS[kind]])
    if conclusion.causes:
        sheet.row([])
        sheet.header(["likely cause", "discrepancies", "share of all", "money"])
        for cause in conclusion.causes:
            money = ", ".join(money_text(minor, currency) for currency, minor in cause.amounts.items())
            share = decimal_from_minor(cause.share_basis_points, exponent=4)
            sheet.row([cause.kind.value, cause.discrepancy_count, share, money])
    sheet.row([])
    sheet.row(["Amounts of more than 15 digits are text here, since Excel would round them. All times are UTC."])


def _figures(conclusion: Conclusion, origin: ReportOrigin) -> Sequence[tuple[str, Value]]:
    risk = conclusion.risk
    figures: list[tuple[str, Value]] = [
        ("processor", conclusion.processor),
        ("business date", conclusion.business_date),
        ("verdict", conclusion.verdict.value),
        ("processor transactions", conclusion.processor_transactions),
        ("ledger entries", conclusion.ledger_entries),
        ("matched", conclusion.matched),
        ("discrepancies", conclusion.discrepancy_count),
        ("pending", conclusion.pending_count),
    ]
    for proof in conclusion.proofs:
        figures += [
            (f"at stake, {proof.currency}", _amount(proof.discrepancy_amount_minor, proof)),
            (f"processed, {proof.currency}", _amount(proof.volume_minor, proof)),
        ]
    return [
        *figures,
        ("discrepancy rate", risk.discrepancy_rate),
        ("value at risk rate", risk.value_at_risk_rate),
        ("risk level", risk.level.name),
        ("compliance status", risk.compliance.value),
        ("run", origin.run_id),
        ("version", origin.version),
        ("rule version", conclusion.rule_version),
        ("processor feed", origin.processor_feed),
        ("ledger feed", origin.ledger_feed),
    ]


def _write_checks(book: Book, surroundings: Surroundings) -> None:
    sheet = book.sheet("checks", widths=(24, 34, 12, 50, 90))
    sheet.frozen_header(CHECK_COLUMNS)
    for check in surroundings.checks:
        failed = "warning" if check.is_warning else "failed"
        broken = "; ".join(f"{rule} ({count})" for rule, count in check.failed_rules.items())
        sheet.row([check.stage, check.name, "passed" if check.passed else failed, broken or None, check.description])
    sheet.filter()


def _write_proof(book: Book, proofs: Sequence[CurrencyProof]) -> None:
    sheet = book.sheet("proof", widths=(12, *(20,) * len(PROOF_FIGURES)))
    sheet.frozen_header(["currency", *PROOF_FIGURES])
    for proof in proofs:
        sheet.row(
            [
                proof.currency,
                proof.processor_transactions,
                proof.ledger_entries,
                _amount(proof.processor_total_minor, proof),
                _amount(proof.ledger_total_minor, proof),
                _amount(proof.processor_total_minor - proof.ledger_total_minor, proof),
                _amount(proof.signed_discrepancies_minor, proof),
                _amount(proof.residual_minor, proof),
                proof.discrepancy_count,
                _amount(proof.discrepancy_amount_minor, proof),
                proof.pending_count,
                _amount(proof.pending_amount_minor, proof),
                _amount(proof.volume_minor, proof),
            ]
        )
    sheet.filter()


def _amount(minor: int, proof: CurrencyProof) -> Decimal:
    return decimal_from_minor(minor, exponent=proof.exponent)
