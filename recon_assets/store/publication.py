"""Giving the answer of a processor-day: everything or nothing, in one transaction.

Not here: what the answer is (`domain.conclusion`), how its rows are written (`staging`, `answer_rows`), what matches
across days (`across_days`) and what became of discrepancies of answers before (`lifecycle`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.errors import StoreRefused
from recon_assets.domain.verdict import Verdict
from recon_assets.store.across_days import AcrossDays, across_days_stand, replace_across_days, stage_across_days
from recon_assets.store.answer_rows import check_counts, complete_run, insert_rows
from recon_assets.store.audit import seal_what_was_published
from recon_assets.store.checks import AssetOutcomes, link_outcomes_to_run, record_outcomes
from recon_assets.store.errors import translated_errors
from recon_assets.store.lifecycle import record_changes_of_discrepancies, record_changes_of_other_days
from recon_assets.store.messages import tell_run_published
from recon_assets.store.runs import assert_idle, lock_processor_until_commit
from recon_assets.store.staging import digest_of, stage_discrepancies
from recon_assets.store.tenancy import TenantConnection

_SUPERSEDE: Final = """
    UPDATE reconciliation_runs
    SET is_current = FALSE, superseded_by = %(run_id)s, superseded_at = clock_timestamp()
    WHERE processor_name = %(processor)s AND run_date = %(date)s AND is_current
    RETURNING id, version
"""

_UNCHANGED: Final = """
    UPDATE reconciliation_runs AS r
    SET
        status = 'unchanged', same_answer_as = s.id, end_time = greatest(clock_timestamp(), r.start_time),
        verdict = s.verdict, processor_transactions = s.processor_transactions,
        internal_transactions = s.internal_transactions, matched_count = s.matched_count,
        discrepancy_count = s.discrepancy_count, pending_count = s.pending_count,
        missing_transaction_count = s.missing_transaction_count, rule_version = s.rule_version,
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


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is published, and what it was made from."""

    conclusion: Conclusion
    discrepancies: Path
    input_fingerprint: str | None
    across_days: AcrossDays | None
    evidence: Mapping[str, str]
    in_backfill: bool


def publish_run(  # noqa: PLR0913 (keyword-only parts of one answer)
    connection: TenantConnection,
    *,
    run_id: UUID,
    conclusion: Conclusion,
    discrepancies: Path,
    input_fingerprint: str | None,
    checks: AssetOutcomes | None = None,
    across_days: AcrossDays | None = None,
    evidence: Mapping[str, str] | None = None,
    in_backfill: bool = False,
) -> PublishedRun:
    """Make `conclusion` the current answer of its day: rows, proofs, checks, message and the flip of the current run.

    All of it or nothing. `discrepancies` is the matching's Parquet file (`staging.MATCHING_COLUMNS`). Check outcomes of
    the same Dagster run that were recorded before are linked, and `checks` with them. `across_days` are the matches
    with records of other days, whose discrepancies they resolve or, when they end, reopen; without it, as for an
    incomplete day, none touches the day any more. `evidence` names files of the day, for whoever chains it later.
    `in_backfill` goes into the message, for whoever wants no word of history.
    The same result from the same inputs as the current answer adds no second copy: the attempt ends as `unchanged`.
    Again with the same run it does nothing. Raises `StoreRefused` when the file does not hold what the conclusion
    counts, or the run was aborted. After it the audit log is sealed in a transaction of its own: the answer stands
    whether that succeeds or not.
    """
    assert_idle(connection)
    answer = _Answer(conclusion, discrepancies, input_fingerprint, across_days, evidence or {}, in_backfill)
    with translated_errors("publishing the run"), connection.transaction():
        lock_processor_until_commit(connection, conclusion.processor)
        attempt = _lock_attempt(connection, run_id, conclusion)
        published = attempt.published or _publish(connection, attempt, answer)
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


def _publish(connection: TenantConnection, attempt: _Attempt, answer: _Answer) -> PublishedRun:
    conclusion, run_id = answer.conclusion, attempt.run_id
    stage_across_days(connection, answer.across_days)
    same = _same_answer(connection, conclusion, answer.discrepancies, answer.input_fingerprint)
    if same and across_days_stand(connection, conclusion, answer.across_days):
        standing, version = same
        connection.execute(_UNCHANGED, {"run_id": run_id, "standing": standing})
        return PublishedRun(standing, version, unchanged=True)
    staged = stage_discrepancies(connection, answer.discrepancies)
    check_counts(staged.count_by_class, conclusion, run_id)
    insert_rows(connection, run_id, conclusion)
    _record_changes(connection, run_id, answer)
    superseded = _supersede(connection, attempt, conclusion)
    complete_run(
        connection,
        run_id,
        conclusion,
        input_fingerprint=answer.input_fingerprint,
        result_digest=_result_digest(conclusion, staged.digest),
        evidence=answer.evidence,
    )
    tell_run_published(
        connection, run_id=run_id, conclusion=conclusion, version=attempt.version, in_backfill=answer.in_backfill
    )
    return PublishedRun(run_id, attempt.version, superseded=superseded)


def _record_changes(connection: TenantConnection, run_id: UUID, answer: _Answer) -> None:
    """Replace the matches with other days, and write what became of discrepancies, of this day and of others."""
    conclusion = answer.conclusion
    processor, business_date = conclusion.processor, conclusion.business_date
    if conclusion.verdict is not Verdict.INCOMPLETE:
        record_changes_of_discrepancies(connection, run_id=run_id, processor=processor, business_date=business_date)
    replace_across_days(connection, run_id=run_id, conclusion=conclusion, across_days=answer.across_days)
    record_changes_of_other_days(connection, run_id=run_id, processor=processor, business_date=business_date)


def _supersede(connection: TenantConnection, attempt: _Attempt, conclusion: Conclusion) -> UUID | None:
    """Put the current answer away, if there is one; returns its run."""
    superseded = connection.execute(
        _SUPERSEDE,
        {"run_id": attempt.run_id, "processor": conclusion.processor, "date": conclusion.business_date},
    ).fetchone()
    if superseded is None:
        return None
    if superseded[1] > attempt.version:
        raise StoreRefused(
            "a newer run of the day has been published",
            where=f"run {attempt.run_id}",
            remedy="Nothing to do: the newer answer stays.",
        )
    run_id: UUID = superseded[0]
    return run_id


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
