"""Dagster's history of years, written in batches: for the benchmark of the webserver. Not here: the record (`filling`).

For every asset of every processor and day a materialisation with figures, for each of its checks an evaluation, and
for every processor-day a run. One day in 50 has a check that failed. No run has events of its own: their pages are not
asked.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

import dagster as dg
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.storage.dagster_run import DagsterRun, DagsterRunStatus
from dagster._core.storage.runs.schema import RunsTable, RunTagsTable
from dagster._serdes import serialize_value

from recon_assets.reports.dagster_pages import STAGES
from recon_assets.resources.dagster_history import DagsterHistory, Evaluation

RUNS: Final = UUID("7d6a8a2e-0000-4000-8000-000000000000")
TOOK: Final = timedelta(seconds=9)


def fill_dagster(
    instance: dg.DagsterInstance,
    definitions: dg.Definitions,
    processors: Sequence[str],
    days: Sequence[date],
    *,
    location: GrpcServerCodeLocationOrigin,
) -> tuple[int, int, int]:
    """How many materialisations, evaluations and runs were written; the runs are of jobs of that code location."""
    history = DagsterHistory(instance)
    graph = definitions.get_repository_def().asset_graph
    materialisations = evaluations = 0
    for processor in processors:
        for stage in STAGES:
            key = dg.AssetKey([processor, stage])
            history.report_materialisations([_materialisation(key, day) for day in days])
            materialisations += len(days)
            for check in graph.get_check_keys_for_assets({key}):
                found = [_evaluation(check, day, number) for number, day in enumerate(days)]
                history.report_evaluations(found)
                evaluations += len(found)
    return materialisations, evaluations, _fill_runs(instance, _runs(processors, days, location))


def run_id(processor: str, day: date) -> str:
    """The same whenever it is asked."""
    return str(uuid5(RUNS, f"{processor} {day}"))


def _materialisation(key: dg.AssetKey, day: date) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        key,
        partition=day.isoformat(),
        metadata={
            "verdict": "discrepancies",
            "rows": 20_000,
            "bytes": 4_000_000,
            "seconds": 1.5,
            "discrepancies": 5,
            "at_stake_minor_USD": 1_995,
            "sha256": "4" * 64,
            "run_id": run_id(key.path[0], day),
            "folder": dg.MetadataValue.path(f"reports/{day}/{key.path[0]}"),
        },
    )


def _evaluation(check: dg.AssetCheckKey, day: date, number: int) -> Evaluation:
    passed = number % 50 != 7
    return Evaluation(
        check=check,
        partition=day.isoformat(),
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR,
        blocking=False,
        description="Every row is as the schema says." if passed else "the ledger feed is empty, the other is not (1)",
        metadata={"rows_checked": 20_000, "failed_rows": 0 if passed else 1},
    )


def _fill_runs(instance: dg.DagsterInstance, made: Iterable[tuple[DagsterRun, datetime]]) -> int:
    """Straight into the tables: Dagster's own way is four statements a run."""
    runs = list(made)
    with instance.run_storage.connect() as connection:  # type: ignore[attr-defined]
        connection.execute(
            RunsTable.insert(),
            [
                {
                    "run_id": run.run_id,
                    "pipeline_name": run.job_name,
                    "status": run.status.value,
                    "run_body": serialize_value(run),
                    "partition": run.tags["dagster/partition"],
                    "create_timestamp": began.replace(tzinfo=None),
                    "update_timestamp": began.replace(tzinfo=None) + TOOK,
                    "start_time": began.timestamp(),
                    "end_time": (began + TOOK).timestamp(),
                }
                for run, began in runs
            ],
        )
        connection.execute(
            RunTagsTable.insert(),
            [{"run_id": run.run_id, "key": key, "value": value} for run, _ in runs for key, value in run.tags.items()],
        )
    return len(runs)


def _runs(
    processors: Sequence[str], days: Sequence[date], location: GrpcServerCodeLocationOrigin
) -> Iterator[tuple[DagsterRun, datetime]]:
    repository = RemoteRepositoryOrigin(location, "__repository__")
    newest = datetime.now(UTC) - timedelta(hours=1)  # so that the overview, which looks back some hours, shows it
    for number, day in enumerate(days):
        for processor in processors:
            run = DagsterRun(
                job_name=f"reconcile_{processor}",
                run_id=run_id(processor, day),
                status=DagsterRunStatus.FAILURE if number % 50 == 7 else DagsterRunStatus.SUCCESS,
                remote_job_origin=RemoteJobOrigin(repository, f"reconcile_{processor}"),
                tags={"dagster/partition": day.isoformat(), "processor": processor},
            )
            yield run, newest - timedelta(days=len(days) - 1 - number)
