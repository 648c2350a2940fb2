# ruff: noqa: N802 - aiosmtpd calls its hooks handle_RCPT and so on
"""A real SMTP server on loopback, in a thread of its own, that fails when and how a test tells it to.

    server.plan("RCPT", "451 later")     the next RCPT is answered so; plans of a stage are used up in their order
    server.plan("DATA", DROP_AFTER)      takes the message, then cuts the connection instead of answering

Stages: EHLO, MAIL, RCPT, DATA, QUIT. What it took is in `received`, copies too.
"""

import asyncio
import ssl
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from enum import Enum
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

PASSWORD = "s3cret-mail"
USER = "recon@company.example"


class Act(Enum):
    """What a server does instead of answering."""

    HANG = "never answers"
    DRIP = "answers without end, line by line"
    DROP = "cuts the connection"
    DROP_AFTER = "takes it, then cuts the connection"


HANG, DRIP, DROP, DROP_AFTER = Act

Plan = str | Act | Callable[[], None] | None
"""None is the usual answer."""


@dataclass(frozen=True)
class Received:
    receiver: str
    sender: str
    message: EmailMessage
    over_tls: bool
    is_logged_in: bool

    @property
    def id(self) -> str:
        return str(self.message["Message-ID"])

    def part(self, kind: str) -> str:
        body = self.message.get_body((kind,))
        assert body is not None
        return str(body.get_content())

    @property
    def attached(self) -> list[str]:
        return [str(part.get_filename()) for part in self.message.iter_attachments()]


@dataclass
class MailServer:
    port: int = 0
    received: list[Received] = field(default_factory=list)
    sessions: int = 0
    commands_in_clear: list[str] = field(default_factory=list)
    _plans: defaultdict[str, deque[Plan]] = field(default_factory=lambda: defaultdict(deque))

    def plan(self, stage: str, *plans: Plan) -> None:
        self._plans[stage].extend(plans)

    def texts(self) -> str:
        return "\n".join(one.message.as_string() for one in self.received)

    async def act(self, stage: str, server: SMTP) -> str | None:
        """The planned answer; None for the usual one."""
        plan = self._plans[stage].popleft() if self._plans[stage] else None
        match plan:
            case str():
                return plan
            case Act.HANG:
                await asyncio.Event().wait()
            case Act.DRIP:
                while not server.transport.is_closing():
                    server.transport.write(b"250-wait\r\n")
                    await asyncio.sleep(0.01)
            case Act.DROP | Act.DROP_AFTER:
                server.transport.abort()
            case None:
                return None
            case _:
                plan()
        return None if plan is not Act.DROP else "421 gone"


class _Handler:
    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def handle_EHLO(self, server: SMTP, session: Session, _: Envelope, hostname: str, responses: list[str]):
        session.host_name = hostname
        self._server.sessions += 1
        answer = await self._server.act("EHLO", server)
        return [answer] if answer else responses

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, _: list[str]) -> str:
        if session.ssl is None:
            self._server.commands_in_clear.append("MAIL")
        envelope.mail_from = address
        return await self._server.act("MAIL", server) or "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, _: list[str]) -> str:
        answer = await self._server.act("RCPT", server)
        if not answer:
            envelope.rcpt_tos.append(address)
        return answer or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = None
        plans = self._server._plans["DATA"]
        if plans and isinstance(plans[0], str):
            return str(await self._server.act("DATA", server))
        (receiver,) = envelope.rcpt_tos
        message = message_from_bytes(envelope.content, policy=POLICY)
        assert isinstance(message, EmailMessage)
        self._server.received.append(
            Received(receiver, envelope.mail_from, message, session.ssl is not None, bool(session.authenticated))
        )
        answer = await self._server.act("DATA", server)
        return answer or "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return await self._server.act("QUIT", server) or "221 Bye"


def _takes_login(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    assert isinstance(data, LoginPassword)
    return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)


class _Controller(Controller):
    """On a free port, which is known when it listens."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def running_mail_server(
    certificate: tuple[Path, Path] | None = None, *, size: int = 33_554_432
) -> Iterator[MailServer]:
    """With a certificate it demands STARTTLS and a login; without one it offers neither."""
    mail_server = MailServer()
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    controller = _Controller(
        _Handler(mail_server),
        hostname="127.0.0.1",
        port=0,
        ready_timeout=30,
        tls_context=context,
        require_starttls=context is not None,
        auth_required=context is not None,
        authenticator=_takes_login if context else None,
        data_size_limit=size,
        loop=asyncio.new_event_loop(),
    )
    controller.start()
    try:
        mail_server.port = controller.port
        yield mail_server
    finally:
        controller.stop()
