"""Chat and paging through apprise: a service is one URL, which is a secret and stands in no text of ours."""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pydantic import SecretStr

from recon_assets.domain.errors import ChannelUnavailable, ConfigurationError
from recon_assets.domain.messages import AlertSeverity
from recon_assets.notifications.shape import Content

_STATUS: Final = re.compile(r"error=([0-9]{3})")
_TYPE_OF_SEVERITY: Final = {
    AlertSeverity.LOW: "info",
    AlertSeverity.MEDIUM: "warning",
    AlertSeverity.HIGH: "warning",
    AlertSeverity.CRITICAL: "failure",
}
"""apprise's words, which services show as colours."""


def send_by_apprise(url: SecretStr, content: Content, *, variable: str, body: str) -> None:
    """Hand `body` over, with the subject as title. `variable` is the name under which the URL is kept.

    Raises `ConfigurationError` for what is no URL of a service, `ChannelUnavailable` when the service did not take it.
    """
    with _heard() as heard, warnings.catch_warnings():
        # its modules for other services import what Python has deprecated
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise

        service = apprise.Apprise()
        if not service.add(url.get_secret_value()) or len(service) != 1:
            raise ConfigurationError(
                "the value is not the URL of one service that apprise knows",
                where=f"the variable {variable}",
                remedy="See docs/notifications.md, or apprise's list of services.",
            )
        is_taken = service.notify(title=content.subject, body=body, notify_type=_TYPE_OF_SEVERITY[content.severity])
    if not is_taken:
        status = next((found[1] for line in heard if (found := _STATUS.search(line))), None)
        raise ChannelUnavailable(
            f"the service did not take the message ({f'HTTP {status}' if status else 'no answer'})",
            where=f"the variable {variable}",
            remedy="It is tried again by itself; if it stays, look whether the service has withdrawn the URL.",
            is_of_receiver=True,
        )


def chat_text(content: Content, *, link: str | None) -> str:
    """The first line and what changed; figures are in the report."""
    lines = [content.first_line, *([content.change] if content.change else []), *content.sentences]
    return "\n".join([*lines, *([f"Report: {link}"] if link else [])])


def page_text(content: Content) -> str:
    """The first line: somebody reads it at night."""
    return content.first_line


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What apprise logs, kept from every log: it may name the URL."""
    logger = logging.getLogger("apprise")
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    before = (logger.handlers, logger.propagate, logger.level)
    logger.handlers, logger.propagate = [Kept()], False
    logger.setLevel(logging.WARNING)
    try:
        yield lines
    finally:
        logger.handlers, logger.propagate = before[0], before[1]
        logger.setLevel(before[2])
