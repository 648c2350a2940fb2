"""The sensor on a real instance: what it delivers, when its tick is red, and that it is there without configuration."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from recon_assets.assembly import build_definitions
from recon_assets.automation.notifications import ROUND_S, SENSOR_NAME, TICK_INTERVAL_S, NotDelivered, summary
from recon_assets.notifications.delivery import LEASE, Round
from recon_assets.notifications.smtp import SESSION_S
from recon_assets.settings import Settings
from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.notifications.mail_server import PASSWORD, MailServer, running_mail_server
from recon_assets_tests.notifications.told import OPERATIONS, mail_settings
from recon_assets_tests.store.builders import missing, publish
from recon_assets_tests.store.tls_server import Authority

DAGSTER_GIVES_S = 60


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path / "authority")


@pytest.fixture
def mail_server(authority: Authority) -> Iterator[MailServer]:
    with running_mail_server(authority.sign("localhost")) as server:
        yield server


def tick(settings: Settings) -> str | None:
    """One evaluation of the sensor; returns why it skips, as the UI shows it."""
    definitions = build_definitions(settings)
    sensor = definitions.resolve_sensor_def(SENSOR_NAME)
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, definitions=definitions, resources=definitions.resources) as context,
    ):
        return sensor.evaluate_tick(context).skip_message


def told_of_answers(folder: Path) -> Path:
    """The configuration of this project, in which operations hear of answers alone: not of days that nobody ran."""
    config = shutil.copytree(PROJECT / "config", folder / "config")
    rule = {"name": "a", "channel": "email", "to": ["OPERATIONS_EMAIL"], "events": ["run_published"]}
    (config / "notifications.yaml").write_text(yaml.safe_dump({"rules": [rule]}))
    return config


def made_due(connection) -> None:
    with connection.transaction():
        connection.execute(
            "UPDATE outbox SET due_at = clock_timestamp(), attempts = attempts WHERE delivered_at IS NULL"
        )


def test_a_tick_with_nothing_to_tell_says_so(settings: Settings) -> None:
    assert tick(settings) == "Nothing to deliver."


def test_a_tick_delivers_and_one_that_can_not_is_red_and_loses_nothing(
    settings: Settings,
    connection,
    tmp_path: Path,
    mail_server: MailServer,
    authority: Authority,
    monkeypatch,
    unused_port,
) -> None:
    monkeypatch.setenv("EMAIL_PASSWORD", PASSWORD)
    monkeypatch.setenv("OPERATIONS_EMAIL", OPERATIONS)
    own = mail_settings(settings, mail_server, authority.certificate, config_dir=told_of_answers(tmp_path))
    answer = publish(connection, tmp_path, key="a", rows=[missing("a")])
    assert tick(own) == "Nothing to deliver.", "its report is not written yet"
    with connection.transaction():
        connection.execute(
            """
            INSERT INTO data_quality_checks (
                dagster_run_id, asset_key, processor_name, business_date, check_name, passed, severity, description,
                rows_checked, failed_rows, failed_rules, facts, run_id
            ) VALUES ('d', 'stripe/archive', 'stripe', '2025-09-30', 'reconciliation_is_proven', FALSE, 'ERROR', 'd',
                1, 0, '{}', '{}', %s)
            """,
            [answer.run_id],
        )

    made_due(connection)
    with pytest.raises(NotDelivered, match=r"1 to be tried again, .*Connection refused"):
        tick(own.model_copy(update={"smtp_port": unused_port}))

    made_due(connection)
    assert tick(own) == "1 delivered, 0 to be tried again, 0 given up."
    assert [mail.receiver for mail in mail_server.received] == [OPERATIONS]
    assert tick(own) == "Nothing to deliver."


def test_the_sensor_runs_by_itself_and_within_the_time_that_dagster_gives(settings: Settings) -> None:
    sensor = build_definitions(settings).resolve_sensor_def(SENSOR_NAME)
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert sensor.minimum_interval_seconds == TICK_INTERVAL_S
    assert ROUND_S + SESSION_S < DAGSTER_GIVES_S
    assert LEASE.total_seconds() > DAGSTER_GIVES_S


def test_a_round_in_one_line() -> None:
    done = Round(delivered=1, postponed=2, given_up=1, may_have_arrived=1)
    done.problems["no session"] += 2
    assert summary(done) == "1 delivered, 2 to be tried again, 1 given up, 1 may arrive twice: no session (2)"
