"""The figures that are watched, read in one snapshot of the record that can write nothing.

Every statement is bounded: by the last day of runs, by `WATCHED_DAYS` of current answers, by what waits.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from psycopg.types.numeric import IntLoader

from recon_assets.domain.readings import (
    WATCHED_DAYS,
    AtStake,
    ComponentReading,
    ProcessorReading,
    Queue,
    Reading,
    SealReading,
    WatchedProcessor,
)
from recon_assets.domain.verdict import Verdict
from recon_assets.store.archives import unshipped
from recon_assets.store.errors import translated_errors
from recon_assets.store.health import latest_health
from recon_assets.store.outbox import AGAIN, waiting
from recon_assets.store.runs import assert_idle
from recon_assets.store.tenancy import TenantConnection

RECENT_RUNS: Final = timedelta(hours=24)
GIVEN_UP_FOR: Final = timedelta(days=30)
"""How long a message that was given up is counted; as `recon notify --again` takes them."""

_WATCHED: Final = """
    unnest(%(names)s::text[], %(sinces)s::date[], %(untils)s::date[]) AS w (name, since, until)
"""
_UNSOLVED: Final = """
    EXISTS (
        SELECT FROM reconciliation_proofs AS p
        WHERE p.tenant_id = r.tenant_id AND p.run_id = r.id AND p.residual_minor <> 0
    )
"""

_STATES: Final = f"""
    SELECT w.name, latest.verdict, latest.is_proven, proven.run_date, first.run_date, newest.start_time,
        newest.end_time
    FROM {_WATCHED}
    LEFT JOIN LATERAL (
        SELECT r.verdict, r.status = 'completed' AND NOT {_UNSOLVED} AS is_proven FROM reconciliation_runs AS r
        WHERE r.processor_name = w.name AND r.run_date = w.until AND r.is_current
    ) AS latest ON TRUE
    LEFT JOIN LATERAL (
        SELECT r.run_date FROM reconciliation_runs AS r
        WHERE r.processor_name = w.name AND r.run_date <= w.until AND r.is_current AND r.status = 'completed'
            AND NOT {_UNSOLVED}
        ORDER BY r.run_date DESC LIMIT 1
    ) AS proven ON TRUE
    LEFT JOIN LATERAL (
        SELECT r.run_date FROM reconciliation_runs AS r WHERE r.processor_name = w.name ORDER BY r.run_date LIMIT 1
    ) AS first ON TRUE
    LEFT JOIN LATERAL (
        SELECT r.start_time, r.end_time FROM reconciliation_runs AS r WHERE r.processor_name = w.name
        ORDER BY r.run_date DESC, r.version DESC LIMIT 1
    ) AS newest ON TRUE
"""  # noqa: S608 (parts of ours)

_PROVEN_DAYS: Final = f"""
    SELECT w.name, count(*) FROM {_WATCHED}
    INNER JOIN reconciliation_runs AS r
        ON r.processor_name = w.name AND r.run_date BETWEEN w.since AND w.until AND r.is_current
    WHERE r.status = 'completed' AND NOT {_UNSOLVED}
    GROUP BY w.name
"""  # noqa: S608

_AT_STAKE: Final = f"""
    SELECT w.name, p.currency, sum(p.discrepancy_count), sum(p.discrepancy_amount_minor), sum(abs(p.residual_minor)),
        min(r.run_date) FILTER (WHERE p.discrepancy_count > 0)
    FROM {_WATCHED}
    INNER JOIN reconciliation_runs AS r
        ON r.processor_name = w.name AND r.run_date BETWEEN w.since AND w.until AND r.is_current
    INNER JOIN reconciliation_proofs AS p ON p.tenant_id = r.tenant_id AND p.run_id = r.id
    GROUP BY w.name, p.currency ORDER BY w.name, p.currency
"""  # noqa: S608

_RUNS: Final = """
    SELECT processor_name, status, count(*) FROM reconciliation_runs WHERE start_time > %(recent)s
    GROUP BY processor_name, status
"""

_GIVEN_UP: Final = """
    SELECT count(*) FROM outbox AS a WHERE a.abandoned_at > %(since)s AND (
        SELECT 1 FROM outbox AS b WHERE b.kind = a.kind AND b.dedupe_key = a.dedupe_key || %(again)s
    ) IS NULL
"""
"""Not by EXISTS: the planner would merge the few with an index of all messages, of which one key each is looked up."""


def read_all(connection: TenantConnection, watched: Sequence[WatchedProcessor], *, at: datetime) -> Reading:
    """The state at the instant `at`, which is now, of the tenant of `connection`, in one read-only transaction.

    Raises `StoreUnavailable` when the database does not answer in its limits, `StoreRefused` when it says no.
    """
    assert_idle(connection)
    with translated_errors("reading the figures that are watched"), connection.transaction():
        connection.execute("SET TRANSACTION READ ONLY")
        states = _processors(connection, watched, at=at)
        ((given_up,),) = connection.execute(_GIVEN_UP, {"since": at - GIVEN_UP_FOR, "again": AGAIN}).fetchall()
        seal = connection.execute("SELECT seal_no, audit_sealed_at() FROM audit_head()").fetchone()
        ((schema_version,),) = connection.execute("SELECT max(version) FROM schema_migrations").fetchall()
        outbox, archives = waiting(connection), unshipped(connection)
        return Reading(
            at=at,
            processors=states,
            outbox=Queue(outbox.count, outbox.oldest),
            given_up=given_up,
            archives=Queue(archives.count, archives.oldest),
            seal=SealReading(*seal) if seal else None,
            components=[
                ComponentReading(found.component, str(found.status), found.check_time)
                for found in latest_health(connection)
            ],
            schema_version=int(schema_version),
        )


def _processors(
    connection: TenantConnection, watched: Sequence[WatchedProcessor], *, at: datetime
) -> list[ProcessorReading]:
    said: dict[str, Any] = {
        "names": [one.name for one in watched],
        "sinces": [_first_watched(one) for one in watched],
        "untils": [one.until for one in watched],
    }
    runs: defaultdict[str, dict[str, int]] = defaultdict(dict)
    at_stake: defaultdict[str, list[AtStake]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.adapters.register_loader("numeric", IntLoader)
        for name, status, count in cursor.execute(_RUNS, {"recent": at - RECENT_RUNS}):
            runs[name][status] = count
        for name, *figures in cursor.execute(_AT_STAKE.encode(), said):
            at_stake[name].append(AtStake(*figures))
        proven_days: dict[str, int] = dict(cursor.execute(_PROVEN_DAYS.encode(), said).fetchall())
        states = {name: state for name, *state in cursor.execute(_STATES.encode(), said)}
    found = []
    for one in watched:
        verdict, is_proven, last_proven, first, started_at, ended_at = states[one.name]
        found.append(
            ProcessorReading(
                watched=one,
                verdict=Verdict(verdict) if verdict else None,
                is_latest_proven=bool(is_proven),
                last_proven=last_proven,
                unproven_days=_days_to_prove(one, first) - proven_days.get(one.name, 0),
                last_run_started_at=started_at,
                last_run_ended_at=ended_at,
                runs_by_status=runs[one.name],
                at_stake=at_stake[one.name],
            )
        )
    return found


def _first_watched(one: WatchedProcessor) -> date:
    return max(one.since, one.until - timedelta(days=WATCHED_DAYS - 1))


def _days_to_prove(one: WatchedProcessor, first: date | None) -> int:
    """A day before the first that was ever run is nobody's to run."""
    if first is None:
        return 0
    return max((one.until - max(first, _first_watched(one))).days + 1, 0)
