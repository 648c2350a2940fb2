"""Reading the record: the discrepancies of an attempt, as published. Nothing is changed here."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from psycopg.rows import class_row

from recon_assets.domain.errors import RowsRetired, StoreRefused
from recon_assets.store.errors import translated_errors
from recon_assets.store.limits import bounded
from recon_assets.store.tenancy import TenantConnection

_RETIRED_TABLES: Final = """
    SELECT 'recon_retired.' || c.relname, coalesce(obj_description(c.oid, 'pg_class') || '.', '')
    FROM pg_catalog.pg_class AS c INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'recon_retired' AND c.relkind = 'r' AND starts_with(c.relname, %s)
    ORDER BY length(c.relname), c.relname
"""
"""From the catalogue, which everybody may read: the application may not look into the tables."""


@dataclass(frozen=True, slots=True)
class DiscrepancyRow:
    """One discrepancy as published. `amount` and `fee` are the exact decimals of their minor units."""

    id: UUID
    run_id: UUID
    discrepancy_id: UUID
    processor_name: str
    business_date: date
    kind: str
    outcome: str
    priority: int
    side: str
    transaction_id: str | None
    occurrence: int
    currency: str
    exponent: int
    amount_minor: int
    amount: Decimal
    processor_amount_minor: int | None
    processor_currency: str | None
    processor_status: str | None
    processor_seq: int | None
    processor_raw_file: str | None
    processor_record_number: int | None
    ledger_amount_minor: int | None
    ledger_currency: str | None
    ledger_status: str | None
    ledger_seq: int | None
    ledger_raw_file: str | None
    ledger_record_number: int | None
    merchant_id: str | None
    reference_number: str | None
    fee_minor: int | None
    fee: Decimal | None
    status: str | None
    occurred_at: datetime | None
    step: str | None
    """The pass of the match."""
    differs: str | None
    due_on: date | None
    counterpart_date: date | None
    fee_difference_minor: int | None


def discrepancies_of(connection: TenantConnection, run_id: UUID, *, limit: int) -> tuple[DiscrepancyRow, ...]:
    """The first discrepancies of a run, the most urgent and the largest first.

    Raises `RowsRetired` when the run has some and they are in a retired month, `StoreRefused` when they are gone: a
    run that counts discrepancies never seems to have none.
    """
    rows = class_row(DiscrepancyRow)
    with (
        translated_errors("reading discrepancies"),
        connection.transaction(),
        connection.cursor(row_factory=rows) as cursor,
    ):
        day = connection.execute("SELECT run_date FROM reconciliation_runs WHERE id = %s", [run_id]).fetchone()
        if day is None:
            return ()
        cursor.execute(
            """
            SELECT id, run_id, discrepancy_id, processor_name, business_date, class AS kind, outcome, priority, side,
                transaction_id, occurrence, currency, exponent, amount_minor, amount, processor_amount_minor,
                processor_currency, processor_status, processor_seq, processor_raw_file, processor_record_number,
                ledger_amount_minor, ledger_currency, ledger_status, ledger_seq, ledger_raw_file,
                ledger_record_number, merchant_id, reference_number, fee_minor, fee, status, occurred_at,
                pass AS step, differs, due_on, counterpart_date, fee_difference_minor
            FROM discrepancies
            WHERE run_id = %s AND business_date = %s
            ORDER BY priority, abs(amount_minor::numeric) DESC, transaction_id, occurrence
            LIMIT %s
            """,
            [run_id, day[0], bounded(limit)],  # the date leaves one partition to plan and to read
        )
        found = tuple(cursor.fetchall())
        if not found:
            _refuse_if_there_were_some(connection, run_id)
        return found


def _refuse_if_there_were_some(connection: TenantConnection, run_id: UUID) -> None:
    counted = connection.execute(
        """
        SELECT discrepancy_count + coalesce(pending_count, 0), run_date FROM reconciliation_runs
        WHERE id = %s AND discrepancy_count + coalesce(pending_count, 0) > 0
        """,
        [run_id],
    ).fetchone()
    if counted is None:
        return
    count, day = counted
    retired = connection.execute(_RETIRED_TABLES, [f"discrepancies_{day:%Y_%m}"]).fetchall()
    if retired:
        raise RowsRetired(
            f"the {count} discrepancies of {day} are retired",
            where=" or ".join(name for name, _ in retired),
            remedy=f"{' '.join(note for _, note in retired)} The file is in the archive; docs/retention.md says how to"
            " read it, and how an auditor reads the table.",
        )
    raise StoreRefused(
        f"the run of {day} counts {count} discrepancies and the record has none of them",
        where=f"run {run_id}",
        remedy="`recon audit verify` says what became of them.",
    )
