"""Every way in which a mail server can fail, on a real one: what is raised, and that nothing goes out in clear."""

import socket
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from pydantic import SecretStr

from recon_assets.domain.errors import ChannelUnavailable, ConfigurationError, ReceiverRefused
from recon_assets.notifications.smtp import SmtpServer
from recon_assets_tests.notifications.mail_server import (
    DRIP,
    DROP,
    DROP_AFTER,
    HANG,
    PASSWORD,
    USER,
    MailServer,
    running_mail_server,
)
from recon_assets_tests.store.tls_server import Authority

RECEIVER = "finance@company.example"


def a_mail(*attachments: bytes) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["Subject"], message["From"], message["To"], message["Message-ID"] = "s", USER, RECEIVER, "<1@x>"
    message.set_content("plain")
    message.add_alternative("<p>html</p>", subtype="html")
    for data in attachments:
        message.add_attachment(data, maintype="text", subtype="csv", filename="a.csv")
    return message


@pytest.fixture
def server(mail_server: MailServer, authority: Authority) -> SmtpServer:
    return SmtpServer(
        host="localhost",
        port=mail_server.port,
        tls="starttls",
        sender=USER,
        user=USER,
        password=lambda: SecretStr(PASSWORD),
        ca_file=authority.certificate,
        timeout_s=5,
    )


def fails(server: SmtpServer) -> ChannelUnavailable:
    with pytest.raises(ChannelUnavailable) as raised:
        server.send(a_mail(), receiver=RECEIVER)
    return raised.value


def test_a_message_goes_out_over_tls_with_a_login(server: SmtpServer, mail_server: MailServer) -> None:
    server.send(a_mail(), receiver=RECEIVER)
    (received,) = mail_server.received
    assert (received.receiver, received.sender, received.over_tls, received.is_logged_in) == (
        RECEIVER,
        USER,
        True,
        True,
    )
    assert (received.id, received.part("plain").strip()) == ("<1@x>", "plain")
    assert mail_server.commands_in_clear == []
    assert "TLS" in server.probe() and "logged in" in server.probe()


def test_nobody_listens(server: SmtpServer, unused_port: int) -> None:
    error = fails(replace(server, port=unused_port))
    assert "Connection refused" in str(error) and f"localhost:{unused_port}" in str(error)
    assert not error.is_of_receiver and not error.may_have_arrived


def test_a_host_that_does_not_exist(server: SmtpServer) -> None:
    assert "no session" in str(fails(replace(server, host="mail.invalid")))


@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "RCPT"])
def test_a_server_that_hangs_is_left_after_the_time_out(server: SmtpServer, mail_server: MailServer, stage) -> None:
    mail_server.plan(stage, HANG)
    error = fails(replace(server, timeout_s=0.3))
    assert not error.may_have_arrived
    assert mail_server.received == []


def test_a_server_that_never_greets_is_left_after_the_time_out(server: SmtpServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "timed out" in str(fails(replace(server, port=silent.getsockname()[1], timeout_s=0.3)))


def test_a_server_that_answers_without_end_is_cut(server: SmtpServer, mail_server: MailServer) -> None:
    mail_server.plan("RCPT", DRIP)
    assert not fails(replace(server, session_s=0.6)).may_have_arrived


@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
def test_4xx_about_receiver_or_message_puts_off_this_receiver(
    server: SmtpServer, mail_server: MailServer, stage: str
) -> None:
    mail_server.plan(stage, "451 4.3.0 greylisted")
    error = fails(server)
    assert error.is_of_receiver and not error.may_have_arrived
    assert "451 4.3.0 greylisted" in str(error)


@pytest.mark.parametrize(("stage", "answer"), [("MAIL", "452 full"), ("RCPT", "421 closing"), ("DATA", "421 closing")])
def test_4xx_about_the_session_puts_off_all(server: SmtpServer, mail_server: MailServer, stage, answer) -> None:
    mail_server.plan(stage, answer)
    assert not fails(server).is_of_receiver


@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
def test_5xx_about_receiver_or_message_ends_it(server: SmtpServer, mail_server: MailServer, stage: str) -> None:
    mail_server.plan(stage, "550 5.1.1 no such user")
    with pytest.raises(ReceiverRefused, match=r"550 5.1.1 no such user.*notify --again"):
        server.send(a_mail(), receiver=RECEIVER)


def test_5xx_about_the_sender_is_configuration(server: SmtpServer, mail_server: MailServer) -> None:
    mail_server.plan("MAIL", "553 5.7.1 not your address")
    with pytest.raises(ConfigurationError, match=r"553 5\.7\.1 not your address.*EMAIL_FROM"):
        server.send(a_mail(), receiver=RECEIVER)


def test_an_answer_that_is_none_is_no_success(server: SmtpServer, mail_server: MailServer) -> None:
    mail_server.plan("RCPT", "hello there")
    assert "the receiver was put off" in str(fails(server))


def test_a_server_without_starttls_gets_nothing(server: SmtpServer, clear_server: MailServer) -> None:
    with pytest.raises(ConfigurationError, match="offers no STARTTLS, and nothing is sent in clear"):
        replace(server, port=clear_server.port).send(a_mail(), receiver=RECEIVER)
    assert (clear_server.received, clear_server.commands_in_clear) == ([], [])


def test_a_certificate_of_an_unknown_authority_is_refused(server: SmtpServer, mail_server: MailServer) -> None:
    with pytest.raises(ConfigurationError, match=r"no TLS with the mail server: .*SMTP_CA_FILE"):
        replace(server, ca_file=None).send(a_mail(), receiver=RECEIVER)
    assert mail_server.received == []


def test_a_certificate_of_another_host_is_refused(server: SmtpServer, mail_server: MailServer) -> None:
    with pytest.raises(ConfigurationError, match="no TLS with the mail server: IP address mismatch"):
        replace(server, host="127.0.0.1").send(a_mail(), receiver=RECEIVER)
    assert mail_server.received == []


def test_a_file_of_authorities_that_is_none_is_named(server: SmtpServer, tmp_path: Path) -> None:
    for file in (tmp_path / "missing.pem", tmp_path):
        with pytest.raises(ConfigurationError, match=r"SMTP_CA_FILE=.*Name a file in PEM"):
            replace(server, ca_file=file).send(a_mail(), receiver=RECEIVER)


def test_a_wrong_password_is_configuration_and_is_not_repeated(server: SmtpServer, mail_server: MailServer) -> None:
    with pytest.raises(ConfigurationError, match=r"does not take the login \(535\).*EMAIL_PASSWORD") as raised:
        replace(server, password=lambda: SecretStr("wr0ng-secret")).send(a_mail(), receiver=RECEIVER)
    assert "wr0ng-secret" not in str(raised.value)
    assert mail_server.received == []


def test_a_server_that_offers_no_login_is_configuration(server: SmtpServer, clear_server: MailServer) -> None:
    with pytest.raises(ConfigurationError, match="offers no login"):
        replace(server, port=clear_server.port, tls="none").send(a_mail(), receiver=RECEIVER)


def test_without_tls_only_where_that_is_said(server: SmtpServer, clear_server: MailServer) -> None:
    plain = replace(server, port=clear_server.port, tls="none", user=None)
    plain.send(a_mail(), receiver=RECEIVER)
    assert len(clear_server.received) == 1
    assert plain.probe().endswith("no TLS, no login")


@pytest.mark.parametrize("stage", ["EHLO", "MAIL", "RCPT"])
def test_a_connection_cut_before_the_message_has_brought_nothing(server, mail_server: MailServer, stage) -> None:
    mail_server.plan(stage, DROP)
    error = fails(server)
    assert (error.may_have_arrived, mail_server.received) == (False, [])


def test_a_connection_cut_after_the_message_may_have_brought_it(server, mail_server: MailServer) -> None:
    mail_server.plan("DATA", DROP_AFTER)
    error = fails(server)
    assert error.may_have_arrived and len(mail_server.received) == 1
    assert "the answer to the message was lost" in str(error)


def test_a_server_that_is_silent_after_the_message_may_have_it(server, mail_server: MailServer) -> None:
    mail_server.plan("DATA", HANG)
    assert fails(replace(server, timeout_s=0.3)).may_have_arrived


@pytest.mark.parametrize("plan", [DROP, HANG, "500 what?"])
def test_what_happens_after_the_message_was_taken_does_not_matter(server, mail_server: MailServer, plan) -> None:
    mail_server.plan("QUIT", plan)
    replace(server, timeout_s=0.5).send(a_mail(), receiver=RECEIVER)
    assert len(mail_server.received) == 1


def test_a_report_that_the_server_finds_too_large_is_left_out(server, certificate) -> None:
    with running_mail_server(certificate, size=5_000) as small:
        replace(server, port=small.port).send(a_mail(b"1,2\n" * 5_000), receiver=RECEIVER)
        (received,) = small.received
    assert received.attached == []
    assert (received.id, "too large for the mail server" in received.part("plain")) == ("<1@x>", True)


def test_tls_from_the_first_byte(server: SmtpServer, mail_server: MailServer) -> None:
    """A server that speaks first in clear is none of those."""
    with pytest.raises(ConfigurationError, match="no TLS with the mail server"):
        replace(server, tls="implicit").send(a_mail(), receiver=RECEIVER)
    assert mail_server.received == []
