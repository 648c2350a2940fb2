"""Giving the answer of a processor-day: everything or nothing, in one transaction.

Not here: what the answer is (`domain.conclusion`), how rows get from Parquet to the server (`staging`) and what became
of the discrepancies of the answer before (`lifecycle`).
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.errors import StoreRefused
from recon_assets.domain.verdict import Verdict
from recon_assets.schemas.currencies import exponents
from recon_assets.store.audit import seal_what_was_published
from recon_assets.store.checks import AssetOutcomes, link_outcomes_to_run, record_outcomes
from recon_assets.store.errors import translated_errors
from recon_assets.store.lifecycle import record_changes_of_discrepancies
from recon_assets.store.outbox import MessageKind, put_message
from recon_assets.store.runs import assert_idle
from recon_assets.store.staging import STAGED_COLUMNS, STAGED_VALUES, digest_of, stage_discrepancies
from recon_assets.store.tenancy import TenantConnection

_INSERT_DISCREPANCIES: Final = f"""
    INSERT INTO discrepancies (id, run_id, processor_name, business_date, exponent, status, {STAGED_COLUMNS})
    SELECT
        encode(substring(sha256(convert_to(
            concat_ws('|', %(run_id)s::uuid, s.discrepancy_id, s.class, s.side, s.occurrence), 'UTF8'
        )) FROM 1 FOR 16), 'hex')::uuid,
        %(run_id)s, %(processor)s, %(date)s, (%(exponents)s::jsonb ->> s.currency)::smallint,
        coalesce(s.processor_status, s.ledger_status),
        {STAGED_VALUES}
    FROM staged_discrepancies AS s
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
        result_digest = %(result_digest)s, metadata = %(metadata)s, currency = money.currency,
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


_UNCHANGED: Final = """
    UPDATE reconciliation_runs AS r
    SET
        status = 'unchanged', same_answer_as = s.id, end_time = greatest(clock_timestamp(), r.start_time),
        verdict = s.verdict, processor_transactions = s.processor_transactions,
        internal_transactions = s.internal_transactions, matched_count = s.matched_count,
        discrepancy_count = s.discrepancy_count, missing_transaction_count = s.missing_transaction_count,
        currency = s.currency, total_volume_processed = s.total_volume_processed,
        total_discrepancy_amount = s.total_discrepancy_amount, discrepancy_rate = s.discrepancy_rate,
        value_at_risk_rate = s.value_at_risk_rate, risk_level = s.risk_level, compliance_status = s.compliance_status,
        incomplete_reasons = s.incomplete_reasons, input_fingerprint = s.input_fingerprint,
        result_digest = s.result_digest, metadata = s.metadata
    FROM reconciliation_runs AS s
    WHERE r.id = %(run_id)s AND s.id = %(standing)s
"""


@dataclass(frozen=True, slots=True)
class PublishedRun:
    """The run that has the answer: this attempt, or the one that stands because the result is `unchanged`.

    `superseded` is the run whose answer this one replaced; `already_published` says that nothing was done.
    """

    run_id: UUID
    version: int
    superseded: UUID | None = None
    already_published: bool = False
    unchanged: bool = False


def publish_run(
    connection: TenantConnection,
    *,
    run_id: UUID,
    conclusion: Conclusion,
    discrepancies: Path,
    input_fingerprint: str | None,
    checks: AssetOutcomes | None = None,
) -> PublishedRun:
    """Make `conclusion` the current answer of its day: rows, proofs, checks, message and the flip of the current run.

    All of it or nothing. `discrepancies` is the matching's Parquet file (`staging.MATCHING_COLUMNS`). Check outcomes of
    the same Dagster run that were recorded before are linked, and `checks` with them. The same result from the same
    inputs as the current answer adds no second copy: the attempt ends as `unchanged`. Again with the same run it does
    nothing. Raises `StoreRefused` when the file does not hold what the conclusion counts, or the run was aborted.
    After it the audit log is sealed in a transaction of its own: the answer stands whether that succeeds or not.
    """
    assert_idle(connection)
    with translated_errors("publishing the run"), connection.transaction():
        attempt = _lock_attempt(connection, run_id, conclusion)
        published = attempt.published or _publish(connection, attempt, conclusion, discrepancies, input_fingerprint)
        if not published.already_published:
            _keep_outcomes(connection, attempt, published, conclusion, checks)
    seal_what_was_published(connection)
    return published


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The run that publishes; `published` when it has done so before."""

    run_id: UUID
    version: int
    dagster_run_id: str | None
    published: PublishedRun | None


def _lock_attempt(connection: TenantConnection, run_id: UUID, conclusion: Conclusion) -> _Attempt:
    row = connection.execute(
        """
        SELECT r.version, r.status, r.dagster_run_id, s.id, s.version
        FROM reconciliation_runs AS r LEFT JOIN reconciliation_runs AS s ON s.id = r.same_answer_as
        WHERE r.id = %s AND r.processor_name = %s AND r.run_date = %s FOR UPDATE OF r
        """,
        [run_id, conclusion.processor, conclusion.business_date],
    ).fetchone()
    if row is None:
        raise StoreRefused(
            f"there is no such run of {conclusion.processor} {conclusion.business_date}",
            where=f"run {run_id}",
            remedy="Begin a run first; a run is published for its own day only.",
        )
    version, status, dagster_run_id, standing, standing_version = row
    published = None
    if status in {"completed", "incomplete"}:
        published = PublishedRun(run_id, version, already_published=True)
    elif status == "unchanged":
        published = PublishedRun(standing, standing_version, already_published=True, unchanged=True)
    elif status != "running":
        raise StoreRefused(
            f"the run is {status} and can't be published",
            where=f"run {run_id}",
            remedy="Another run took the day over: run it again.",
        )
    return _Attempt(run_id, version, dagster_run_id, published)


def _publish(
    connection: TenantConnection,
    attempt: _Attempt,
    conclusion: Conclusion,
    discrepancies: Path,
    input_fingerprint: str | None,
) -> PublishedRun:
    facts = _facts(attempt.run_id, conclusion, input_fingerprint)
    if same := _same_answer(connection, conclusion, discrepancies, input_fingerprint):
        standing, version = same
        connection.execute(_UNCHANGED, {"run_id": attempt.run_id, "standing": standing})
        return PublishedRun(standing, version, unchanged=True)
    staged = stage_discrepancies(connection, discrepancies)
    _check_counts(staged.count_by_class, conclusion, attempt.run_id)
    connection.execute(_INSERT_DISCREPANCIES, facts)
    _insert_proofs(connection, attempt.run_id, conclusion)
    connection.execute(
        "INSERT INTO matches (run_id, pass, match_count) SELECT %s, * FROM unnest(%s::text[], %s::bigint[])",
        [attempt.run_id, list(conclusion.matched_by_pass), list(conclusion.matched_by_pass.values())],
    )
    if conclusion.verdict is not Verdict.INCOMPLETE:
        record_changes_of_discrepancies(
            connection, run_id=attempt.run_id, processor=conclusion.processor, business_date=conclusion.business_date
        )
    superseded = connection.execute(_SUPERSEDE, facts).fetchone()
    if superseded and superseded[1] > attempt.version:
        raise StoreRefused(
            "a newer run of the day has been published",
            where=f"run {attempt.run_id}",
            remedy="Nothing to do: the newer answer stays.",
        )
    connection.execute(_COMPLETE, facts | {"result_digest": _result_digest(conclusion, staged.digest)})
    put_message(
        connection,
        MessageKind.RUN_PUBLISHED,
        run_id=attempt.run_id,
        payload={
            "processor": conclusion.processor,
            "business_date": conclusion.business_date.isoformat(),
            "version": attempt.version,
            "verdict": str(conclusion.verdict),
            "discrepancy_count": conclusion.discrepancy_count,
        },
    )
    return PublishedRun(attempt.run_id, attempt.version, superseded=superseded[0] if superseded else None)


def _same_answer(
    connection: TenantConnection, conclusion: Conclusion, discrepancies: Path, input_fingerprint: str | None
) -> tuple[UUID, int] | None:
    """The current run of the day and its version, if this is its answer from its inputs."""
    standing: tuple[UUID, int, str] | None = connection.execute(
        """
        SELECT id, version, result_digest FROM reconciliation_runs
        WHERE processor_name = %s AND run_date = %s AND is_current AND input_fingerprint = %s
        AND result_digest IS NOT NULL
        """,
        [conclusion.processor, conclusion.business_date, input_fingerprint],
    ).fetchone()
    if standing and standing[2] == _result_digest(conclusion, digest_of(discrepancies)):
        return standing[:2]
    return None


def _result_digest(conclusion: Conclusion, digest_of_rows: str) -> str:
    """Equal when the answer is equal in every figure and every row."""
    answer = msgspec.json.encode([conclusion, digest_of_rows], order="deterministic")
    return hashlib.sha256(answer).hexdigest()


def _keep_outcomes(
    connection: TenantConnection,
    attempt: _Attempt,
    published: PublishedRun,
    conclusion: Conclusion,
    checks: AssetOutcomes | None,
) -> None:
    if attempt.dagster_run_id is None:
        return
    dagster_run_id, processor, business_date = attempt.dagster_run_id, conclusion.processor, conclusion.business_date
    if checks:
        record_outcomes(
            connection, checks, dagster_run_id=dagster_run_id, processor=processor, business_date=business_date
        )
    link_outcomes_to_run(
        connection,
        dagster_run_id=dagster_run_id,
        processor=processor,
        business_date=business_date,
        run_id=published.run_id,
    )


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
        "exponents": Jsonb(exponents()),
        "metadata": Jsonb({"count_by_class": {str(kind): count for kind, count in conclusion.count_by_class.items()}}),
    }
