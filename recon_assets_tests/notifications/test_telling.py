"""From the record to the mail server and back, both real: nothing is lost, nobody is told twice, figures are equal."""

import json
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import boto3
import msgspec
import pytest
from pytest_httpserver import HTTPServer

from recon_assets.configuration import Configuration
from recon_assets.domain.checks import CheckOutcome, Severity
from recon_assets.domain.messages import ArchiveWaiting, MessageKind
from recon_assets.notifications.rules import Attachments, Channel, NotificationRules, Rule
from recon_assets.reports.paths import report_files
from recon_assets.resources.channels import report_of_run
from recon_assets.resources.record import Record
from recon_assets.settings import Settings
from recon_assets.store.checks import AssetOutcomes
from recon_assets.store.outbox import put_message
from recon_assets.store.publication import publish_run
from recon_assets_tests.notifications.mail_server import (
    DROP,
    DROP_AFTER,
    HANG,
    PASSWORD,
    MailServer,
    running_mail_server,
)
from recon_assets_tests.notifications.told import OPERATIONS, Teller, mail_settings
from recon_assets_tests.store.builders import DAY, begin, conclusion, missing, publish, write
from recon_assets_tests.store.tls_server import Authority

EMAIL = "notice_email"


@pytest.fixture
def teller(
    settings: Settings,
    connection,
    mail_server: MailServer,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("EMAIL_PASSWORD", PASSWORD)
    monkeypatch.setenv("OPERATIONS_EMAIL", OPERATIONS)
    own = mail_settings(settings, mail_server, authority.certificate)
    with closing(Record(own)) as record:
        yield Teller(own, record, connection)


@pytest.fixture
def published(connection, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a"), missing("b", 1_596)])


@pytest.mark.usefixtures("published")
def test_an_answer_is_told_once_by_one_mail(teller: Teller, mail_server: MailServer) -> None:
    assert teller.round().round.delivered == 1
    assert teller.round().round.delivered == 0
    (mail,) = mail_server.received
    assert (mail.receiver, mail.over_tls, mail.is_logged_in) == (OPERATIONS, True, True)
    assert mail.message["Subject"] == "[low] Stripe 2025-09-30: 2 discrepancies, 19.95 USD at stake"
    assert teller.states() == [("run_published", "delivered"), (EMAIL, "delivered")]


@pytest.mark.usefixtures("published")
def test_the_same_day_again_tells_nothing_and_a_changed_one_tells_what_changed(
    teller: Teller, connection, tmp_path, mail_server: MailServer
) -> None:
    teller.round()
    rows = [missing("a"), missing("b", 1_596)]
    publish(connection, tmp_path, key="same", rows=rows, inputs="inputs of a")
    assert teller.round().round.delivered == 0
    publish(connection, tmp_path, key="other", rows=rows[:1])
    assert teller.round().round.delivered == 1
    said = " ".join(mail_server.received[-1].part("plain").split())
    assert "Since the day's earlier answer: 1 (15.96 USD) resolved, 1 (3.99 USD) still open." in said


def test_a_reconciled_day_is_no_news(teller: Teller, connection, tmp_path: Path, mail_server: MailServer) -> None:
    publish(connection, tmp_path, key="a", rows=[])
    told = teller.round()
    assert (told.round.delivered, told.skipped_line, mail_server.received) == (0, None, [])
    assert teller.states() == [("run_published", "delivered")]


@pytest.mark.usefixtures("published")
def test_with_nothing_configured_there_is_one_line_and_nothing_waits(teller: Teller, settings, monkeypatch) -> None:
    monkeypatch.delenv("OPERATIONS_EMAIL")
    told = replace(teller, settings=settings).round()
    assert told.skipped_line == "not configured, so nobody is told: SMTP_SERVER (1)"
    assert teller.states() == [("run_published", "delivered")]


@pytest.mark.usefixtures("published")
def test_a_receiver_without_a_value_is_skipped_and_others_are_told(
    teller: Teller, mail_server: MailServer, monkeypatch
) -> None:
    monkeypatch.delenv("OPERATIONS_EMAIL")
    rule = Rule(name="a", channel=Channel.EMAIL, to=("OPERATIONS_EMAIL", "cfo@company.example"))
    told = teller.with_rules(rule).round()
    assert told.skipped_line == "not configured, so nobody is told: OPERATIONS_EMAIL (1)"
    assert [mail.receiver for mail in mail_server.received] == ["cfo@company.example"]


@pytest.mark.usefixtures("published")
def test_a_person_in_many_rules_gets_one_mail(teller: Teller, mail_server: MailServer, monkeypatch) -> None:
    monkeypatch.setenv("OPERATIONS_EMAIL", f"{OPERATIONS}, cfo@company.example")
    rules = [Rule(name=name, channel=Channel.EMAIL, to=("OPERATIONS_EMAIL", OPERATIONS)) for name in "ab"]
    teller.with_rules(*rules).round()
    assert sorted(mail.receiver for mail in mail_server.received) == ["cfo@company.example", OPERATIONS]
    assert len({mail.id for mail in mail_server.received}) == 2


@pytest.mark.usefixtures("published")
def test_a_list_of_receivers_that_is_none_is_given_up_with_the_name_of_the_variable(
    teller: Teller, monkeypatch
) -> None:
    monkeypatch.setenv("OPERATIONS_EMAIL", "Operations <operations@company.example>")
    teller.round()
    ((kind, state, _, error),) = teller.rows()
    assert (kind, state) == ("run_published", "pending")
    assert "not a list of e-mail addresses (OPERATIONS_EMAIL)" in error
    monkeypatch.setenv("OPERATIONS_EMAIL", OPERATIONS)
    assert teller.round().round.delivered == 1


FAULTS_WITHOUT_COPIES = [
    ("EHLO", DROP),
    ("EHLO", HANG),
    ("MAIL", "451 later"),
    ("RCPT", "450 greylisted"),
    ("RCPT", "421 closing"),
    ("RCPT", DROP),
    ("DATA", "452 full"),
]


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize(("stage", "plan"), FAULTS_WITHOUT_COPIES)
def test_whatever_fails_before_the_message_is_taken_delays_it_and_brings_it_once(
    teller: Teller, mail_server: MailServer, stage: str, plan
) -> None:
    teller = replace(teller, settings=teller.settings.model_copy(update={"smtp_timeout_s": 0.5}))
    mail_server.plan(stage, plan)
    failed = teller.round().round
    assert (failed.postponed, failed.may_have_arrived, mail_server.received) == (1, 0, [])
    assert teller.states()[1] == (EMAIL, "pending")
    assert teller.round().round.delivered == 1
    assert len(mail_server.received) == 1
    assert teller.rows()[1][1:3] == ("delivered", 2)


@pytest.mark.usefixtures("published")
def test_a_server_that_is_down_delays_everything_until_it_is_back(teller: Teller, mail_server, unused_port) -> None:
    down = replace(teller, settings=teller.settings.model_copy(update={"smtp_port": unused_port}))
    for _ in range(3):
        assert down.round().round.postponed == 1
    assert "Connection refused" in teller.rows()[1][3]
    assert teller.round().round.delivered == 1
    assert len(mail_server.received) == 1


@pytest.mark.usefixtures("published")
def test_a_receiver_who_does_not_exist_is_given_up_and_put_again_by_hand(
    teller: Teller, mail_server: MailServer
) -> None:
    mail_server.plan("RCPT", "550 5.1.1 no such user")
    assert teller.round().round.given_up == 1
    backlog = teller.notifier().backlog()
    assert backlog.given_up.count == 1 and "550 5.1.1 no such user" in str(backlog.problem)

    assert [teller.notifier().put_again() for _ in range(2)] == [1, 0]
    assert teller.notifier().backlog().problem is None
    teller.round()
    assert len(mail_server.received) == 1
    assert str(teller.notifier().backlog()) == "nothing waits"


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("wrong", ["password", "authority", "no STARTTLS"])
def test_a_wrong_configuration_keeps_the_message_and_sends_nothing_in_clear(
    teller: Teller, mail_server: MailServer, clear_server: MailServer, monkeypatch, wrong: str
) -> None:
    changes = {"authority": {"smtp_ca_file": None}, "no STARTTLS": {"smtp_port": clear_server.port}}
    if wrong == "password":
        monkeypatch.setenv("EMAIL_PASSWORD", "wr0ng")
    broken = replace(teller, settings=teller.settings.model_copy(update=changes.get(wrong, {})))
    assert broken.round().round.postponed == 1
    assert (mail_server.received, clear_server.received, clear_server.commands_in_clear) == ([], [], [])
    assert teller.states()[1] == (EMAIL, "pending")
    monkeypatch.setenv("EMAIL_PASSWORD", PASSWORD)
    assert teller.round().round.delivered == 1


@pytest.mark.usefixtures("published")
def test_a_lost_answer_brings_a_second_copy_with_the_same_id_and_is_counted(
    teller: Teller, mail_server: MailServer
) -> None:
    mail_server.plan("DATA", DROP_AFTER)
    assert teller.round().round.may_have_arrived == 1
    assert teller.round().round.delivered == 1
    first, second = mail_server.received
    assert first.id == second.id


def test_many_faults_lose_nothing_and_only_lost_answers_bring_copies(
    teller: Teller, connection, tmp_path, mail_server: MailServer
) -> None:
    days = [DAY + timedelta(days=number) for number in range(10)]
    for day in days:
        rows = [missing(str(day))]
        publish(connection, tmp_path, key=str(day), rows=rows, answer=conclusion(rows, day=day))
    mail_server.plan("RCPT", DROP, "450 later", "421 closing", "450 later")
    mail_server.plan("DATA", DROP_AFTER, "452 full", DROP_AFTER)
    lost_answers = 0
    for _ in range(20):
        lost_answers += teller.round().round.may_have_arrived
    ids = [mail.id for mail in mail_server.received]
    assert (len(set(ids)), len(ids) - len(set(ids)), lost_answers) == (10, 2, 2)
    assert {state for _, state in teller.states()} == {"delivered"}


def test_two_deliverers_at_once_tell_everybody_once(
    teller: Teller, connection, tmp_path, mail_server: MailServer
) -> None:
    for number in range(8):
        day = DAY + timedelta(days=number)
        rows = [missing(str(day))]
        publish(connection, tmp_path, key=str(day), rows=rows, answer=conclusion(rows, day=day))
    start = threading.Barrier(3)

    def deliver() -> None:
        notifier = teller.notifier()
        start.wait()
        notifier.round(longest_s=30)

    threads = [threading.Thread(target=deliver) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    teller.notifier().round(longest_s=30)
    ids = [mail.id for mail in mail_server.received]
    assert (len(ids), len(set(ids))) == (8, 8)


def test_a_message_of_a_version_that_told_nobody_is_settled_in_silence(teller: Teller, connection, mail_server) -> None:
    old = {"processor": "stripe", "business_date": "2025-09-30", "version": 1, "verdict": "discrepancies"}
    with connection.transaction():
        put_message(connection, MessageKind.RUN_PUBLISHED, run_id=None, dedupe_key="old", payload=old)
    teller.round()
    assert (teller.states(), mail_server.received) == ([("run_published", "delivered")], [])


def test_a_message_that_can_not_be_read_is_given_up_and_shown(teller: Teller, connection) -> None:
    with connection.transaction():
        put_message(connection, MessageKind.ARCHIVE_WAITING, run_id=None, dedupe_key="x", payload={"processor": "a"})
    teller.round()
    assert teller.states() == [("archive_waiting", "abandoned")]
    assert "none that this version can read" in str(teller.notifier().backlog().problem)


def test_evidence_that_waits_for_the_archive_is_told(teller: Teller, connection, mail_server: MailServer) -> None:
    waiting = ArchiveWaiting("stripe", DAY, "S3 answers 503 SlowDown")
    payload = msgspec.to_builtins(waiting)
    with connection.transaction():
        put_message(connection, MessageKind.ARCHIVE_WAITING, run_id=None, dedupe_key="x", payload=payload)
    teller.round()
    assert "Likely cause: S3 answers 503 SlowDown." in mail_server.received[0].part("html")


def test_what_is_late_is_told_once_by_the_clock_of_the_processor(
    teller: Teller, connection, tmp_path: Path, mail_server: MailServer
) -> None:
    """Days after the first run and over for longer than the allowance; the others are not late yet."""
    publish(connection, tmp_path, key="a", rows=[])
    now = datetime.now(UTC)
    noon = (now + timedelta(days=3)).replace(hour=13, minute=0)
    notifier = teller.notifier()
    for _ in range(2):
        notifier.collect(noon)
    teller.round()
    told = [mail.message["Subject"] for mail in mail_server.received]
    assert told == [
        f"[high] Stripe {day}: no conclusion 12 h after the end of the day (never run), money at stake unknown"
        for day in sorted(noon.date() - timedelta(days=back) for back in (1, 2, 3))
        if Configuration.load(teller.settings).processors["stripe"].business_day(day).ends_at >= now
    ]
    assert told


def reported(teller: Teller, connection, tmp_path: Path, key: str) -> str:
    """Publish with the last check of a run, and write a report."""
    rows = [missing("a")]
    run = begin(connection, key)
    done = CheckOutcome("reconciliation_is_proven", passed=True, severity=Severity.ERROR, description="d")
    publish_run(
        connection,
        run_id=run.run_id,
        conclusion=conclusion(rows),
        discrepancies=write(tmp_path, rows),
        input_fingerprint=key,
        checks=AssetOutcomes("stripe/archive", [done]),
    )
    files = report_files(teller.settings.reports_dir, processor="stripe", business_date=DAY)
    files.json.parent.mkdir(parents=True, exist_ok=True)
    files.json.write_text(f'{{"report_metadata":{{"run_id":"{run.run_id}"}}}}')
    files.csv.write_text("a,b\n")
    return str(run.run_id)


@pytest.mark.usefixtures("published")
def test_an_answer_waits_for_its_report_but_not_for_ever(teller: Teller, mail_server: MailServer) -> None:
    assert teller.round(report_wait=timedelta(minutes=5)).round.delivered == 0
    assert teller.rows()[0][1:] == ("pending", 1, None)
    assert teller.round(report_wait=timedelta(0)).round.delivered == 1
    assert mail_server.received[0].attached == []


def test_the_report_of_the_very_answer_is_attached(teller: Teller, connection, tmp_path, mail_server) -> None:
    run_id = reported(teller, connection, tmp_path, "a")
    teller.round(report_wait=timedelta(minutes=5))
    (mail,) = mail_server.received
    assert mail.attached == ["reconciliation_report_stripe_2025-09-30.csv"]
    assert "The report is attached." in mail.part("plain")

    folder = teller.settings.reports_dir
    assert report_of_run(folder, uuid4(), "stripe", DAY, ["csv"]) == ()
    assert report_of_run(folder, UUID(run_id), "paypal", DAY, ["csv"]) == ()
    assert [path.suffix for path in report_of_run(folder, UUID(run_id), "stripe", DAY, ["xlsx", "csv", "json"])] == [
        ".csv",
        ".json",
    ]


class Links:
    """Where a report can be read, made when it is asked for."""

    def link(self, run_id) -> str:
        return f"https://reports.example/{run_id}?signature=s3cret"


def test_a_large_report_is_linked_and_the_link_is_kept_nowhere(
    teller: Teller, connection, tmp_path, mail_server
) -> None:
    run_id = reported(teller, connection, tmp_path, "a")
    rules = NotificationRules(attachments=Attachments(max_kilobytes=0))
    replace(teller, rules=rules).round(links=Links())
    (mail,) = mail_server.received
    assert mail.attached == []
    assert f"https://reports.example/{run_id}?signature=s3cret" in mail.part("plain")
    assert "too large to attach" in mail.part("html")
    with connection.transaction():
        assert connection.execute("SELECT count(*) FROM outbox WHERE outbox::text LIKE '%s3cret%'").fetchone() == (0,)


@pytest.mark.usefixtures("published")
def test_chat_and_pager_are_told_beside_e_mail(
    teller: Teller, mail_server: MailServer, httpserver: HTTPServer, monkeypatch
) -> None:
    httpserver.expect_request("/chat").respond_with_json({})
    httpserver.expect_request("/pager").respond_with_data("down", status=503)
    for name in ("chat", "pager"):
        monkeypatch.setenv(name.upper(), f"json://u:t0ken@{httpserver.host}:{httpserver.port}/{name}")
    told = teller.with_rules(
        Rule(name="a", channel=Channel.EMAIL, to=("OPERATIONS_EMAIL",)),
        Rule(name="b", channel=Channel.CHAT, to=("CHAT",)),
        Rule(name="c", channel=Channel.PAGING, to=("PAGER",)),
    ).round()
    assert (told.round.delivered, told.round.postponed, len(mail_server.received)) == (2, 1, 1)
    with teller.connection.transaction():
        found = teller.connection.execute("SELECT count(*) FROM outbox WHERE outbox::text LIKE '%t0ken%'").fetchone()
    assert found == (0,)


def test_a_server_that_comes_back_on_another_port_gets_what_waited(
    teller: Teller, certificate, published, unused_port: int
) -> None:
    replace(teller, settings=teller.settings.model_copy(update={"smtp_port": unused_port})).round()
    with running_mail_server(certificate) as other:
        replace(teller, settings=teller.settings.model_copy(update={"smtp_port": other.port})).round()
        assert len(other.received) == 1


@pytest.mark.usefixtures("published")
def test_password_and_receivers_may_lie_in_aws_secrets_manager(
    teller: Teller, mail_server: MailServer, moto_url: str, aws: pytest.MonkeyPatch
) -> None:
    aws.setenv("AWS_ENDPOINT_URL", moto_url)
    for name in ("EMAIL_PASSWORD", "OPERATIONS_EMAIL"):
        aws.delenv(name)
    client = boto3.session.Session().client("secretsmanager")
    kept = {"EMAIL_PASSWORD": PASSWORD, "OPERATIONS_EMAIL": OPERATIONS}
    client.create_secret(Name="recon/mail", SecretString=json.dumps(kept))
    try:
        own = teller.settings.model_copy(update={"aws_secrets": ("recon/mail",)})
        assert replace(teller, settings=own).round().round.delivered == 1
    finally:
        client.delete_secret(SecretId="recon/mail", ForceDeleteWithoutRecovery=True)
    assert [mail.receiver for mail in mail_server.received] == [OPERATIONS]


@pytest.mark.usefixtures("published")
def test_while_secrets_can_not_be_read_the_event_waits(teller: Teller, aws: pytest.MonkeyPatch, unused_port) -> None:
    aws.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{unused_port}")
    aws.setenv("AWS_MAX_ATTEMPTS", "1")
    aws.delenv("OPERATIONS_EMAIL")
    own = teller.settings.model_copy(update={"aws_secrets": ("recon/mail",)})
    told = replace(teller, settings=own).round()
    assert (told.round.postponed, told.skipped_line) == (1, None)
    assert "Secrets Manager" in teller.rows()[0][3]
