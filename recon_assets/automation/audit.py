"""Daily at 02:30 UTC: is the record still what was written? A check that people see in Dagster, not only an exit code.

It stands on an asset of its own, since it is of the whole record and of no processor. It is a blocking check, after
which nothing comes: so the run of one that fails is a failed run, as loud as Dagster can be. The message to people is
put by `store.audit_outcome`. Not here: what is recomputed (`store.audit_verification`).
"""

from collections.abc import Sequence
from typing import Final

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.errors import ReconError
from recon_assets.resources.record_verifier import RecordVerifier, Verified
from recon_assets.store.audit_findings import Problem

ASSET: Final = dg.AssetKey(["record", "audit_log"])
CHECK: Final = "record_is_as_written"
JOB: Final = "verify_audit"
SCHEDULE: Final = "verify_audit_daily"
DAILY_AT_0230_UTC: Final = "30 2 * * *"
"""After the newest day was run, before the days of before are asked for again."""

SHOWN_PROBLEMS: Final = 50
NO_LOGIN: Final = (
    "This process has no login that sees every row: give it DB_AUDITOR_USER, or let a job that has one call"
    " `recon audit verify` every day. See docs/audit.md."
)


def audit_log_asset(configs: Sequence[ProcessorConfig]) -> dg.AssetSpec:
    """The audit log: written by the database itself. Owned by all who own a processor."""
    return dg.AssetSpec(
        ASSET,
        group_name="record",
        owners=sorted({config.owner for config in configs}),
        kinds={"postgres"},
        description="Every change of the record of all processors, sealed in a chain. Its check is red when the record"
        " is not what was written: docs/audit.md says what each finding means.",
    )


def record_is_as_written_check() -> dg.AssetChecksDefinition:
    """Recomputes every seal, event and row. Executed daily, and by hand in the UI."""

    @dg.asset_check(
        asset=ASSET,
        name=CHECK,
        blocking=True,
        description="Every event of the audit log is as it was sealed, every row as its events say, and the schema as"
        " this release has it.",
    )
    def check(record_verifier: dg.ResourceParam[RecordVerifier]) -> dg.AssetCheckResult:
        try:
            return _result(record_verifier.verify())
        except ReconError as error:
            raise dg.Failure(description=f"nothing was verified: {error}") from error

    return check


def verify_audit_job() -> UnresolvedAssetJobDefinition:
    """The check alone."""
    return dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.checks_for_assets(ASSET),
        description="Verify the whole record against its audit log, as `recon audit verify` does.",
    )


def verify_audit_schedule() -> dg.ScheduleDefinition:
    """Skips, with the reason, where the process can't see every row: half a verification would be none."""

    @dg.schedule(
        name=SCHEDULE,
        cron_schedule=DAILY_AT_0230_UTC,
        execution_timezone="UTC",
        job_name=JOB,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Verifies the record against its audit log every day at 02:30 UTC.",
    )
    def daily(
        context: dg.ScheduleEvaluationContext, record_verifier: dg.ResourceParam[RecordVerifier]
    ) -> dg.RunRequest | dg.SkipReason:
        if not record_verifier.has_its_login:
            return dg.SkipReason(NO_LOGIN)
        return dg.RunRequest(run_key=f"{context.scheduled_execution_time:%Y-%m-%d}")

    return daily


def _result(verified: Verified) -> dg.AssetCheckResult:
    problems, outside = verified.problems, verified.outside
    metadata: dict[str, dg.MetadataValue | int | str] = {
        **outside.checked,
        "events not sealed yet": outside.unsealed,
        "findings": len(problems),
        "verified as": "recon_auditor, who may only read" if verified.by_auditor else "the login that migrates",
        "again, inside the database": "no" if verified.inside is None else "yes",
    }
    if problems:
        metadata["first findings"] = _table(problems[:SHOWN_PROBLEMS])
    first = f"{len(problems)} findings, the first: {problems[0].where}: {problems[0].what}" if problems else None
    return dg.AssetCheckResult(
        passed=not problems,
        severity=dg.AssetCheckSeverity.ERROR,
        description=first or "The record is what was written.",
        metadata=metadata,
    )


def _table(problems: Sequence[Problem]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        [dg.TableRecord({"check": one.check, "where": one.where, "what": one.what}) for one in problems]
    )
