"""The record is verified daily in Dagster: when, what people see, and how loud a record is that was changed."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from recon_assets.assembly import build_definitions
from recon_assets.automation.audit import (
    ASSET,
    CHECK,
    JOB,
    audit_log_asset,
    record_is_as_written_check,
    verify_audit_job,
    verify_audit_schedule,
)
from recon_assets.domain.messages import AuditBroken
from recon_assets.notifications.events import event_of
from recon_assets.resources.record_verifier import RecordVerifier
from recon_assets.settings import Settings
from recon_assets.store import roles
from recon_assets.store.health import latest_health
from recon_assets_tests.assets.processors import processor
from recon_assets_tests.store.audit.tampering import as_superuser
from recon_assets_tests.store.builders import missing, publish

AT = datetime(2025, 10, 1, 2, 30, tzinfo=UTC)


@pytest.fixture
def as_auditor(settings: Settings, superuser) -> Settings:
    """Of services that have the login that may only read, and not the one that migrates."""
    roles.admit(superuser, user=roles.EMBEDDED_AUDITOR.user, groups=(roles.AUDITOR,))
    return settings.model_copy(update={"db_migration_user": None, "db_auditor_user": roles.EMBEDDED_AUDITOR.user})


def verified(settings: Settings) -> tuple[dg.ExecuteInProcessResult, dg.AssetCheckEvaluation | None]:
    """The job's run, and what the check said in it."""
    definitions = dg.Definitions(
        assets=[audit_log_asset([processor()])],
        asset_checks=[record_is_as_written_check()],
        jobs=[verify_audit_job()],
        resources={"record_verifier": RecordVerifier(settings)},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        run = definitions.resolve_job_def(JOB).execute_in_process(instance=instance, raise_on_error=False)
        said = run.get_asset_check_evaluations()
    return run, said[0] if said else None


def messages(connection) -> list[AuditBroken]:
    """As they are read to be told."""
    with connection.transaction():
        found = connection.execute("SELECT kind, payload FROM outbox WHERE kind = 'audit_broken'").fetchall()
    return [event for kind, payload in found if isinstance(event := event_of(kind, payload), AuditBroken)]


def asked_for(settings: Settings) -> dg.RunRequest | dg.SkipReason:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=AT,
            resources={"record_verifier": RecordVerifier(settings)},
        )
        answer = verify_audit_schedule()(context)
    assert isinstance(answer, dg.RunRequest | dg.SkipReason)
    return answer


def test_it_runs_every_day_at_half_past_two_without_being_switched_on(settings: Settings) -> None:
    schedule = verify_audit_schedule()

    assert (schedule.cron_schedule, schedule.execution_timezone, schedule.job_name) == ("30 2 * * *", "UTC", JOB)
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert asked_for(settings) == dg.RunRequest(run_key="2025-10-01")
    assert asked_for(settings.model_copy(update={"db_host": None, "db_migration_user": None})) == dg.RunRequest(
        run_key="2025-10-01"
    )


def test_the_auditors_login_is_enough_and_what_it_can_not_ask_is_said(
    as_auditor: Settings, connection, superuser_session, tmp_path
) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a", 399)])
    assert asked_for(as_auditor) == dg.RunRequest(run_key="2025-10-01")

    run, said = verified(as_auditor)

    assert run.success
    assert said is not None
    assert said.passed
    assert said.metadata["verified as"].value == "recon_auditor, who may only read"
    assert said.metadata["again, inside the database"].value == "no"
    assert [(found.component, found.status) for found in latest_health(connection)] == [("audit", "healthy")]
    as_superuser(superuser_session, ["discrepancies"], "UPDATE discrepancies SET amount_minor = 1")
    run, said = verified(as_auditor)
    assert not run.success
    assert said is not None
    assert said.description is not None
    assert "rows do not hash to what the event says" in said.description
    assert [told.count for told in messages(connection)] == [1]


def test_where_the_login_is_not_there_it_skips_and_says_who_must_do_it(settings: Settings) -> None:
    skipped = asked_for(settings.model_copy(update={"db_migration_user": None}))

    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == (
        "This process has no login that sees every row: give it DB_AUDITOR_USER, or let a job that has one call"
        " `recon audit verify` every day. See docs/audit.md."
    )


def test_a_sound_record_is_green_with_what_was_looked_at_and_nobody_is_told(
    settings: Settings, connection, tmp_path
) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])

    run, said = verified(settings)

    assert run.success
    assert said is not None
    assert (said.asset_key, said.check_name, said.passed) == (ASSET, CHECK, True)
    assert said.metadata["seals"].value == 1
    assert said.metadata["findings"].value == 0
    assert said.metadata["verified as"].value == "the login that migrates"
    assert said.metadata["again, inside the database"].value == "yes"
    assert [(found.component, found.status) for found in latest_health(connection)] == [("audit", "healthy")]
    assert messages(connection) == []


def test_a_changed_record_is_a_red_check_a_failed_run_a_state_and_one_message_a_day(
    settings: Settings, connection, superuser_session, tmp_path
) -> None:
    published = publish(connection, tmp_path, key="a", rows=[missing("a", 399)])
    as_superuser(superuser_session, ["discrepancies"], "UPDATE discrepancies SET amount_minor = 1")

    run, said = verified(settings)

    assert not run.success
    assert said is not None
    assert not said.passed
    assert said.blocking
    assert said.description is not None
    assert f"event 2, run {published.run_id}: rows do not hash to what the event says" in said.description
    assert [record.data["check"] for record in said.metadata["first findings"].value.records] == [
        "discrepancies rows",
        "inside",
    ]
    (health,) = latest_health(connection)
    assert (health.component, health.status, health.reason) == ("audit", "down", "2 findings of `recon audit verify`")
    (told,) = messages(connection)
    assert (told.business_date, told.count) == (datetime.now(UTC).date(), 2)
    assert "rows do not hash to what the event says" in told.findings[0]
    assert not verified(settings)[0].success
    assert len(messages(connection)) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"db_host": "127.0.0.1"}, "nothing was verified: the database can't be reached"),
        ({"db_migration_user": "recon"}, "nothing was verified: "),
        (
            {"db_migration_user": None, "db_auditor_user": "recon"},
            "nothing was verified: the database refused the connection: ",
        ),
    ],
)
def test_what_could_not_be_verified_is_a_failed_run_that_leaves_the_state_as_it_was(
    settings: Settings, connection, unused_port: int, change: dict, said: str
) -> None:
    if "db_host" in change:
        change = {**change, "db_port": unused_port}

    run, evaluation = verified(settings.model_copy(update=change))

    assert not run.success
    assert evaluation is None
    (failure,) = [event for event in run.all_events if event.is_step_failure]
    assert failure.step_failure_data.user_failure_data is not None
    assert str(failure.step_failure_data.user_failure_data.description).startswith(said)
    assert latest_health(connection) == ()


def test_the_archive_is_a_witness_here_too(settings: Settings, connection, tmp_path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    folder = settings.archive_dir / "reports" / "2025-09-30" / "stripe" / "x"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{")

    run, _ = verified(settings)

    assert not run.success
    assert latest_health(connection) == ()


def test_the_job_is_the_check_alone(settings: Settings) -> None:
    job = build_definitions(settings).resolve_job_def(JOB)

    assert [node.name for node in job.nodes] == [f"{ASSET.to_python_identifier()}_{CHECK}"]
