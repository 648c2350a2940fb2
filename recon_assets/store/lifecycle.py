"""What a new answer did to discrepancies that answers had before: resolved, reopened, changed.

A discrepancy is opened by its first row in `discrepancies`, and persists as long as it is in the answer with the same
class and money: neither writes an event. Rows of the outcome ok are none. Only concluded answers are compared: what an
incomplete day does not show may still be there.

A record that is matched with one of another day is resolved while that match is live, whatever the answer of its own
day says, which may be older. When the match ends it is open again, as missing until its day is run again.
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
_WHEN_OPEN: Final = """
    d.discrepancy_id, d.currency, d.amount_minor,
    CASE WHEN d.class <> 'matched_prior_day' THEN d.class WHEN d.side = 'processor' THEN 'missing_in_ledger'
    ELSE 'missing_at_processor' END AS class,
    CASE WHEN d.class <> 'matched_prior_day' THEN d.outcome ELSE 'discrepancy' END AS outcome
"""
"""A row's state while no record of another day is matched with its record."""

# A match that an incomplete answer of the day itself ended still counts: that answer has told nobody that its
# record is open again.
_RECORD_CHANGES: Final = f"""
    WITH last AS MATERIALIZED (
        SELECT r.id, r.version FROM reconciliation_runs AS r
        WHERE r.processor_name = %(processor)s AND r.run_date = %(date)s AND r.status = 'completed'
        ORDER BY r.version DESC LIMIT 1
    ), matched AS MATERIALIZED (
        SELECT m.processor_date, m.processor_discrepancy_id, m.ledger_discrepancy_id FROM prior_day_matches AS m
        WHERE m.processor_name = %(processor)s AND m.ended_by IS NULL
            AND (m.processor_date = %(date)s OR m.ledger_date = %(date)s)
        UNION ALL
        SELECT m.processor_date, m.processor_discrepancy_id, m.ledger_discrepancy_id FROM prior_day_matches AS m
        WHERE m.ended_by IN (
            SELECT r.id FROM reconciliation_runs AS r
            WHERE r.processor_name = %(processor)s AND r.run_date = %(date)s
                AND r.version > (SELECT last.version FROM last)
        )
    ), before AS (
        SELECT {_WHEN_OPEN} FROM discrepancies AS d
        WHERE d.business_date = %(date)s AND d.run_id = (SELECT last.id FROM last)
            AND (d.outcome <> 'ok' OR d.class = 'matched_prior_day')
            AND d.discrepancy_id NOT IN (
                SELECT CASE m.processor_date WHEN %(date)s THEN m.processor_discrepancy_id ELSE m.ledger_discrepancy_id
                END FROM matched AS m
            )
    ), after AS (
        SELECT d.* FROM discrepancies AS d
        WHERE d.business_date = %(date)s AND d.run_id = %(run_id)s AND d.outcome <> 'ok'
    )
    INSERT INTO discrepancy_events (
        run_id, discrepancy_id, processor_name, business_date, event, old_value, new_value
    )
    SELECT
        %(run_id)s, coalesce(b.discrepancy_id, a.discrepancy_id), %(processor)s, %(date)s,
        CASE WHEN a.discrepancy_id IS NULL THEN 'resolved' WHEN b.discrepancy_id IS NULL THEN 'reopened'
        ELSE 'changed' END,
        CASE WHEN b.discrepancy_id IS NOT NULL THEN {_STATE.format("b")} END,
        CASE WHEN a.discrepancy_id IS NOT NULL THEN {_STATE.format("a")} END
    FROM before AS b FULL JOIN after AS a ON a.discrepancy_id = b.discrepancy_id
    WHERE
        a.discrepancy_id IS NULL
        OR (b.discrepancy_id IS NULL AND a.discrepancy_id IN (
            SELECT e.discrepancy_id FROM discrepancy_events AS e
            WHERE e.processor_name = %(processor)s AND e.business_date = %(date)s AND e.event = 'resolved'
        ))
        OR (a.class, a.outcome, a.currency, a.amount_minor) <> (b.class, b.outcome, b.currency, b.amount_minor)
"""  # noqa: S608 (expressions of ours)

_RECORD_CHANGES_OF_OTHER_DAYS: Final = f"""
    WITH touched AS MATERIALIZED (
        SELECT t.business_date, t.discrepancy_id, bool_or(m.ended_by IS NULL) AS is_matched
        FROM prior_day_matches AS m
        CROSS JOIN LATERAL (
            VALUES (m.processor_date, m.processor_discrepancy_id), (m.ledger_date, m.ledger_discrepancy_id)
        ) AS t (business_date, discrepancy_id)
        WHERE (m.found_by = %(run_id)s OR m.ended_by = %(run_id)s) AND t.business_date <> %(date)s
        GROUP BY t.business_date, t.discrepancy_id
        -- one match instead of another changes nothing
        HAVING bool_or(m.ended_by IS NULL) <> bool_or(m.ended_by IS NOT NULL)
    ), days AS MATERIALIZED (
        SELECT r.id, r.run_date FROM reconciliation_runs AS r
        WHERE r.processor_name = %(processor)s AND r.is_current AND r.status = 'completed'
            AND r.run_date IN (SELECT t.business_date FROM touched AS t)
    ), alone AS (
        SELECT o.*, y.run_date AS business_date FROM days AS y
        CROSS JOIN LATERAL (
            SELECT {_WHEN_OPEN} FROM discrepancies AS d
            WHERE d.run_id = y.id AND d.business_date = y.run_date AND d.class IN (
                'missing_in_ledger', 'missing_at_processor', 'pending_in_ledger', 'pending_at_processor',
                'matched_prior_day'
            )
            OFFSET 0  -- day by day from the index of its run: there is none of the ids
        ) AS o
    )
    INSERT INTO discrepancy_events (
        run_id, discrepancy_id, processor_name, business_date, event, old_value, new_value
    )
    SELECT
        %(run_id)s, o.discrepancy_id, %(processor)s, o.business_date,
        CASE WHEN t.is_matched THEN 'resolved' ELSE 'reopened' END,
        CASE WHEN t.is_matched THEN {_STATE.format("o")} END,
        CASE WHEN NOT t.is_matched THEN {_STATE.format("o")} END
    FROM touched AS t
    -- FULL, since that is hashed whatever the planner believes of tables that have just grown
    FULL JOIN alone AS o ON o.business_date = t.business_date AND o.discrepancy_id = t.discrepancy_id
    WHERE coalesce(t.business_date = o.business_date, FALSE)
"""  # noqa: S608 (expressions of ours)


def record_changes_of_discrepancies(
    connection: TenantConnection, *, run_id: UUID, processor: str, business_date: date
) -> int:
    """Compare the rows of `run_id`, which is being published, with the last concluded answer; returns the changes.

    Before its matches across days are written: those that are live now belong to the answers of before.
    """
    return _record(connection, _RECORD_CHANGES, run_id=run_id, processor=processor, business_date=business_date)


def record_changes_of_other_days(
    connection: TenantConnection, *, run_id: UUID, processor: str, business_date: date
) -> int:
    """What the matches that `run_id` found and ended did to discrepancies of other days; returns the changes.

    Only for days with a conclusion. Rows of a retired month get no events.
    """
    statement = _RECORD_CHANGES_OF_OTHER_DAYS
    return _record(connection, statement, run_id=run_id, processor=processor, business_date=business_date)


def _record(connection: TenantConnection, statement: str, *, run_id: UUID, processor: str, business_date: date) -> int:
    facts = {"run_id": run_id, "processor": processor, "date": business_date}
    return connection.execute(statement.encode(), facts).rowcount
