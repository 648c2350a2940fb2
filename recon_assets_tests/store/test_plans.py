"""Every question of the benchmark is answered from an index, and a question about a day reads one month.

Not here: how long the answers take (`recon_assets_tests/benchmarks`). Without sequential scans a small record is
planned as a large one is: what no index can answer still shows as a sequential scan.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from recon_assets.settings import DEFAULT_TENANT_ID
from recon_assets.store.database import open_database
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.benchmarks.filling import Extent, fill
from recon_assets_tests.benchmarks.plans import plan_of, shortened, statements_of
from recon_assets_tests.benchmarks.questions import Known, Question, known, questions
from recon_assets_tests.conftest import settings_on

QUESTIONS = {question.name: question for question in questions()}
EXTENT = Extent(until=date(2026, 3, 20), days=70, processors=3, other_processors=1, big_day=2_000, probes=20)
INDEXES = {
    "sql/queries/failed_checks.sql": {"checks_that_failed"},
    "sql/queries/missing_transactions.sql": {"missing_by_amount"},
    "sql/queries/recent_runs.sql": {"runs_by_start"},
    "missing: README, first 20": set(),
    "missing: of a processor-day": {"open_by_priority"},
    "missing: of a day": set(),
    "missing: of a transaction id": {"discrepancies_of_transaction"},
    "high value: first 50": {"missing_of_high_value"},
    "high value: newest 50": {"missing_of_high_value"},
    "high value: newest 50 of a processor": {"missing_of_high_value"},
    "high value: largest 50 of a currency": set(),
    "open: 50 most urgent, oldest first, of a processor": {"open_by_priority"},
    "open: of a processor-day": {"open_by_priority"},
    "open: of a transaction id": {"discrepancies_of_transaction"},
    "recent: README, latest 10": {"days_newest_first", "confirmations"},
    "recent: latest 50": {"days_newest_first", "confirmations"},
    "recent: a processor's month": {"confirmations"},
    "recent: one day": {"days_newest_first", "confirmations"},
    "metrics: of a day": {"reconciliation_proofs_pkey"},
    "metrics: of 30 days": {"reconciliation_proofs_pkey"},
    "checks: latest 30 of a check": {"history_of_a_check"},
    "checks: latest 30 of a check of a processor": set(),
    "checks: of a processor-day": {"checks_of_day"},
    "history.recent_runs, 10": {"runs_by_start"},
    "history.run_by_id": {"reconciliation_proofs_pkey"},
    "history.current_run": {"reconciliation_proofs_pkey"},
    "history.run_of_dagster_run": {"reconciliation_proofs_pkey"},
    "history.latest_attempts, one day of a processor": set(),
    "history.latest_attempts, 30 days of all": set(),
    "discrepancies.discrepancies_of": {"discrepancies_of_run"},
    "discrepancies.discrepancies_of, the days with the most": {"discrepancies_of_run"},
    "checks.outcomes_of": set(),
    "health.latest_health": {"health_of_component"},
    "outbox.waiting": {"messages_to_deliver"},
    "outbox.take_messages, 20, taken back": {"messages_to_deliver"},
    "outbox.given_up, of 7 days": {"messages_given_up"},
    "readings.read_all, a scrape": {"messages_given_up", "messages_to_deliver", "runs_by_start", "one_current_run"},
    "archives.unshipped": {"archives_to_ship"},
    "archives.take_unshipped, 1, taken back": {"archives_to_ship"},
    "archives.archive_of": {"one_archive_of_a_run"},
    "archives.current_archive": set(),
    "archives.previous_day": set(),
    "archives.previous_version": set(),
    "archives.checks_of_run": set(),
    "runs.begin_run, key published before": set(),
    "runs.begin_run, new, committed": set(),
    "publication._same_answer, the look-up": set(),
}
"""What must be among the indexes of the question's plan. Empty where several will do: then only none is wrong."""

OF_ONE_MONTH = [
    "missing: of a processor-day",
    "missing: of a day",
    "open: of a processor-day",
    "discrepancies.discrepancies_of",
]


pytestmark = pytest.mark.xdist_group("plans")  # filled once


@dataclass(frozen=True, slots=True)
class Filled:
    connection: TenantConnection
    known: Known
    parents: dict[str, str]


@pytest.fixture(scope="module")
def filled(server, new_database, tmp_path_factory) -> Iterator[Filled]:
    folder = tmp_path_factory.mktemp("filled")
    with open_database(settings_on(server, folder, name=new_database())) as database:
        with database.connect_as_migrator() as superuser:
            fill(superuser, EXTENT)
            drawn = known(superuser, EXTENT)
            parents = superuser.execute(
                "SELECT inhrelid::regclass::text, inhparent::regclass::text FROM pg_inherits"
            ).fetchall()
        with database.connect() as connection:
            yield Filled(connection, drawn, dict(parents))


@pytest.fixture
def connection(filled: Filled) -> TenantConnection:
    filled.connection.execute("SET enable_seqscan = off")
    filled.connection.commit()
    return filled.connection


def nodes_of(filled: Filled, question: Question) -> list[dict[str, Any]]:
    """Every node of the plans of all that the question asks the server."""
    found: list[dict[str, Any]] = []
    for text, parameters in statements_of(question, filled.connection, random.Random(7), filled.known):
        (plan,) = plan_of(filled.connection, text, parameters, options="FORMAT JSON")
        waiting = [entry["Plan"] for entry in (plan if isinstance(plan, list) else json.loads(plan))]
        while waiting:
            node = waiting.pop()
            found.append(node)
            waiting += node.get("Plans", [])
    return found


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_answered_from_its_indexes(filled: Filled, connection, name: str) -> None:
    nodes = nodes_of(filled, QUESTIONS[name])
    used = {node["Index Name"] for node in nodes if "Index Name" in node}
    assert {filled.parents.get(index, index) for index in used} >= INDEXES[name]
    assert used
    assert [node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"] == []


@pytest.mark.parametrize("name", ["outbox.given_up, of 7 days", "readings.read_all, a scrape"])
def test_of_a_message_that_was_given_up_one_key_is_looked_up_and_not_all(filled: Filled, connection, name: str) -> None:
    nodes = nodes_of(filled, QUESTIONS[name])
    (put_again,) = [node["Index Cond"] for node in nodes if node.get("Index Name") == "told_once"]
    assert "dedupe_key" in put_again


@pytest.mark.parametrize("name", OF_ONE_MONTH)
def test_a_question_about_a_day_reads_one_month(filled: Filled, connection, name: str) -> None:
    months = {node.get("Relation Name", "") for node in nodes_of(filled, QUESTIONS[name])}
    assert len({month for month in months if month.startswith("discrepancies_2")}) == 1


def test_a_plan_that_was_made_for_any_day_still_reads_one_month(filled: Filled, connection) -> None:
    """Clients that prepare their statements get such a plan after some executions."""
    with connection.transaction():
        connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        connection.execute(
            "PREPARE of_a_day AS SELECT * FROM missing_transactions WHERE processor_name = $1 AND transaction_date = $2"
        )
        plan = connection.execute("EXPLAIN EXECUTE of_a_day ('processor_1', '2026-02-03')").fetchall()
        connection.execute("DEALLOCATE of_a_day")
    months = {line.split(" on ")[1].split()[0] for (line,) in plan if " on discrepancies_2" in line}
    assert months == {"discrepancies_2026_02"}
    assert "Subplans Removed" in str(plan)


def test_every_index_of_the_discrepancies_answers_a_question(filled: Filled) -> None:
    with filled.connection.transaction():
        found = filled.connection.execute(
            "SELECT indexrelid::regclass::text FROM pg_index"
            " WHERE indrelid = 'discrepancies'::regclass AND NOT indisprimary"
        ).fetchall()
    assert {name for (name,) in found} <= set().union(*INDEXES.values())


def test_a_filled_record_has_its_guards_again(filled: Filled) -> None:
    with filled.connection.transaction():
        ways = filled.connection.execute(
            "SELECT DISTINCT tgenabled FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0"
        ).fetchall()
    assert ways == [("A",)]


def test_other_tenants_rows_are_not_in_the_answers(filled: Filled) -> None:
    with filled.connection.transaction():
        tenants = filled.connection.execute("SELECT DISTINCT tenant_id FROM v_recent_reconciliations").fetchall()
    assert tenants == [(DEFAULT_TENANT_ID,)]


def test_a_shortened_plan_counts_what_is_read_alike() -> None:
    plan = ["Append (actual rows=3 loops=1)", "  ->  Seq Scan on discrepancies_2026_01 d_1", "  Buffers: shared hit=1"]
    plan.append("  ->  Seq Scan on discrepancies_2026_02 d_2")
    assert shortened(plan) == ["Append", "  ->  Seq Scan on discrepancies_YYYY_MM d  [2 times]"]
