"""Reading the record: attempts at days, with their proofs. Nothing is changed here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads
from psycopg.types.numeric import IntLoader

from recon_assets.domain.causes import Cause
from recon_assets.domain.conclusion import PassMatches
from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.risk import ComplianceStatus, RiskLevel
from recon_assets.domain.verdict import Verdict
from recon_assets.store.errors import translated_errors
from recon_assets.store.limits import bounded
from recon_assets.store.tenancy import TenantConnection

_SELECT_RUNS: Final = """
    SELECT id, processor_name, run_date, version, status, verdict, is_current, idempotency_key, dagster_run_id,
        start_time, end_time, failed_stage, failure_reason, processor_transactions, internal_transactions,
        matched_count, discrepancy_count, pending_count, missing_transaction_count, rule_version, currency,
        total_volume_processed, total_discrepancy_amount, discrepancy_rate, value_at_risk_rate, risk_level,
        compliance_status, incomplete_reasons, input_fingerprint, metadata -> 'count_by_class' AS count_by_class,
        metadata -> 'causes' AS causes,
        superseded_by
    FROM {}
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt at a processor-day. What belongs to a conclusion is None until there is one."""

    id: UUID
    processor: str
    business_date: date
    version: int
    status: str
    verdict: Verdict | None
    is_current: bool
    idempotency_key: str
    dagster_run_id: str | None
    started_at: datetime
    ended_at: datetime | None
    failed_stage: str | None
    failure_reason: str | None
    processor_transactions: int | None
    ledger_entries: int | None
    matched: int | None
    discrepancy_count: int | None
    pending_count: int | None
    """None also in an answer from before there were such rows."""
    missing_count: int | None
    rule_version: str | None
    currency: str | None
    volume: Decimal | None
    discrepancy_amount: Decimal | None
    discrepancy_rate: Decimal | None
    value_at_risk_rate: Decimal | None
    risk_level: RiskLevel | None
    compliance: ComplianceStatus | None
    incomplete_reasons: tuple[str, ...]
    input_fingerprint: str | None
    count_by_class: dict[DiscrepancyClass, int]
    superseded_by: UUID | None
    proofs: tuple[CurrencyProof, ...]
    matched_by_pass: dict[str, PassMatches]
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True)
class DayState:
    """A processor-day: its newest attempt, and its current answer, which may be an older one."""

    latest: Run
    current: Run | None


def recent_runs(connection: TenantConnection, *, limit: int = 10) -> tuple[Run, ...]:
    """The latest attempts of all processors, whatever became of them."""
    return _runs(connection, "ORDER BY start_time DESC, version DESC LIMIT %(limit)s", {"limit": bounded(limit)})


def run_by_id(connection: TenantConnection, run_id: UUID) -> Run | None:
    """One attempt."""
    return next(iter(_runs(connection, "WHERE id = %(id)s", {"id": run_id})), None)


def current_run(connection: TenantConnection, processor: str, business_date: date) -> Run | None:
    """The current answer of a processor-day. A newer attempt may have failed: see `latest_attempts`."""
    where = "WHERE processor_name = %(processor)s AND run_date = %(date)s AND is_current"
    return next(iter(_runs(connection, where, {"processor": processor, "date": business_date})), None)


def run_of_dagster_run(
    connection: TenantConnection, processor: str, business_date: date, dagster_run_id: str
) -> Run | None:
    """What one Dagster run left for a processor-day, whether or not it still stands.

    When it found an older answer unchanged, that is the run with that answer.
    """
    where = """
        WHERE id = (
            SELECT coalesce(a.same_answer_as, a.id) FROM reconciliation_runs AS a
            WHERE a.processor_name = %(processor)s AND a.run_date = %(date)s AND a.dagster_run_id = %(dagster)s
            ORDER BY a.version DESC LIMIT 1
        )
    """
    parameters = {"processor": processor, "date": business_date, "dagster": dagster_run_id}
    return next(iter(_runs(connection, where, parameters)), None)


def latest_attempts(
    connection: TenantConnection, *, processors: Sequence[str], since: date, until: date
) -> tuple[DayState, ...]:
    """The state of every attempted day from `since` to `until` (both included), by date and processor."""
    runs = _runs(
        connection,
        """
        WHERE is_current OR version = latest_version
        ORDER BY run_date, processor_name, version
        """,
        {"processors": list(processors), "since": since, "until": until},
        source="""
        (
            SELECT
                *, max(version) FILTER (WHERE status <> 'unchanged') OVER (PARTITION BY processor_name, run_date)
                AS latest_version
            FROM reconciliation_runs
            WHERE processor_name = ANY(%(processors)s) AND run_date BETWEEN %(since)s AND %(until)s
        ) AS attempts
        """,
    )
    latest = {(run.business_date, run.processor): run for run in runs}
    current = {(run.business_date, run.processor): run for run in runs if run.is_current}
    return tuple(DayState(latest=run, current=current.get(day)) for day, run in latest.items())


def _runs(
    connection: TenantConnection, tail: str, parameters: dict[str, object], *, source: str = "reconciliation_runs"
) -> tuple[Run, ...]:
    with translated_errors("reading runs"), connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        set_json_loads(msgspec.json.decode, cursor)  # two documents a run: the standard library's reader takes longest
        rows = cursor.execute((_SELECT_RUNS.format(source) + tail).encode(), parameters).fetchall()
        proofs = _proofs(connection, [row["id"] for row in rows])
        matches = _matches(connection, [row["id"] for row in rows])
    return tuple(_run(row, tuple(proofs[row["id"]]), matches[row["id"]]) for row in rows)


def _proofs(connection: TenantConnection, run_ids: Sequence[UUID]) -> dict[UUID, list[CurrencyProof]]:
    """In the caller's transaction. Totals are `numeric` without places, too wide for a bigint: read as integers."""
    proofs: dict[UUID, list[CurrencyProof]] = {run_id: [] for run_id in run_ids}
    with connection.cursor() as cursor:
        cursor.adapters.register_loader("numeric", IntLoader)
        for run_id, *figures in cursor.execute(
            """
            SELECT run_id, currency, exponent, processor_transactions, ledger_entries, processor_total_minor,
                ledger_total_minor, signed_discrepancies_minor, discrepancy_count, discrepancy_amount_minor,
                volume_minor, pending_count, pending_amount_minor
            FROM reconciliation_proofs WHERE run_id = ANY(%s) ORDER BY run_id, currency
            """,
            [list(run_ids)],
        ):
            proofs[run_id].append(CurrencyProof(*figures))
    return proofs


def _matches(connection: TenantConnection, run_ids: Sequence[UUID]) -> dict[UUID, dict[str, PassMatches]]:
    """In the caller's transaction."""
    matches: dict[UUID, dict[str, PassMatches]] = {run_id: {} for run_id in run_ids}
    for run_id, name, *figures in connection.execute(
        """
        SELECT run_id, pass, match_count, processor_records, ledger_records
        FROM matches WHERE run_id = ANY(%s) ORDER BY run_id, pass
        """,
        [list(run_ids)],
    ):
        matches[run_id][name] = PassMatches(*figures)
    return matches


def _run(row: dict[str, Any], proofs: tuple[CurrencyProof, ...], matched_by_pass: dict[str, PassMatches]) -> Run:
    return Run(
        id=row["id"],
        processor=row["processor_name"],
        business_date=row["run_date"],
        version=row["version"],
        status=row["status"],
        verdict=Verdict(row["verdict"]) if row["verdict"] else None,
        is_current=row["is_current"],
        idempotency_key=row["idempotency_key"],
        dagster_run_id=row["dagster_run_id"],
        started_at=row["start_time"],
        ended_at=row["end_time"],
        failed_stage=row["failed_stage"],
        failure_reason=row["failure_reason"],
        processor_transactions=row["processor_transactions"],
        ledger_entries=row["internal_transactions"],
        matched=row["matched_count"],
        discrepancy_count=row["discrepancy_count"],
        pending_count=row["pending_count"],
        missing_count=row["missing_transaction_count"],
        rule_version=row["rule_version"],
        currency=row["currency"],
        volume=row["total_volume_processed"],
        discrepancy_amount=row["total_discrepancy_amount"],
        discrepancy_rate=row["discrepancy_rate"],
        value_at_risk_rate=row["value_at_risk_rate"],
        risk_level=RiskLevel[row["risk_level"]] if row["risk_level"] else None,
        compliance=ComplianceStatus(row["compliance_status"]) if row["compliance_status"] else None,
        incomplete_reasons=tuple(row["incomplete_reasons"]),
        input_fingerprint=row["input_fingerprint"],
        count_by_class={DiscrepancyClass(kind): count for kind, count in (row["count_by_class"] or {}).items()},
        superseded_by=row["superseded_by"],
        proofs=proofs,
        matched_by_pass=matched_by_pass,
        causes=tuple(msgspec.convert(row["causes"] or [], list[Cause])),
    )
