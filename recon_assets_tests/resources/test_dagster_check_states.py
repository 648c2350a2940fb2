"""The states of checks by day are Dagster's own, although they are computed in one go."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import dagster as dg
import pytest
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionResolvedStatus as Status
from dagster._core.storage.asset_check_state import AssetCheckState, bulk_update_asset_check_state

from recon_assets.resources.dagster_check_states import ReconEventLogStorage
from recon_assets.resources.dagster_history import DagsterHistory, Evaluation
from recon_assets.settings import Settings
from recon_assets_tests.integration.deployments import Deployment

pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")

DAYS: Final = dg.DailyPartitionsDefinition("2025-09-01", end_date="2025-09-12")
ASSET: Final = dg.AssetKey(["states_of_checks", "asset"])
BY_DAY: Final = dg.AssetCheckKey(ASSET, "by_day")
WHOLE: Final = dg.AssetCheckKey(ASSET, "whole")
NEVER: Final = dg.AssetCheckKey(ASSET, "never")
DAGSTER_YAML: Final = """
storage: {custom: {module: recon_assets.resources.dagster_storage, class: ReconDagsterStorage, config: {}}}
telemetry: {enabled: false}
"""


@pytest.fixture
def instance(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    for name, value in Deployment(settings).environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "dagster.yaml").write_text(DAGSTER_YAML)
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        instance.wipe_assets([ASSET])
        yield instance


def materialised(instance: dg.DagsterInstance, *days: str) -> None:
    DagsterHistory(instance).report_materialisations([dg.AssetMaterialization(ASSET, partition=day) for day in days])


def evaluated(instance: dg.DagsterInstance, outcomes: Mapping[str, bool]) -> None:
    DagsterHistory(instance).report_evaluations(
        [
            Evaluation(BY_DAY, day, passed, dg.AssetCheckSeverity.ERROR, blocking=False, description="", metadata={})
            for day, passed in outcomes.items()
        ]
    )


def failed_before_its_check(instance: dg.DagsterInstance, day: str) -> None:
    """A run that was to check the day, and failed before."""

    @dg.asset(
        key=ASSET, partitions_def=DAYS, check_specs=[dg.AssetCheckSpec("by_day", asset=ASSET, partitions_def=DAYS)]
    )
    def asset():
        raise dg.Failure("before the check")

    assert not dg.materialize([asset], instance=instance, partition_key=day, raise_on_error=False).success


def told(
    instance: dg.DagsterInstance, days: dg.PartitionsDefinition = DAYS
) -> Mapping[dg.AssetCheckKey, AssetCheckState]:
    """What our storage says, which is what Dagster's says."""
    keys = [(BY_DAY, days), (WHOLE, None), (NEVER, days)]
    storage = instance.event_log_storage
    assert isinstance(storage, ReconEventLogStorage)
    ours = storage.get_asset_check_state(keys)
    assert ours == bulk_update_asset_check_state(instance, keys, {key: AssetCheckState.empty() for key, _ in keys})
    return ours


def days_of(state: AssetCheckState) -> dict[Status, list[str]]:
    found = {status: sorted(subset.subset_value.get_partition_keys()) for status, subset in state.subsets.items()}
    return {status: days for status, days in found.items() if days}


def test_states_are_dagsters_whatever_happened_to_the_days(instance: dg.DagsterInstance) -> None:
    assert days_of(told(instance)[BY_DAY]) == {}

    materialised(instance, "2025-09-01", "2025-09-02", "2025-09-03", "2025-09-05", "2025-09-06")
    evaluated(instance, {"2025-09-01": True, "2025-09-02": True, "2025-09-03": False, "2025-09-05": False})
    evaluated(instance, {"2025-09-05": True, "2025-09-09": True})  # again, and one that aims at nothing
    materialised(instance, "2025-09-02")  # and its check did not look since
    instance.report_runless_asset_event(dg.AssetCheckEvaluation(ASSET, "whole", passed=True, metadata={}))
    states = told(instance)

    assert days_of(states[BY_DAY]) == {
        Status.SUCCEEDED: ["2025-09-01", "2025-09-05", "2025-09-09"],
        Status.FAILED: ["2025-09-03"],
    }
    assert days_of(states[NEVER]) == {}
    assert states[WHOLE].subsets[Status.SUCCEEDED].bool_value


def test_days_that_are_no_longer_among_the_partitions_have_no_state(instance: dg.DagsterInstance) -> None:
    materialised(instance, "2025-09-01", "2025-09-03")
    evaluated(instance, {"2025-09-01": True, "2025-09-03": True})

    states = told(instance, dg.DailyPartitionsDefinition("2025-09-02", end_date="2025-09-12"))

    assert days_of(states[BY_DAY]) == {Status.SUCCEEDED: ["2025-09-03"]}


def test_a_run_that_ended_without_an_outcome_is_told_as_such(instance: dg.DagsterInstance) -> None:
    materialised(instance, "2025-09-01")
    evaluated(instance, {"2025-09-01": True})
    failed_before_its_check(instance, "2025-09-04")

    assert days_of(told(instance)[BY_DAY]) == {
        Status.SUCCEEDED: ["2025-09-01"],
        Status.EXECUTION_FAILED: ["2025-09-04"],
    }
