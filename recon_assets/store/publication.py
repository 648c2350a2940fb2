"""Giving the answer of a processor-day: everything or nothing, in one transaction.

Not here: what the answer is (`domain.conclusion`) and how rows get from Parquet to the server (`staging`).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.errors import StoreRefused
from recon_assets.domain.verdict import Verdict
from recon_assets.store.audit import seal_what_was_published
from recon_assets.store.errors import translated_errors
from recon_assets.store.runs import assert_idle
from recon_assets.store.staging import STAGED_COLUMNS, stage_discrepancies
from recon_assets.store.tenancy import TenantConnection

_INSERT_DISCREPANCIES: Final = f"""
    INSERT INTO discrepancies (id, run_id, processor_name, business_date, exponent, status, {STAGED_COLUMNS})
    SELECT
        encode(substring(sha256(convert_to(
            concat_ws('|', %(run_id)s::uuid, s.discrepancy_id, s.class, s.side, s.occurrence), 'UTF8'
        )) FROM 1 FOR 16), 'hex')::uuid,
        %(run_id)s, %(processor)s, %(date)s, e.exponent, coalesce(s.processor_status, s.ledger_status),
        {", ".join(f"s.{column}" for column in STAGED_COLUMNS.split(", "))}
    FROM staged_discrepancies AS s
    LEFT JOIN staged_exponents AS e ON s.currency = e.currency
"""  # noqa: S608 (column names of ours)

_SUPERSEDE: Final = """
    UPDATE reconciliation_runs
    SET is_current = FALSE, superseded_by = %(run_id)s, superseded_at = clock_timestamp()
    WHERE processor_name = %(processor)s AND run_date = %(date)s AND is_current
    RETURNING id, version
"""

_COMPLETE: Final = """
    UPDATE reconciliation_runs
    SET
        status = %(status)s, is_current = TRUE, end_time = greatest(clock_timestamp(), start_time),
        verdict = %(verdict)s, processor_transactions = %(processor_transactions)s,
        internal_transactions = %(ledger_entries)s, matched_count = %(matched)s,
        discrepancy_count = %(discrepancy_count)s, missing_transaction_count = %(missing_count)s,
        discrepancy_rate = %(discrepancy_rate)s, value_at_risk_rate = %(value_at_risk_rate)s,
        risk_level = %(risk_level)s, compliance_status = %(compliance)s,
        incomplete_reasons = %(incomplete_reasons)s, input_fingerprint = %(input_fingerprint)s,
        metadata = %(metadata)s, currency = money.currency,
        total_volume_processed = money.volume, total_discrepancy_amount = money.discrepancy_amount
    FROM (
        SELECT  -- nulls unless there is exactly one currency: currencies are never added
            CASE count(*) WHEN 1 THEN min(currency) END AS currency,
            CASE count(*) WHEN 1 THEN min(amount_from_minor(volume_minor, exponent)) END AS volume,
            CASE count(*) WHEN 1 THEN min(amount_from_minor(discrepancy_amount_minor, exponent))
            END AS discrepancy_amount
        FROM reconciliation_proofs WHERE run_id = %(run_id)s
    ) AS money
    WHERE id = %(run_id)s
"""


@dataclass(frozen=True, slots=True)
class PublishedRun:
    """`superseded` is the run whose answer this one replaced; `already_published` says that nothing was done."""

    run_id: UUID
    version: int
    superseded: UUID | None
    already_published: bool


def publish_run(
    connection: TenantConnection,
    *,
    run_id: UUID,
    conclusion: Conclusion,
    discrepancies: Path,
    input_fingerprint: str | None,
) -> PublishedRun:
    """Make `conclusion` the current answer of its day: rows, proofs and the change of the current run, or nothing.

    `discrepancies` is the matching's Parquet file (`staging.MATCHING_COLUMNS`). Again with the same run it does
    nothing. Raises `StoreRefused` when the file does not hold what the conclusion counts, or the run was aborted.
    After it the audit log is sealed in a transaction of its own: the answer stands whether that succeeds or not.
    """
    published = _publish(connection, run_id, conclusion, discrepancies, input_fingerprint)
    seal_what_was_published(connection)
    return published


def _publish(
    connection: TenantConnection,
    run_id: UUID,
    conclusion: Conclusion,
    discrepancies: Path,
    input_fingerprint: str | None,
) -> PublishedRun:
    assert_idle(connection)
    with translated_errors("publishing the run"), connection.transaction():
        version, status = _lock_run(connection, run_id, conclusion)
        if status in {"completed", "incomplete"}:
            return PublishedRun(run_id, version, superseded=None, already_published=True)
        if status != "running":
            raise StoreRefused(
                f"the run is {status} and can't be published",
                where=f"run {run_id}",
                remedy="Another run took the day over: run it again.",
            )
        facts = _facts(run_id, conclusion, input_fingerprint)
        staged = stage_discrepancies(connection, discrepancies)
        _check_counts(staged, conclusion, run_id)
        connection.execute(_INSERT_DISCREPANCIES, facts)
        _insert_proofs(connection, run_id, conclusion)
        superseded = connection.execute(_SUPERSEDE, facts).fetchone()
        if superseded and superseded[1] > version:
            raise StoreRefused(
                "a newer run of the day has been published",
                where=f"run {run_id}",
                remedy="Nothing to do: the newer answer stays.",
            )
        connection.execute(_COMPLETE, facts)
        return PublishedRun(run_id, version, superseded=superseded[0] if superseded else None, already_published=False)


def _lock_run(connection: TenantConnection, run_id: UUID, conclusion: Conclusion) -> tuple[int, str]:
    row = connection.execute(
        "SELECT version, status, processor_name, run_date FROM reconciliation_runs WHERE id = %s FOR UPDATE", [run_id]
    ).fetchone()
    if row is None or (row[2], row[3]) != (conclusion.processor, conclusion.business_date):
        raise StoreRefused(
            f"there is no such run of {conclusion.processor} {conclusion.business_date}",
            where=f"run {run_id}",
            remedy="Begin a run first; a run is published for its own day only.",
        )
    return row[0], row[1]


def _check_counts(staged: Mapping[str, int], conclusion: Conclusion, run_id: UUID) -> None:
    expected = Counter({str(kind): count for kind, count in conclusion.count_by_class.items() if count})
    if staged != expected:
        raise StoreRefused(
            f"the discrepancies are not those that the conclusion counts: {sum(staged.values())} rows in the file, "
            f"{expected.total()} counted",
            where=f"run {run_id}",
            remedy="Nothing was published; run the day again, and report it if it repeats.",
        )


def _insert_proofs(connection: TenantConnection, run_id: UUID, conclusion: Conclusion) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO reconciliation_proofs (
                run_id, currency, exponent, processor_transactions, ledger_entries, processor_total_minor,
                ledger_total_minor, signed_discrepancies_minor, discrepancy_count, discrepancy_amount_minor,
                volume_minor
            ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    run_id,
                    proof.currency,
                    proof.exponent,
                    proof.processor_transactions,
                    proof.ledger_entries,
                    proof.processor_total_minor,
                    proof.ledger_total_minor,
                    proof.signed_discrepancies_minor,
                    proof.discrepancy_count,
                    proof.discrepancy_amount_minor,
                    proof.volume_minor,
                )
                for proof in conclusion.proofs
            ],
        )


def _facts(run_id: UUID, conclusion: Conclusion, input_fingerprint: str | None) -> dict[str, object]:
    risk = conclusion.risk
    return {
        "run_id": run_id,
        "processor": conclusion.processor,
        "date": conclusion.business_date,
        "verdict": str(conclusion.verdict),
        "processor_transactions": conclusion.processor_transactions,
        "ledger_entries": conclusion.ledger_entries,
        "matched": conclusion.matched,
        "discrepancy_count": conclusion.discrepancy_count,
        "missing_count": conclusion.missing_count,
        "discrepancy_rate": risk.discrepancy_rate,
        "value_at_risk_rate": risk.value_at_risk_rate,
        "risk_level": risk.level.name,
        "compliance": str(risk.compliance),
        "status": "incomplete" if conclusion.verdict is Verdict.INCOMPLETE else "completed",
        "incomplete_reasons": Jsonb(list(conclusion.incomplete_reasons)),
        "input_fingerprint": input_fingerprint,
        "metadata": Jsonb({"count_by_class": {str(kind): count for kind, count in conclusion.count_by_class.items()}}),
    }
