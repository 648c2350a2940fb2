"""`recon notify` as a command: with nothing configured, killed between sending and recording, and in `doctor`."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from recon_assets.settings import Settings
from recon_assets_tests.cli.test_doctor import table
from recon_assets_tests.integration.deployments import Deployment, with_configuration
from recon_assets_tests.notifications.mail_server import PASSWORD, USER, MailServer, running_mail_server
from recon_assets_tests.notifications.told import OPERATIONS
from recon_assets_tests.store.tls_server import Authority

HEADER = "id,amount,currency,status,created"
ROW = "a,12.34,USD,completed,2025-09-30T10:00:00Z"


@pytest.fixture
def deployment(settings: Settings, tmp_path: Path) -> Deployment:
    """A day with one discrepancy that has been run, its report too."""
    made = with_configuration(settings, tmp_path).files_processor(
        "shop", processor=f"{HEADER}\n{ROW}\n{ROW.replace('a,', 'b,')}\n", ledger=f"{HEADER}\n{ROW}\n"
    )
    assert made.run("shop").verdict == "discrepancies"
    return made


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path / "authority")


@pytest.fixture
def mail_server(authority: Authority) -> Iterator[MailServer]:
    with running_mail_server(authority.sign("localhost")) as server:
        yield server


@pytest.fixture
def variables(mail_server: MailServer, authority: Authority) -> dict[str, str]:
    return {
        "SMTP_SERVER": "localhost",
        "SMTP_PORT": str(mail_server.port),
        "SMTP_CA_FILE": str(authority.certificate),
        "EMAIL_USER": USER,
        "EMAIL_PASSWORD": PASSWORD,
        "OPERATIONS_EMAIL": OPERATIONS,
    }


def due(connection) -> None:
    """The lease of whoever died is over."""
    with connection.transaction():
        connection.execute("UPDATE outbox SET due_at = clock_timestamp() WHERE delivered_at IS NULL")


def test_with_nothing_configured_it_says_so_in_one_line_and_succeeds(deployment: Deployment) -> None:
    done = deployment.recon("notify")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Nothing to deliver.",
        "not configured, so nobody is told: SMTP_SERVER (1)",
    ]


def test_a_day_is_told_with_its_report_and_its_secrets_are_nowhere(
    deployment: Deployment, mail_server: MailServer, variables: dict[str, str]
) -> None:
    done = deployment.recon("notify", **variables)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 delivered, 0 to be tried again, 0 given up.\n", "")
    (mail,) = mail_server.received
    assert mail.message["Subject"] == "[low] shop 2025-09-30: 1 discrepancy, 12.34 USD at stake"
    report = "reconciliation_report_shop_2025-09-30"
    assert mail.attached == [f"{report}.html", f"{report}.xlsx", f"{report}.csv"]
    assert PASSWORD not in done.stdout + done.stderr + mail_server.texts()


@pytest.mark.parametrize("stage", ["DATA", "QUIT"])
def test_killed_between_sending_and_recording_nothing_is_lost_and_the_copy_has_the_same_id(
    deployment: Deployment, mail_server: MailServer, variables: dict[str, str], connection, stage: str
) -> None:
    """At DATA the server has the message and did not answer; at QUIT it has answered, and nothing is recorded yet."""
    process = subprocess.Popen(
        deployment.command("notify"),
        env=deployment.environment() | variables,
        cwd=deployment.settings.reports_dir.parent,
        stdout=subprocess.DEVNULL,
    )
    mail_server.plan(stage, lambda: os.kill(process.pid, signal.SIGKILL))
    assert process.wait(timeout=120) == -signal.SIGKILL
    assert len(mail_server.received) == 1

    waiting = deployment.call("notify", **variables)
    assert waiting.stdout == "Nothing to deliver.\n", "it is leased"
    due(connection)
    assert deployment.call("notify", **variables).stdout.startswith("1 delivered")
    due(connection)
    assert deployment.call("notify", **variables).stdout == "Nothing to deliver.\n"
    first, second = mail_server.received
    assert first.id == second.id


def test_doctor_shows_what_was_given_up_until_it_is_put_again(
    deployment: Deployment, mail_server: MailServer, variables: dict[str, str]
) -> None:
    mail_server.plan("RCPT", "550 5.1.1 no such user")
    refused = deployment.call("notify", **variables)
    assert refused.returncode == 1
    assert "1 given up: the mail server refuses the receiver: 550 5.1.1 no such user" in refused.stdout

    examined = deployment.call("doctor", **variables)
    assert examined.returncode == 1
    state, reason = table(examined.stdout)["messages"]
    assert state == "down"
    assert "1 given up" in reason and "550 5.1.1 no such user" in reason and "recon notify --again" in reason

    again = deployment.call("notify", "--again", **variables)
    assert again.stdout == "1 put again.\n1 delivered, 0 to be tried again, 0 given up.\n"
    found = table(deployment.call("doctor", **variables).stdout)
    assert found["messages"] == ("healthy", "nothing waits")
    assert found["e-mail"][0] == "healthy" and "logged in" in found["e-mail"][1]


def test_doctor_says_that_e_mail_is_wrongly_configured_and_what_waits(
    deployment: Deployment, variables: dict[str, str]
) -> None:
    wrong = variables | {"EMAIL_PASSWORD": "wr0ng-secret"}
    assert deployment.call("notify", **wrong).returncode == 1
    examined = deployment.call("doctor", **wrong)
    found = table(examined.stdout)
    assert examined.returncode == 1
    assert found["messages"] == ("healthy", "1 waiting, the oldest for 0 min")
    assert found["e-mail"][0] == "down" and "does not take the login" in found["e-mail"][1]
    assert "wr0ng-secret" not in examined.stdout + examined.stderr


def test_a_sender_that_is_none_is_wrong_configuration(deployment: Deployment, variables: dict[str, str]) -> None:
    nobody = variables | {"EMAIL_USER": "recon", "EMAIL_FROM": ""}
    refused = deployment.call("notify", **nobody)
    assert (refused.returncode, "no address to send e-mail from (EMAIL_FROM)" in refused.stdout) == (1, True)
