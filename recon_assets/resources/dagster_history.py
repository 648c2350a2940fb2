"""Dagster's history of assets and checks: what it knows of partitions, and telling it what happened without a run.

What belongs here: batches. `DagsterInstance.report_runless_asset_event` says the same one event at a time, in three to
four transactions each, which is minutes for a year; a test holds the rows of both side by side.
"""

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.events import DagsterEvent, DagsterEventType, StepMaterializationData
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.utils import RUNLESS_JOB_NAME, RUNLESS_RUN_ID
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._serdes import serialize_value
from sqlalchemy import Delete

_STATUS = {
    True: AssetCheckExecutionRecordStatus.SUCCEEDED.value,
    False: AssetCheckExecutionRecordStatus.FAILED.value,
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a check found on one partition. `metadata` as `dg.AssetCheckEvaluation` takes it."""

    check: dg.AssetCheckKey
    partition: str
    passed: bool
    severity: dg.AssetCheckSeverity
    blocking: bool
    description: str
    metadata: Mapping[str, Any]


class DagsterHistory:
    """The history that an instance keeps in SQL."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        storage = instance.event_log_storage
        assert isinstance(storage, SqlEventLogStorage), "dagster.yaml names a storage in PostgreSQL"
        self._instance, self._storage = instance, storage

    def materialised(self, key: dg.AssetKey) -> set[str]:
        """The partitions of an asset that Dagster has a materialisation of, or a report of one."""
        return self._instance.get_materialized_partitions(key)

    def evaluated(
        self, checks: Collection[dg.AssetCheckKey], partitions: Collection[str]
    ) -> set[tuple[dg.AssetCheckKey, str]]:
        """Which of these checks Dagster has an evaluation of, by partition; one that was only planned is none."""
        found = self._storage.get_asset_check_partition_info(list(checks), partition_keys=list(partitions))
        return {
            (info.check_key, info.partition_key)
            for info in found
            if info.partition_key is not None
            and info.latest_execution_status is not AssetCheckExecutionRecordStatus.PLANNED
        }

    def report_materialisations(self, materialisations: Sequence[dg.AssetMaterialization]) -> None:
        """Tell of partitions of one asset, the newest last: it is the one that the asset's page shows."""
        assert len({event.asset_key for event in materialisations}) <= 1, "Dagster keeps the last event of a batch only"
        if materialisations:
            self._storage.store_event_batch(
                [
                    _entry(DagsterEventType.ASSET_MATERIALIZATION, StepMaterializationData(event))
                    for event in materialisations
                ]
            )

    def report_evaluations(self, evaluations: Sequence[Evaluation]) -> None:
        """Tell what checks of one asset found, each aimed at the newest materialisation of its partition.

        A partition without any keeps an evaluation that is aimed at nothing.
        """
        if not evaluations:
            return
        keys = {evaluation.check.asset_key for evaluation in evaluations}
        assert len(keys) == 1, "the checks of one asset at a time"
        targets = self._targets(keys.pop(), {evaluation.partition for evaluation in evaluations})
        said = [_said(evaluation, targets.get(evaluation.partition)) for evaluation in evaluations]
        entries = [_entry(DagsterEventType.ASSET_CHECK_EVALUATION, event) for event in said]
        with self._storage.index_connection() as connection:
            inserted = connection.execute(
                self._storage.prepare_insert_event_batch(entries).returning(SqlEventLogStorageTable.c.id)
            )
            event_ids = [row[0] for row in inserted.fetchall()]
            connection.execute(_reported_before(said))
            connection.execute(
                AssetCheckExecutionsTable.insert().values(
                    [
                        self._row(event, entry, event_id)
                        for event, entry, event_id in zip(said, entries, event_ids, strict=True)
                    ]
                )
            )

    def _targets(
        self, key: dg.AssetKey, partitions: set[str]
    ) -> Mapping[str, AssetCheckEvaluationTargetMaterializationData]:
        newest = self._storage.get_latest_storage_id_by_partition(
            key, DagsterEventType.ASSET_MATERIALIZATION, partitions
        )
        if not newest:
            return {}
        records = self._instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, storage_ids=list(newest.values())), limit=len(newest)
        ).records
        return {
            str(record.partition_key): AssetCheckEvaluationTargetMaterializationData(
                run_id=record.run_id, storage_id=record.storage_id, timestamp=record.timestamp
            )
            for record in records
        }

    def _row(self, event: dg.AssetCheckEvaluation, entry: EventLogEntry, event_id: int) -> dict[str, object]:
        target = event.target_materialization_data
        return {
            "asset_key": event.asset_key.to_string(),
            "check_name": event.check_name,
            "run_id": entry.run_id,
            "execution_status": _STATUS[event.passed],
            "evaluation_event": serialize_value(entry),
            "evaluation_event_timestamp": _without_zone(entry.timestamp),
            "evaluation_event_storage_id": event_id,
            "materialization_event_storage_id": target.storage_id if target else None,
            "partition": event.partition,
        }


def _said(
    evaluation: Evaluation, target: AssetCheckEvaluationTargetMaterializationData | None
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=evaluation.check.asset_key,
        check_name=evaluation.check.name,
        passed=evaluation.passed,
        metadata=dict(evaluation.metadata),
        target_materialization_data=target,
        severity=evaluation.severity,
        description=evaluation.description,
        blocking=evaluation.blocking,
        partition=evaluation.partition,
    )


def _reported_before(said: Sequence[dg.AssetCheckEvaluation]) -> Delete:
    """Dagster lets a check have one report without a run per partition, and refuses the next: that takes its place."""
    columns = AssetCheckExecutionsTable.c
    return AssetCheckExecutionsTable.delete().where(
        columns.run_id == RUNLESS_RUN_ID,
        columns.asset_key == said[0].asset_key.to_string(),
        columns.check_name.in_({event.check_name for event in said}),
        columns.partition.in_({event.partition for event in said}),
    )


def _without_zone(timestamp: float) -> datetime:
    """As Dagster's tables keep instants: in UTC, without saying so."""
    return datetime.fromtimestamp(timestamp, UTC).replace(tzinfo=None)


def _entry(kind: DagsterEventType, payload: StepMaterializationData | dg.AssetCheckEvaluation) -> EventLogEntry:
    """As `DagsterInstance.report_dagster_event` writes it."""
    return EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level=logging.INFO,
        user_message="",
        run_id=RUNLESS_RUN_ID,
        timestamp=time.time(),
        job_name=RUNLESS_JOB_NAME,
        dagster_event=DagsterEvent(event_type_value=kind.value, event_specific_data=payload, job_name=RUNLESS_JOB_NAME),
    )
