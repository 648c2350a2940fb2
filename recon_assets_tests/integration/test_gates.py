"""A report or an archive is not made of a day whose gate failed, also when that stage is run alone and much later."""

from pathlib import Path
from uuid import UUID

import dagster as dg
import psycopg
import pytest

from recon_assets.assembly import build_definitions
from recon_assets.domain.checks import CheckOutcome, Severity
from recon_assets.settings import Settings
from recon_assets.store.checks import AssetOutcomes, link_outcomes_to_run, record_outcomes
from recon_assets.store.database import open_database
from recon_assets_tests.integration.deployments import SAMPLE_DAY, Deployment

GATES = [
    ("report", "discrepancies", "proof_residual_is_zero"),
    ("archive", "discrepancies", "proof_residual_is_zero"),
    ("archive", "report", "report_totals_agree"),
]


@pytest.fixture
def sample(settings: Settings) -> Deployment:
    return Deployment(settings)


def run_alone(deployment: Deployment, stage: str) -> bool:
    job = build_definitions(deployment.settings).resolve_job_def("reconcile_stripe")
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(
            instance=instance,
            partition_key=SAMPLE_DAY.isoformat(),
            asset_selection=[dg.AssetKey(["stripe", stage])],
            raise_on_error=False,
        ).success


def record(deployment: Deployment, run_id: UUID, *, stage: str, check: str, passed: bool, attempt: str) -> None:
    """As a later attempt of that stage would find it."""
    outcome = CheckOutcome(
        name=check,
        passed=passed,
        severity=Severity.ERROR,
        description="as a later attempt found it",
        failed_rules={} if passed else {"figures that do not add up": 1},
    )
    day = {"dagster_run_id": attempt, "processor": "stripe", "business_date": SAMPLE_DAY}
    with open_database(deployment.settings) as database, database.connect() as connection:
        record_outcomes(connection, AssetOutcomes(f"stripe/{stage}", [outcome]), **day)
        link_outcomes_to_run(connection, run_id=run_id, **day)


@pytest.mark.parametrize(("stage", "checked", "check"), GATES)
def test_a_stage_alone_is_refused_until_the_newest_outcome_of_its_gate_passes(
    sample: Deployment, stage: str, checked: str, check: str
) -> None:
    answer = sample.run("stripe").id
    before = files_of(sample.settings)
    record(sample, answer, stage=checked, check=check, passed=False, attempt="later")

    assert not run_alone(sample, stage)

    failed = sample.newest("stripe")
    assert (failed.status, failed.failed_stage) == ("failed", stage)
    assert f"the check {check} of this day did not pass" in (failed.failure_reason or "")
    assert "figures that do not add up" in (failed.failure_reason or "")
    assert f"Materialise stripe/{checked} for 2025-09-30 again" in (failed.failure_reason or "")
    assert files_of(sample.settings) == before, "nothing was written"
    assert sample.query("SELECT id FROM reconciliation_runs WHERE is_current") == [(answer,)]

    record(sample, answer, stage=checked, check=check, passed=True, attempt="mended")
    assert run_alone(sample, stage)


def test_an_archive_of_a_report_that_nobody_checked_is_refused(
    sample: Deployment, superuser: psycopg.Connection
) -> None:
    """As a worker leaves it that was killed between writing the report and saying what its check found."""
    answer = sample.run("stripe").id
    superuser.execute("ALTER TABLE data_quality_checks DISABLE TRIGGER USER")
    superuser.execute("DELETE FROM data_quality_checks WHERE check_name = 'report_totals_agree'")

    assert not run_alone(sample, "archive")
    assert "report_totals_agree of this day did not pass" in (sample.newest("stripe").failure_reason or "")
    assert "it was not made" in (sample.newest("stripe").failure_reason or "")
    assert sample.query("SELECT id FROM reconciliation_runs WHERE is_current") == [(answer,)]


def files_of(settings: Settings) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in sorted(settings.reports_dir.rglob("*")) if path.is_file()}
