"""The states of checks by day, for the pages of checks and the graph, in one go.

Dagster unites the outcomes of a check day by day, for each request anew: with three years of days that is seconds of a
page. The same outcomes, sorted by what they are and made a set of days once, give the same states.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import dagster as dg
from dagster._core.asset_graph_view.serializable_entity_subset import SerializableEntitySubset
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecordStatus,
    AssetCheckExecutionResolvedStatus,
    AssetCheckPartitionInfo,
)
from dagster._core.storage.asset_check_state import AssetCheckState
from dagster_postgres.event_log import PostgresEventLogStorage

_CONCLUDED: Final = {
    AssetCheckExecutionRecordStatus.SUCCEEDED: AssetCheckExecutionResolvedStatus.SUCCEEDED,
    AssetCheckExecutionRecordStatus.FAILED: AssetCheckExecutionResolvedStatus.FAILED,
}


class ReconEventLogStorage(PostgresEventLogStorage):
    """Dagster's PostgreSQL events; only the states of checks are computed otherwise, to the same."""

    def get_asset_check_state(
        self, keys: Sequence[tuple[dg.AssetCheckKey, dg.PartitionsDefinition | None]]
    ) -> Mapping[dg.AssetCheckKey, AssetCheckState]:
        """Which days succeeded, failed, or are being checked, by check. What Dagster's own method gives."""
        found: defaultdict[dg.AssetCheckKey, list[AssetCheckPartitionInfo]] = defaultdict(list)
        for info in self.get_asset_check_partition_info([key for key, _ in keys]):
            found[info.check_key].append(info)
        at_once = {
            key: _state(key, days, found[key])
            for key, days in keys
            if days is not None and all(info.latest_execution_status in _CONCLUDED for info in found[key])
        }
        others = [(key, days) for key, days in keys if key not in at_once]  # of a run that goes on: its state counts
        return at_once | dict(super().get_asset_check_state(others)) if others else at_once


def _state(
    key: dg.AssetCheckKey, days: dg.PartitionsDefinition, found: Iterable[AssetCheckPartitionInfo]
) -> AssetCheckState:
    """Of outcomes that are all known, one a day. A day that was materialised again since has no state."""
    newest = 0
    concluded: defaultdict[AssetCheckExecutionResolvedStatus, list[str]] = defaultdict(list)
    for info in found:
        newest = max(newest, info.latest_check_event_storage_id, info.latest_materialization_storage_id or 0)
        day = info.partition_key
        if day is not None and info.is_current and days.has_partition_key(day):
            concluded[_CONCLUDED[info.latest_execution_status]].append(day)
    return AssetCheckState(
        latest_storage_id=newest,
        subsets={
            status: SerializableEntitySubset.from_coercible_value(key, concluded[status], days)
            if status in concluded
            else SerializableEntitySubset.empty(key, days)
            for status in AssetCheckExecutionResolvedStatus
        },
        in_progress_runs={},
    )
