"""What people and the program ask of the record: each question by a name, with parameters as they would vary.

Not here: how fast the answers come (`queries`) and how they are planned (`recon_assets_tests/store/test_plans.py`).
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg

from recon_assets.cli.show import SHOWN_DISCREPANCIES
from recon_assets.domain.messages import MessageKind
from recon_assets.domain.readings import WatchedProcessor
from recon_assets.store.archives import (
    archive_of,
    checks_of_run,
    current_archive,
    previous_day,
    previous_version,
    take_unshipped,
    unshipped,
)
from recon_assets.store.checks import outcomes_of
from recon_assets.store.discrepancies import discrepancies_of
from recon_assets.store.health import latest_health
from recon_assets.store.history import current_run, latest_attempts, recent_runs, run_by_id, run_of_dagster_run
from recon_assets.store.outbox import given_up, take_messages, waiting
from recon_assets.store.publication import _same_answer
from recon_assets.store.readings import read_all
from recon_assets.store.runs import begin_run
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.benchmarks.filling import Extent
from recon_assets_tests.store.builders import conclusion

QUERIES: Final = Path(__file__).resolve().parents[2] / "sql" / "queries"
SAMPLE: Final = 2_000
_RUNS: Final = b"""
    SELECT id, processor_name, run_date, dagster_run_id, idempotency_key, verdict IS NOT NULL
    FROM reconciliation_runs WHERE tenant_id = %s
"""


@dataclass(frozen=True, slots=True)
class KnownRun:
    """What the one who asks has at hand."""

    id: UUID
    processor: str
    day: date
    dagster_run_id: str
    key: str
    has_answer: bool


@dataclass(frozen=True, slots=True)
class Known:
    """Runs and transactions of the record, drawn at random, and the ten runs with the most discrepancies."""

    runs: list[KnownRun]
    largest: list[KnownRun]
    transactions: list[str]
    extent: Extent


@dataclass(frozen=True, slots=True)
class Question:
    """`ask` answers it once through a connection, with parameters drawn by the generator."""

    name: str
    ask: Callable[[TenantConnection, random.Random, Known], object]
    text: str | None = None
    draw: Callable[[random.Random, Known], dict[str, object]] | None = None


def known(connection: psycopg.Connection, extent: Extent) -> Known:
    """`connection` is the superuser's."""
    tenant = extent.parameters["tenant"]
    runs = [KnownRun(*row) for row in connection.execute(_RUNS + b"ORDER BY md5(id::text) LIMIT %s", [tenant, SAMPLE])]
    largest = connection.execute(_RUNS + b"ORDER BY discrepancy_count DESC NULLS LAST LIMIT 10", [tenant])
    transactions = connection.execute(
        """
        SELECT transaction_id FROM discrepancies WHERE tenant_id = %s AND run_id = ANY(%s)
        ORDER BY md5(transaction_id) LIMIT %s
        """,
        [tenant, [run.id for run in runs][: SAMPLE // 20], SAMPLE],
    )
    return Known(runs, [KnownRun(*row) for row in largest], [row[0] for row in transactions], extent)


def questions() -> Iterator[Question]:
    """All of them: the README's, those to the views, and the command line's."""
    for path in sorted(QUERIES.glob("*.sql")):
        yield _sql(f"sql/queries/{path.name}", path.read_text(), _nothing)
    for name, (text, draw) in _OF_VIEWS.items():
        yield _sql(name, text, draw)
    for name, ask in _OF_THE_PROGRAM.items():
        yield Question(name, ask)


def _sql(name: str, text: str, draw: Callable[[random.Random, Known], dict[str, object]]) -> Question:
    def ask(connection: TenantConnection, generator: random.Random, known: Known) -> object:
        with connection.transaction():
            parameters = draw(generator, known)
            return connection.execute(text.encode(), parameters or None).fetchall()

    return Question(name, ask, text, draw)


def _nothing(_: random.Random, __: Known) -> dict[str, object]:
    return {}


def _day(generator: random.Random, known: Known) -> date:
    """Of the last month in half of the cases, as people ask."""
    back = generator.choice([min(30, known.extent.days), known.extent.days])
    return known.extent.until - timedelta(days=generator.randint(1, back))


def _processor_day(generator: random.Random, known: Known) -> dict[str, object]:
    day = _day(generator, known)
    return {
        "processor": generator.choice(known.extent.processor_names),
        "day": day,
        "month": day.replace(day=1),
        "thirty_days_before": day - timedelta(days=29),
        "currency": generator.choice(["USD", "EUR", "JPY"]),
        "check": generator.choice(["ids_are_unique", "schema_holds", "totals_agree", "reconciliation_is_proven"]),
    }


def _transaction(generator: random.Random, known: Known) -> dict[str, object]:
    return {"transaction": generator.choice(known.transactions)}


_OF_VIEWS: Final = {
    "missing: README, first 20": (
        "SELECT transaction_id, amount, merchant_id FROM missing_transactions LIMIT 20",
        _nothing,
    ),
    "missing: of a processor-day": (
        (
            "SELECT * FROM missing_transactions WHERE processor_name = %(processor)s AND transaction_date = %(day)s"
            " ORDER BY abs(amount) DESC LIMIT 100"
        ),
        _processor_day,
    ),
    "missing: of a day": (
        "SELECT * FROM missing_transactions WHERE transaction_date = %(day)s LIMIT 100",
        _processor_day,
    ),
    "missing: of a transaction id": (
        "SELECT * FROM missing_transactions WHERE transaction_id = %(transaction)s",
        _transaction,
    ),
    "high value: first 50": ("SELECT * FROM v_high_value_missing_transactions LIMIT 50", _nothing),
    "high value: newest 50": (
        "SELECT * FROM v_high_value_missing_transactions ORDER BY transaction_date DESC LIMIT 50",
        _nothing,
    ),
    "high value: newest 50 of a processor": (
        (
            "SELECT * FROM v_high_value_missing_transactions WHERE processor_name = %(processor)s"
            " ORDER BY transaction_date DESC LIMIT 50"
        ),
        _processor_day,
    ),
    "high value: largest 50 of a currency": (
        (
            "SELECT * FROM v_high_value_missing_transactions WHERE currency = %(currency)s"
            " ORDER BY abs(amount) DESC LIMIT 50"
        ),
        _processor_day,
    ),
    "open: 50 most urgent, oldest first, of a processor": (
        (
            "SELECT * FROM v_open_discrepancies WHERE processor_name = %(processor)s"
            " ORDER BY priority, business_date LIMIT 50"
        ),
        _processor_day,
    ),
    "open: of a processor-day": (
        (
            "SELECT * FROM v_open_discrepancies WHERE processor_name = %(processor)s AND business_date = %(day)s"
            " ORDER BY priority LIMIT 100"
        ),
        _processor_day,
    ),
    "open: of a transaction id": (
        "SELECT * FROM v_open_discrepancies WHERE transaction_id = %(transaction)s",
        _transaction,
    ),
    "recent: README, latest 10": ("SELECT * FROM v_recent_reconciliations LIMIT 10", _nothing),
    "recent: latest 50": ("SELECT * FROM v_recent_reconciliations LIMIT 50", _nothing),
    "recent: a processor's month": (
        (
            "SELECT * FROM v_recent_reconciliations WHERE processor_name = %(processor)s"
            " AND run_date >= %(month)s AND run_date < %(month)s + interval '1 month'"
        ),
        _processor_day,
    ),
    "recent: one day": ("SELECT * FROM v_recent_reconciliations WHERE run_date = %(day)s", _processor_day),
    "metrics: of a day": ("SELECT * FROM v_daily_reconciliation_metrics WHERE run_date = %(day)s", _processor_day),
    "metrics: of 30 days": (
        (
            "SELECT * FROM v_daily_reconciliation_metrics WHERE run_date BETWEEN %(thirty_days_before)s AND %(day)s"
            " ORDER BY run_date, currency"
        ),
        _processor_day,
    ),
    "checks: latest 30 of a check": (
        "SELECT * FROM v_check_history WHERE check_name = %(check)s ORDER BY checked_at DESC LIMIT 30",
        _processor_day,
    ),
    "checks: latest 30 of a check of a processor": (
        (
            "SELECT * FROM v_check_history WHERE check_name = %(check)s AND processor_name = %(processor)s"
            " ORDER BY checked_at DESC LIMIT 30"
        ),
        _processor_day,
    ),
    "checks: of a processor-day": (
        "SELECT * FROM v_check_history WHERE processor_name = %(processor)s AND business_date = %(day)s",
        _processor_day,
    ),
}


def _take(connection: TenantConnection, _: random.Random, __: Known) -> object:
    """What is taken is given back, so that the next question finds as much."""
    with connection.transaction(force_rollback=True):
        return take_messages(connection, kinds=list(MessageKind), limit=20, lease=timedelta(minutes=5))


def _take_unshipped(connection: TenantConnection, _: random.Random, __: Known) -> object:
    with connection.transaction(force_rollback=True):
        return take_unshipped(connection, limit=1)


def _begin(connection: TenantConnection, generator: random.Random, known: Known, *, published: bool) -> object:
    run = generator.choice([run for run in known.runs if run.has_answer])
    key = run.key if published else str(UUID(int=generator.getrandbits(128)))
    return begin_run(
        connection,
        processor=run.processor,
        business_date=run.day,
        idempotency_key=key,
        dagster_run_id=key,
        started_at=datetime.now(UTC),
    )


def _is_same(connection: TenantConnection, generator: random.Random, known: Known) -> object:
    run = generator.choice(known.runs)
    answer = replace(conclusion([], processor=run.processor), business_date=run.day)
    with connection.transaction():
        return _same_answer(connection, answer, Path("not read"), "other inputs")


def _state(days: int, *, all_processors: bool) -> Callable[[TenantConnection, random.Random, Known], object]:
    def ask(connection: TenantConnection, generator: random.Random, known: Known) -> object:
        last = _day(generator, known)
        names = known.extent.processor_names
        processors = names if all_processors else [generator.choice(names)]
        return latest_attempts(connection, processors=processors, since=last - timedelta(days=days), until=last)

    return ask


def _of_run(
    read: Callable[[TenantConnection, KnownRun], Any],
) -> Callable[[TenantConnection, random.Random, Known], object]:
    return lambda connection, generator, known: read(connection, generator.choice(known.runs))


def _scrape(connection: TenantConnection, known: Known) -> object:
    """All that `recon metrics` asks, of every processor."""
    until = known.extent.until
    since, ended_at = until - timedelta(days=known.extent.days), datetime.combine(until, time(), UTC)
    watched = [WatchedProcessor(name, since, until, ended_at) for name in known.extent.processor_names]
    return read_all(connection, watched, at=datetime.now(UTC))


_OF_THE_PROGRAM: Final[dict[str, Callable[[TenantConnection, random.Random, Known], object]]] = {
    "history.recent_runs, 10": lambda connection, _, __: recent_runs(connection, limit=10),
    "history.run_by_id": _of_run(lambda c, run: run_by_id(c, run.id)),
    "history.current_run": _of_run(lambda c, run: current_run(c, run.processor, run.day)),
    "history.run_of_dagster_run": _of_run(
        lambda c, run: run_of_dagster_run(c, run.processor, run.day, run.dagster_run_id)
    ),
    "history.latest_attempts, one day of a processor": _state(0, all_processors=False),
    "history.latest_attempts, 30 days of all": _state(30, all_processors=True),
    "discrepancies.discrepancies_of": _of_run(lambda c, run: discrepancies_of(c, run.id, limit=SHOWN_DISCREPANCIES)),
    "discrepancies.discrepancies_of, the days with the most": lambda connection, generator, known: discrepancies_of(
        connection, generator.choice(known.largest).id, limit=SHOWN_DISCREPANCIES
    ),
    "checks.outcomes_of": _of_run(
        lambda c, run: outcomes_of(c, dagster_run_id=run.dagster_run_id, processor=run.processor, business_date=run.day)
    ),
    "health.latest_health": lambda connection, _, __: latest_health(connection),
    "outbox.waiting": lambda connection, _, __: waiting(connection),
    "outbox.take_messages, 20, taken back": _take,
    "outbox.given_up, of 7 days": lambda connection, _, __: given_up(
        connection, list(MessageKind), since=datetime.now(UTC) - timedelta(days=7)
    ),
    "readings.read_all, a scrape": lambda connection, _, known: _scrape(connection, known),
    "archives.unshipped": lambda connection, _, __: unshipped(connection),
    "archives.take_unshipped, 1, taken back": _take_unshipped,
    "archives.archive_of": _of_run(lambda c, run: archive_of(c, run.id)),
    "archives.current_archive": _of_run(lambda c, run: current_archive(c, run.processor, run.day)),
    "archives.previous_day": _of_run(lambda c, run: previous_day(c, run.processor, run.day)),
    "archives.previous_version": _of_run(lambda c, run: previous_version(c, run.id)),
    "archives.checks_of_run": _of_run(lambda c, run: checks_of_run(c, run.id)),
    "runs.begin_run, key published before": lambda *asked: _begin(*asked, published=True),
    "runs.begin_run, new, committed": lambda *asked: _begin(*asked, published=False),
    "publication._same_answer, the look-up": _is_same,
}
