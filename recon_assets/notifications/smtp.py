"""E-mail by SMTP: over TLS unless that is switched off, one session a message, and what each refusal means.

| what happens | then |
|---|---|
| no connection, a time-out, 421, 4xx before the receiver is named | `ChannelUnavailable`: all e-mail waits |
| 4xx about the receiver or the message | `ChannelUnavailable` of this receiver |
| 5xx about the receiver or the message | `ReceiverRefused` |
| no STARTTLS, a certificate that is not right, a wrong login, a sender that is refused | `ConfigurationError` |
| the answer to the whole message is lost | `ChannelUnavailable`, and it may have arrived |
"""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from socket import SHUT_RDWR
from threading import Timer
from typing import Final, Literal

from pydantic import SecretStr

from recon_assets.domain.errors import ChannelUnavailable, ConfigurationError, ReceiverRefused
from recon_assets.notifications.mail import without_attachments
from recon_assets.notifications.words import one_line

TIMEOUT_S: Final = 10.0
"""Of each answer of the server."""
SESSION_S: Final = 45.0
"""Of a whole session: a server that sends a byte now and then keeps within the time-out of an answer for ever."""
MAX_ANSWER_CHARACTERS: Final = 300

_CLOSING: Final = 421


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mails are given up. `password` is asked for at each login; `user` None logs in nowhere."""

    host: str
    port: int
    tls: Literal["starttls", "implicit", "none"]
    sender: str
    user: str | None = None
    password: Callable[[], SecretStr] | None = None
    ca_file: Path | None = None
    timeout_s: float = TIMEOUT_S
    session_s: float = SESSION_S

    @property
    def where(self) -> str:
        """For people; without credentials."""
        return f"mail server {self.host}:{self.port}"

    def send(self, message: EmailMessage, *, receiver: str) -> None:
        """Hand the message over for one receiver. Raises as the table of this module says."""
        with self._session() as client:
            fitting = self._fitting(client, message)
            self._demand(client.mail(self.sender), "the sender")
            self._take(client.rcpt(receiver), "the receiver")
            try:
                self._take(client.data(fitting), "the message")
            except smtplib.SMTPDataError as error:
                self._take((error.smtp_code, error.smtp_error), "the message")
            except (smtplib.SMTPServerDisconnected, OSError) as error:
                raise self._unavailable(
                    f"the answer to the message was lost ({_reason(error)})", may_have_arrived=True
                ) from error

    def probe(self) -> str:
        """Connect and log in as for a message, and send none; returns what was agreed. Raises like `send`."""
        with self._session() as client:
            cipher = client.sock.cipher() if isinstance(client.sock, ssl.SSLSocket) else None
            protection = f"{cipher[1]}" if cipher else "no TLS"
            return f"{self.where}, {protection}, {'logged in' if self.user else 'no login'}"

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """Connected, protected and logged in. The server has `session_s` for everything."""
        client = self._connected()
        watchdog = Timer(self.session_s, _cut, [client])
        watchdog.daemon = True
        watchdog.start()
        try:
            with self._failures():
                self._begin(client)
                yield client
                with suppress(smtplib.SMTPException, OSError):  # it has the message, or nobody gets it
                    client.quit()
        finally:
            watchdog.cancel()
            client.close()

    def _connected(self) -> smtplib.SMTP:
        with self._failures():
            if self.tls == "implicit":
                return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_s, context=self._context())
            return smtplib.SMTP(self.host, self.port, timeout=self.timeout_s)

    def _begin(self, client: smtplib.SMTP) -> None:
        client.ehlo_or_helo_if_needed()
        if self.tls == "starttls":
            if not client.has_extn("starttls"):
                raise ConfigurationError(
                    "the mail server offers no STARTTLS, and nothing is sent in clear",
                    where=self.where,
                    remedy="Use a server and port that do, usually 587; SMTP_TLS=none is for a server on this machine.",
                )
            client.starttls(context=self._context())
            client.ehlo()
        if self.user is not None:
            assert self.password is not None, "a user has a password"
            try:
                client.login(self.user, self.password().get_secret_value())
            except smtplib.SMTPAuthenticationError as error:
                if 400 <= error.smtp_code < 500:
                    raise self._unavailable(_said("the login was put off", error.smtp_code, error.smtp_error)) from None
                raise ConfigurationError(
                    f"the mail server does not take the login ({error.smtp_code})",
                    where=self.where,
                    remedy="Correct EMAIL_USER and EMAIL_PASSWORD; the message waits until then.",
                ) from None  # its text may repeat what was sent
            except smtplib.SMTPNotSupportedError:
                raise ConfigurationError(
                    "the mail server offers no login",
                    where=self.where,
                    remedy="Leave EMAIL_USER out, or use the port for submission, usually 587.",
                ) from None

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """The exceptions of smtplib and of the network as ours."""
        try:
            yield
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            raise self._unavailable("no session (it ended while TLS began)") from error
        except ssl.SSLError as error:
            raise ConfigurationError(
                f"no TLS with the mail server: {getattr(error, 'verify_message', None) or error.reason or 'it ended'}",
                where=self.where,
                remedy="Correct SMTP_SERVER, or name the authority that signed its certificate in SMTP_CA_FILE.",
            ) from error
        except smtplib.SMTPResponseException as error:
            raise self._unavailable(_said("no session", error.smtp_code, error.smtp_error)) from error
        except (smtplib.SMTPException, OSError) as error:
            raise self._unavailable(f"no session ({_reason(error)})") from error

    def _fitting(self, client: smtplib.SMTP, message: EmailMessage) -> bytes:
        """As the server takes it: without its attachments where it says that it takes no more."""
        size = client.esmtp_features.get("size", "")
        whole = message.as_bytes()
        if size.isdigit() and 0 < int(size) < len(whole) and any(message.iter_attachments()):
            return without_attachments(message).as_bytes()
        return whole

    def _demand(self, answer: tuple[int, bytes], what: str) -> None:
        """Of what has nothing to do with the receiver."""
        code, text = answer
        if code < 500 and not _is_success(code):
            raise self._unavailable(_said(f"{what} was put off", code, text))
        if code >= 500:
            raise ConfigurationError(
                _said(f"the mail server refuses {what}", code, text),
                where=self.where,
                remedy="Correct EMAIL_FROM, or the login: the server must let it send in that name.",
            )

    def _take(self, answer: tuple[int, bytes | str], what: str) -> None:
        code, text = answer
        if code < 500 and not _is_success(code):
            is_of_receiver = code >= 400 and code != _CLOSING
            raise self._unavailable(_said(f"{what} was put off", code, text), is_of_receiver=is_of_receiver)
        if code >= 500:
            raise ReceiverRefused(
                _said(f"the mail server refuses {what}", code, text),
                where=self.where,
                remedy="Correct the address in notifications.yaml or its variable, then `recon notify --again`.",
            )

    def _unavailable(
        self, what: str, *, is_of_receiver: bool = False, may_have_arrived: bool = False
    ) -> ChannelUnavailable:
        return ChannelUnavailable(
            what,
            where=self.where,
            remedy="It is tried again by itself.",
            is_of_receiver=is_of_receiver,
            may_have_arrived=may_have_arrived,
        )

    def _context(self) -> ssl.SSLContext:
        """Certificate and host name are always checked."""
        try:
            return ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"the file of authorities can't be read: {type(error).__name__}",
                where=f"SMTP_CA_FILE={self.ca_file}",
                remedy="Name a file in PEM that this program may read.",
            ) from error


def _cut(client: smtplib.SMTP) -> None:
    """End the session from beside: whoever waits in it gets an error at once."""
    with suppress(OSError):
        if client.sock is not None:
            client.sock.shutdown(SHUT_RDWR)


def _is_success(code: int) -> bool:
    """An answer that is none, which smtplib calls -1, is no success."""
    return 200 <= code < 300


def _said(what: str, code: int, text: bytes | str) -> str:
    """With the server's own words, which people look up."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return one_line(f"{what}: {code} {words}", longest=MAX_ANSWER_CHARACTERS)


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return str(error)  # says whether it was closed or timed out
    strerror = getattr(error, "strerror", None)
    return strerror if isinstance(strerror, str) else type(error).__name__
