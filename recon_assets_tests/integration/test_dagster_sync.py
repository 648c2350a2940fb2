"""`recon dagster-sync`: Dagster's storage is emptied, the answers stay, and the command tells Dagster of them again."""

import hashlib
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import dagster as dg
import psycopg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from recon_assets.assembly import build_definitions
from recon_assets.assets.from_record import THE_RECORD
from recon_assets.cli.dagster_runs import dagsters_own_instance
from recon_assets.resources.dagster_history import DagsterHistory, Evaluation
from recon_assets.settings import Settings
from recon_assets.store.database import open_database
from recon_assets_tests.integration.deployments import HEADER, Deployment, with_configuration

FIRST = date(2025, 9, 5)
DAYS = [FIRST + timedelta(days=number) for number in range(3)]
SHORT_DAY = DAYS[1]
CHECKS = {
    "raw_processor_feed": ("feed_is_complete",),
    "raw_ledger_feed": ("feed_is_complete",),
    "transactions": ("every_record_was_read", "schema_holds", "ids_are_unique", "records_lie_in_the_business_day"),
    "ledger_entries": ("every_record_was_read", "schema_holds", "ids_are_unique", "records_lie_in_the_business_day"),
    "discrepancies": ("proof_residual_is_zero", "days_around_are_known"),
    "report": ("report_totals_agree",),
    "archive": ("reconciliation_is_proven",),
}
NEWS = "3 of 3 answers were news, reported by 21 materialisations and"
NO_NEWS = "0 of 3 answers were news, reported by 0 materialisations and 0 check evaluations"
ANSWERS = """
    SELECT run_date, version, status, verdict, discrepancy_count, manifest_sha256, dagster_run_id
    FROM reconciliation_runs ORDER BY run_date, version
"""


@pytest.fixture
def shop(settings: Settings, tmp_path: Path) -> Deployment:
    """Three days of both sides by files, run; one of them has an entry that our ledger lacks.

    Dagster's database is one for all tests of a server, and others have a processor of this name: it is emptied first.
    """
    empty_dagster(settings)
    deployment = with_configuration(settings, tmp_path).files_processor("shop", processor=None, ledger=None)
    for day in DAYS:
        for side in ("processor", "ledger"):
            rows = [f"{name}-{day},12.34,USD,completed,{day}T10:00:00Z" for name in "ab"]
            if side == "ledger" and day == SHORT_DAY:
                rows.pop()
            folder = deployment.settings.feeds_dir / f"shop_{side}"
            (folder / f"{day}.csv").write_text("\n".join([HEADER, *rows, ""]))
    assert backfilled(deployment).returncode == 0
    return deployment


def backfilled(deployment: Deployment) -> CompletedProcess[str]:
    return deployment.call("backfill", "--processors", "shop", "--from", str(DAYS[0]), "--to", str(DAYS[-1]))


def synced(deployment: Deployment, *more: str) -> str:
    done = deployment.call("dagster-sync", *more, COLUMNS="200")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def empty_dagster(settings: Settings) -> None:
    """Drop the database of Dagster's storage, as somebody does who starts it anew."""
    with open_database(settings) as database:
        info = psycopg.conninfo.conninfo_to_dict(database.dagster_url.replace("postgresql+psycopg2", "postgresql"))
        name = str(info["dbname"])
    with psycopg.connect(host=settings.db_host, user="postgres", dbname="postgres", autocommit=True) as admin:
        owner = admin.execute("SELECT datdba::regrole::text FROM pg_database WHERE datname = %s", [name]).fetchone()
        assert owner is not None
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
        admin.execute(f'CREATE DATABASE "{name}" OWNER {owner[0]}'.encode())


@contextmanager
def dagster(deployment: Deployment) -> Iterator[dg.DagsterInstance]:
    with deployment._as_if_started((), {}), dagsters_own_instance(deployment.settings) as instance:
        yield instance


def told(deployment: Deployment) -> tuple[str, ...]:
    """What the product says of its days: the tables of `status` and `show`, and the rows themselves."""
    shown = [deployment.call("show", "shop", str(day), COLUMNS="200").stdout for day in DAYS]
    return (deployment.call("status", COLUMNS="200").stdout, *shown, str(deployment.query(ANSWERS)))


def test_with_dagsters_storage_emptied_the_answers_are_the_same_and_dagster_is_told_of_them_again(
    shop: Deployment,
) -> None:
    before = told(shop)
    with dagster(shop) as instance:
        checks_before = evaluations(instance)

    empty_dagster(shop.settings)
    assert told(shop) == before
    with dagster(shop) as instance:
        assert not instance.get_materialized_partitions(dg.AssetKey(["shop", "report"]))

    assert NEWS in synced(shop)
    assert told(shop) == before
    with dagster(shop) as instance:
        for stage in CHECKS:
            assert instance.get_materialized_partitions(dg.AssetKey(["shop", stage])) == set(map(str, DAYS))
        assert evaluations(instance) == checks_before
        assert NO_NEWS in synced(shop)
        assert NEWS in synced(shop, "--force")


def evaluations(instance: dg.DagsterInstance) -> set[tuple[str, str, str, bool]]:
    """By asset, check and partition the status, and whether it counts for what was materialised last."""
    keys = [dg.AssetCheckKey(dg.AssetKey(["shop", stage]), name) for stage, names in CHECKS.items() for name in names]
    return {
        (info.check_key.to_user_string(), str(info.partition_key), info.latest_execution_status.value, info.is_current)
        for info in instance.event_log_storage.get_asset_check_partition_info(keys)
    }


def test_a_report_says_what_the_record_and_the_manifest_say_and_that_it_is_no_run(shop: Deployment) -> None:
    empty_dagster(shop.settings)
    synced(shop, "--from", str(SHORT_DAY))
    answer = shop.newest("shop", SHORT_DAY)
    with dagster(shop) as instance:
        discrepancies = newest_materialisation(instance, "discrepancies")
        raw = newest_materialisation(instance, "raw_processor_feed")
        archive = newest_materialisation(instance, "archive")
        assert instance.get_materialized_partitions(dg.AssetKey(["shop", "report"])) == set(map(str, DAYS[1:]))

    assert discrepancies["reported_from"] == THE_RECORD
    assert discrepancies["made_by_dagster_run"] == answer.dagster_run_id
    assert (discrepancies["run_id"], discrepancies["version"]) == (str(answer.id), 1)
    assert (discrepancies["verdict"], discrepancies["discrepancies"]) == ("discrepancies", 1)
    assert discrepancies["money_at_stake"] == "12.34 USD"
    (file,) = raw["files"]
    source = shop.settings.feeds_dir / "shop_processor" / f"{SHORT_DAY}.csv"
    assert (file["bytes"], file["sha256"]) == (source.stat().st_size, hashlib.sha256(source.read_bytes()).hexdigest())
    assert [(archive["manifest_sha256"],)] == shop.query(
        f"SELECT manifest_sha256 FROM reconciliation_runs WHERE is_current AND run_date = '{SHORT_DAY}'"
    )


def test_without_its_archive_a_day_is_reported_without_files_and_after_it_a_stage_finds_what_went_before(
    shop: Deployment,
) -> None:
    shutil.rmtree(shop.settings.archive_dir)
    empty_dagster(shop.settings)
    assert NEWS in synced(shop)
    with dagster(shop) as instance:
        assert "files" not in newest_materialisation(instance, "raw_processor_feed")
        job = build_definitions(shop.settings).resolve_job_def("reconcile_shop")
        report = [dg.AssetKey(["shop", "report"])]
        assert job.execute_in_process(instance=instance, partition_key=str(SHORT_DAY), asset_selection=report).success
        assert len(instance.get_runs()) == 1
    assert NO_NEWS in synced(shop)


def test_what_a_broken_off_report_left_is_reported_by_the_next(shop: Deployment) -> None:
    empty_dagster(shop.settings)
    with dagster(shop) as instance:
        for day in DAYS:
            key = dg.AssetKey(["shop", "report"])
            instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=str(day)))
    assert "3 of 3 answers were news, reported by 18 materialisations and 42 check evaluations" in synced(shop)
    with dagster(shop) as instance:
        assert all(is_current for *_, is_current in evaluations(instance))


def test_the_rows_of_a_batch_are_those_that_dagster_writes_for_one_report(shop: Deployment) -> None:
    empty_dagster(shop.settings)
    key = dg.AssetKey(["shop", "report"])
    check = dg.AssetCheckKey(key, "report_totals_agree")
    with dagster(shop) as instance:
        history = DagsterHistory(instance)
        instance.report_runless_asset_event(dg.AssetMaterialization(key, partition="2025-09-05"))
        (record,) = instance.fetch_materializations(key, limit=1).records
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=key,
                check_name=check.name,
                passed=False,
                metadata={"rows_checked": 1},
                target_materialization_data=AssetCheckEvaluationTargetMaterializationData(
                    run_id=record.run_id, storage_id=record.storage_id, timestamp=record.timestamp
                ),
                severity=dg.AssetCheckSeverity.WARN,
                description="a total differs",
                blocking=True,
                partition="2025-09-05",
            )
        )
        history.report_materialisations([dg.AssetMaterialization(key, partition="2025-09-06")])
        history.report_evaluations(
            [
                Evaluation(
                    check=check,
                    partition="2025-09-06",
                    passed=False,
                    severity=dg.AssetCheckSeverity.WARN,
                    blocking=True,
                    description="a total differs",
                    metadata={"rows_checked": 1},
                )
            ]
        )
        one, other = rows_of_dagster(instance, "2025-09-05"), rows_of_dagster(instance, "2025-09-06")
    assert len(one) == 3
    assert other == one


def rows_of_dagster(instance: dg.DagsterInstance, partition: str) -> list[str]:
    """Events and executions of a partition, without what differs by nature: numbers, instants, the day itself."""
    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)
    with storage.index_connection() as connection:
        rows = [
            *connection.execute(
                SqlEventLogStorageTable.select().where(SqlEventLogStorageTable.c.partition == partition).order_by("id")
            ),
            *connection.execute(
                SqlEventLogStorageTable.select()
                .where(SqlEventLogStorageTable.c.dagster_event_type == "ASSET_CHECK_EVALUATION")
                .where(SqlEventLogStorageTable.c.event.contains(partition))
            ),
            *connection.execute(
                AssetCheckExecutionsTable.select().where(AssetCheckExecutionsTable.c.partition == partition)
            ),
        ]
    numbers = re.compile(r"\d{4}-\d\d-\d\d[ T][\d:.]+|\d{10}\.\d+|datetime\([^)]*\)|2025-09-0\d|\b\d+\b(?=[,}])")
    return [
        numbers.sub("…", str({name: value for name, value in row._mapping.items() if name not in NUMBERS}))
        for row in rows
    ]


NUMBERS = {
    "id",
    "timestamp",
    "evaluation_event_timestamp",
    "create_timestamp",
    "evaluation_event_storage_id",
    "materialization_event_storage_id",
}


def newest_materialisation(instance: dg.DagsterInstance, stage: str) -> dict[str, Any]:
    """Its metadata of the short day."""
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey(["shop", stage]), asset_partitions=[str(SHORT_DAY)]), limit=1
    ).records
    event = records[0].asset_materialization
    assert event is not None
    return {
        name: [row.data for row in value.records] if isinstance(value, dg.TableMetadataValue) else value.value
        for name, value in event.metadata.items()
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--processors", "nobody"), "unknown processor: nobody. Configured: shop."),
        (("--from", "2025-09-07", "--to", "2025-09-05"), "--from 2025-09-07 is after --to 2025-09-05."),
    ],
)
def test_a_range_or_processor_that_is_not_there_is_wrong_usage(
    settings: Settings, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    deployment = with_configuration(settings, tmp_path).files_processor("shop", processor=None, ledger=None)
    refused = deployment.call("dagster-sync", *arguments)
    assert (refused.returncode, refused.stderr) == (2, f"recon: {sentence}\n")
