"""The channels of this deployment: who stands behind a receiver, and how a notice reaches him.

What belongs here: joining notices with settings, secrets and reports. Not here: when it is sent, and again
(`notifications.delivery`), and the outbox (`resources.notifications`).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final
from uuid import UUID

from recon_assets.configuration import Configuration
from recon_assets.domain.errors import ConfigurationError
from recon_assets.domain.messages import RunPublished
from recon_assets.feeds.credentials import Credentials
from recon_assets.notifications.chat import chat_text, page_text, send_by_apprise
from recon_assets.notifications.delivery import Send, Taken
from recon_assets.notifications.mail import mail_of
from recon_assets.notifications.notices import Notice, notice_of
from recon_assets.notifications.reports import ReportLinks, ReportOfRun
from recon_assets.notifications.rules import Channel, is_address
from recon_assets.notifications.smtp import SmtpServer
from recon_assets.reports.paths import report_files
from recon_assets.resources.secrets import AwsSecrets
from recon_assets.settings import Settings
from recon_assets.store.outbox import Message

_HEAD_BYTES: Final = 4_096


class Channels:
    """Makes nothing but what is asked for: a server or a service is contacted when a notice goes there."""

    def __init__(self, settings: Settings, configuration: Configuration, links: ReportLinks) -> None:
        self._settings = settings
        self._configuration = configuration
        self._links = links
        self._credentials = Credentials(AwsSecrets(settings.aws_secrets) if settings.aws_secrets else None)

    def receivers(self, channel: Channel, said: str) -> tuple[str, ...] | str:
        """What stands behind a receiver of the rules, or the name of the variable that has no value.

        Raises `ConfigurationError` for a value that is no list of addresses, and what the store of secrets raises.
        """
        if channel is Channel.EMAIL and self._settings.smtp_server is None:
            return "SMTP_SERVER"
        if is_address(said):
            return (said,)
        value = self._credentials.optional(said)
        if value is None:
            return said
        if channel is not Channel.EMAIL:
            return (said,)
        addresses = tuple(filter(None, map(str.strip, value.get_secret_value().split(","))))
        if not all(map(is_address, addresses)):
            raise ConfigurationError(
                "the value is not a list of e-mail addresses", where=said, remedy="Write plain addresses, by commas."
            )
        return addresses

    def senders(self) -> Mapping[Channel, Send]:
        """How a notice is sent, by channel."""
        return {
            Channel.EMAIL: self._send_email,
            Channel.CHAT: lambda taken: self._send_by_apprise(taken, is_page=False),
            Channel.PAGING: lambda taken: self._send_by_apprise(taken, is_page=True),
        }

    def mail_server(self) -> SmtpServer | None:
        """Where e-mail goes; None when none is configured. Raises `ConfigurationError` for one without a sender."""
        settings = self._settings
        if settings.smtp_server is None:
            return None
        return SmtpServer(
            host=settings.smtp_server,
            port=settings.smtp_port,
            tls=settings.smtp_tls,
            sender=self._sender(),
            user=settings.email_user,
            password=lambda: self._credentials.value("EMAIL_PASSWORD"),
            ca_file=settings.smtp_ca_file,
            timeout_s=settings.smtp_timeout_s,
        )

    def _sender(self) -> str:
        for candidate in (self._settings.email_from, self._settings.email_user):
            if candidate and is_address(candidate):
                return candidate
        raise ConfigurationError(
            "there is no address to send e-mail from",
            where="EMAIL_FROM",
            remedy="Set it to an address that the mail server lets you send as; EMAIL_USER serves where it is one.",
        )

    def _send_email(self, taken: Taken) -> None:
        server = self.mail_server()
        if server is None:
            raise ConfigurationError(
                "there is no mail server any more", where="SMTP_SERVER", remedy="Set it; the message waits until then."
            )
        notice = notice_of(taken.payload)
        message = mail_of(
            notice.content(title=self._title(notice)),
            event_id=notice.event_id,
            kind=notice.event_kind,
            sender=server.sender,
            receiver=notice.receiver,
            report=self._report(notice, _run_id(taken)),
            max_attached_bytes=self._configuration.notifications.attachments.max_kilobytes * 1_000,
        )
        server.send(message, receiver=notice.receiver)

    def _send_by_apprise(self, taken: Taken, *, is_page: bool) -> None:
        notice = notice_of(taken.payload)
        content = notice.content(title=self._title(notice))
        run_id = _run_id(taken)
        body = page_text(content) if is_page else chat_text(content, link=self._links.link(run_id) if run_id else None)
        url = self._credentials.value(notice.receiver)
        send_by_apprise(url, content, variable=notice.receiver, body=body)

    def _title(self, notice: Notice) -> str:
        """The processor's name for people; one that is not configured any more has the name that it had."""
        processor = notice.read().processor
        config = self._configuration.processors.get(processor)
        return config.title if config else processor

    def _report(self, notice: Notice, run_id: UUID | None) -> ReportOfRun:
        event = notice.read()
        if run_id is None or not isinstance(event, RunPublished):
            return ReportOfRun()
        suffixes = self._configuration.notifications.attachments.files
        files = report_of_run(self._settings.reports_dir, run_id, event.processor, event.business_date, suffixes)
        return ReportOfRun(files, self._links.link(run_id))


def report_of_run(
    reports_dir: Path, run_id: UUID, processor: str, business_date: date, suffixes: Sequence[str]
) -> tuple[Path, ...]:
    """The report's files in the order of `suffixes`; none when what lies there is the report of another run."""
    json = report_files(reports_dir, processor=processor, business_date=business_date).json
    if not json.exists():
        return ()
    with json.open("rb") as file:
        if str(run_id).encode() not in file.read(_HEAD_BYTES):
            return ()
    return tuple(path for suffix in suffixes if (path := json.with_suffix(f".{suffix}")).exists())


def _run_id(taken: Taken) -> UUID | None:
    assert isinstance(taken, Message), "taken from our outbox"
    return taken.run_id
