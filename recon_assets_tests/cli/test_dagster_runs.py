"""What a run of the command line leaves in Dagster's database, beside what Dagster itself would have written."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from alembic.script import ScriptDirectory
from dagster._core.instance.ref import InstanceRef
from dagster_postgres import storage as dagster_storage
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.utils import pg_alembic_config

from recon_assets.assets.run_tags import LAUNCHED_BY
from recon_assets.cli.dagster_runs import Runner, dagster_instance
from recon_assets.domain.errors import StoreUnavailable
from recon_assets.resources.run_history.tables import KNOWN_REVISION
from recon_assets.settings import Settings
from recon_assets.store.database import Database, open_database
from recon_assets_tests.integration.deployments import HEADER, with_configuration

FIRST, SECOND, BROKEN = date(2025, 9, 28), date(2025, 9, 29), date(2025, 9, 30)

OF_ITS_RUN = {
    "runs": "SELECT pipeline_name, status, partition, partition_set, snapshot_id, backfill_id, run_body,"
    " create_timestamp <= update_timestamp, start_time <= end_time FROM runs WHERE run_id = %s",
    "run_tags": "SELECT key, value FROM run_tags WHERE run_id = %s ORDER BY key",
    "event_logs": "SELECT event, dagster_event_type, step_key, asset_key, partition,"
    " timestamp > now() - interval '1 hour' FROM event_logs WHERE run_id = %s ORDER BY id",
    "asset_event_tags": "SELECT t.asset_key, t.key, length(t.value) FROM asset_event_tags AS t"
    " JOIN event_logs AS e ON e.id = t.event_id WHERE e.run_id = %s ORDER BY t.id",
    "asset_keys": "SELECT asset_key, last_materialization, wipe_timestamp FROM asset_keys WHERE last_run_id = %s"
    " ORDER BY asset_key",
    "asset_check_executions": "SELECT c.asset_key, check_name, c.partition, execution_status, evaluation_event,"
    " m.dagster_event_type, m.asset_key, m.partition, e.dagster_event_type FROM asset_check_executions AS c"
    " LEFT JOIN event_logs AS m ON m.id = materialization_event_storage_id AND m.run_id = c.run_id"
    " LEFT JOIN event_logs AS e ON e.id = evaluation_event_storage_id AND e.run_id = c.run_id"
    " WHERE c.run_id = %s ORDER BY c.asset_key, check_name",
}

OF_ITS_TIME = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}|\d+(\.\d+)?m?s\b|\d+\.\d+(e-\d+)?"
    r"|\"\d+\"|(?<=: )\d+|(?<=\"log_key\": \")[a-z]+"
)


@pytest.fixture
def shop(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Two days that agree and one that can't be read; Dagster's own storage finds its place in the environment."""
    deployment = with_configuration(settings, tmp_path)
    for day in (FIRST, SECOND):
        text = f"{HEADER}\na-{day},12.34,USD,completed,{day}T10:00:00Z\n"
        deployment.files_processor("shop", processor=text, ledger=text, day=day)
    deployment.files_processor("shop", processor="no,such,columns\n1,2,3\n", ledger=text, day=BROKEN)
    for name, value in deployment.environment().items():
        monkeypatch.setenv(name, value)
    return deployment.settings


def dagsters_own(settings: Settings) -> dg.DagsterInstance:
    folder = settings.data_dir / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    no_capture = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
    overrides = {"compute_logs": {**no_capture, "config": {}}}
    return dg.DagsterInstance.from_ref(
        InstanceRef.from_dir(str(folder), config_dir=str(settings.home), overrides=overrides)
    )


def rows(database: Database, run_id: str) -> dict[str, list[Any]]:
    """Every row of a run, without what is another one's by nature: ids, times, durations, digests, counts of bytes."""
    with database.connect_to_dagster() as connection:
        return {
            table: [_compared(row) for row in connection.execute(statement.encode(), [run_id]).fetchall()]
            for table, statement in OF_ITS_RUN.items()
        }


def _compared(row: tuple[Any, ...]) -> list[Any]:
    return [OF_ITS_TIME.sub("*", value) if isinstance(value, str) else value for value in row]


@pytest.mark.parametrize("day", [FIRST, BROKEN])
def test_a_run_has_the_rows_that_dagster_itself_would_have_written(shop: Settings, day: date) -> None:
    with open_database(shop) as database:
        with dagsters_own(shop) as instance:
            theirs = Runner(shop, instance).run("shop", day)
            expected = rows(database, theirs.dagster_run_id)
        with dagster_instance(shop) as instance:
            ours = Runner(shop, instance).run("shop", day)
        found = rows(database, ours.dagster_run_id)

    assert ours.success == theirs.success == (day == FIRST)
    assert len(expected["event_logs"]) > 30, "a run says much"
    assert {table: len(of) for table, of in found.items()} == {table: len(of) for table, of in expected.items()}
    for table, of in expected.items():
        for theirs_row, our_row in zip(of, found[table], strict=True):
            assert our_row == theirs_row, table


def test_the_tables_that_are_written_are_those_of_the_installed_dagster() -> None:
    script = ScriptDirectory.from_config(pg_alembic_config(dagster_storage.__file__))
    assert script.get_current_head() == KNOWN_REVISION


def test_tables_of_another_version_are_left_to_dagster(shop: Settings) -> None:
    with open_database(shop) as database:
        with dagster_instance(shop):
            pass
        with database.connect_to_dagster() as connection:
            connection.execute("UPDATE alembic_version SET version_num = 'another'")
            try:
                with dagster_instance(shop) as instance:
                    assert Runner(shop, instance).run("shop", FIRST).success
                    assert isinstance(instance.event_log_storage, PostgresEventLogStorage), "Dagster writes its tables"
            finally:
                connection.execute("UPDATE alembic_version SET version_num = %s", [KNOWN_REVISION])


def test_a_lost_connection_to_dagsters_database_says_what_to_do_and_the_next_day_has_a_new_one(shop: Settings) -> None:
    with open_database(shop) as database, dagster_instance(shop) as instance:
        runner = Runner(shop, instance)
        assert runner.run("shop", FIRST).success
        with database.connect_as_migrator() as other:
            other.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'dagster'")
        with pytest.raises(StoreUnavailable, match="the database went away while shop 2025-09-29 was run"):
            runner.run("shop", SECOND)
        assert runner.run("shop", SECOND).success


def test_a_run_whose_process_died_is_told_as_failed_by_the_next_of_its_day(shop: Settings) -> None:
    with open_database(shop) as database, dagster_instance(shop) as instance:
        runner = Runner(shop, instance)
        finished = runner.run("shop", FIRST)
        with database.connect_to_dagster() as connection:  # as the process would have left it: begun, and no more
            connection.execute("DELETE FROM event_logs WHERE run_id = %s", [finished.dagster_run_id])
            connection.execute("UPDATE runs SET status = 'STARTED' WHERE run_id = %s", [finished.dagster_run_id])
        assert runner.run("shop", FIRST).success
        dead = instance.get_run_by_id(finished.dagster_run_id)
        events = instance.all_logs(finished.dagster_run_id)

    assert dead is not None
    assert dead.status is dg.DagsterRunStatus.FAILURE
    assert dead.tags[LAUNCHED_BY] == "command line"
    assert [event.message for event in events] == ["The process of this run is gone: it was killed."]
