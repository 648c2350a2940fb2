"""What a new answer of a day did to the discrepancies of the answer before: resolved, reopened, changed.

A discrepancy is opened by its first row in `discrepancies`, and persists as long as it is in the answer with the same
class and money: neither writes an event. Only concluded answers are compared: what an incomplete day does not show may
still be there.
"""

from datetime import date
from typing import Final
from uuid import UUID

from recon_assets.store.tenancy import TenantConnection

_STATE: Final = """
    jsonb_build_object(
        'class', {0}.class, 'outcome', {0}.outcome, 'currency', {0}.currency, 'amount_minor', {0}.amount_minor
    )
"""

_RECORD_CHANGES: Final = f"""
    WITH before AS (
        SELECT d.* FROM discrepancies AS d
        WHERE d.business_date = %(date)s AND d.run_id = (
            SELECT r.id FROM reconciliation_runs AS r
            WHERE r.processor_name = %(processor)s AND r.run_date = %(date)s AND r.status = 'completed'
            ORDER BY r.version DESC LIMIT 1
        )
    ), after AS (
        SELECT d.* FROM discrepancies AS d WHERE d.business_date = %(date)s AND d.run_id = %(run_id)s
    )
    INSERT INTO discrepancy_events (
        run_id, discrepancy_id, processor_name, business_date, event, old_value, new_value
    )
    SELECT
        %(run_id)s, coalesce(b.discrepancy_id, a.discrepancy_id), %(processor)s, %(date)s,
        CASE WHEN a.id IS NULL THEN 'resolved' WHEN b.id IS NULL THEN 'reopened' ELSE 'changed' END,
        CASE WHEN b.id IS NOT NULL THEN {_STATE.format("b")} END,
        CASE WHEN a.id IS NOT NULL THEN {_STATE.format("a")} END
    FROM before AS b FULL JOIN after AS a ON a.discrepancy_id = b.discrepancy_id
    WHERE
        a.id IS NULL
        OR (b.id IS NULL AND a.discrepancy_id IN (
            SELECT e.discrepancy_id FROM discrepancy_events AS e
            WHERE e.processor_name = %(processor)s AND e.business_date = %(date)s AND e.event = 'resolved'
        ))
        OR (a.class, a.outcome, a.currency, a.amount_minor) <> (b.class, b.outcome, b.currency, b.amount_minor)
"""  # noqa: S608 (expressions of ours)


def record_changes_of_discrepancies(
    connection: TenantConnection, *, run_id: UUID, processor: str, business_date: date
) -> int:
    """Compare the rows of `run_id`, which is being published, with the last concluded answer; returns the changes."""
    return connection.execute(
        _RECORD_CHANGES.encode(), {"run_id": run_id, "processor": processor, "date": business_date}
    ).rowcount
