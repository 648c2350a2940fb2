"""A message as e-mail: plain text and HTML that say the same, and the report, where it is small enough.

Not here: sending it (`smtp`).
"""

import mimetypes
import re
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from recon_assets.domain.messages import AlertSeverity
from recon_assets.notifications.reports import ReportOfRun
from recon_assets.notifications.shape import Content, Table

if TYPE_CHECKING:
    from jinja2 import Template

_TEMPLATES: Final = Path(__file__).resolve().parent / "templates"
_TEXT_WIDTH: Final = 78
_AMOUNT: Final = re.compile(r"([0-9]) ([A-Z]{3}\b)")
COLOUR_OF_TONE: Final = {"good": "#17693b", "notice": "#1f5f8b", "bad": "#a3261c", "unknown": "#7a5200"}
"""Each has a contrast of at least 5.5 to 1 with white (WCAG AA asks 4.5)."""


def message_id(event_id: UUID, receiver: str, *, sender: str) -> str:
    """The same for the same event and receiver, however often it is sent: a receiver may drop the second."""
    return f"<{uuid5(event_id, receiver)}@{sender.rpartition('@')[2]}>"


def mail_of(
    content: Content,
    *,
    event_id: UUID,
    kind: str,
    sender: str,
    receiver: str,
    report: ReportOfRun,
    max_attached_bytes: int,
) -> EmailMessage:
    """The mail. What of the report does not fit into `max_attached_bytes` is left out, and it says where that lies."""
    attached = _fitting(report.files, max_attached_bytes)
    where = _where(report, attached)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = content.subject
    message["From"] = sender
    message["To"] = receiver
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = message_id(event_id, receiver, sender=sender)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Recon-Event"] = kind
    message["X-Recon-Severity"] = content.severity.word
    if content.severity is AlertSeverity.CRITICAL:
        message["Importance"] = "high"
    message.set_content(_text(content, link=report.link, where=where))
    message.add_alternative(
        _template().render(
            content=content, link=report.link, where=where, colour=COLOUR_OF_TONE[content.tone], colours=COLOUR_OF_TONE
        ),
        subtype="html",
    )
    for path, data in attached:
        main, _, sub = (mimetypes.guess_type(path.name)[0] or "application/octet-stream").partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=path.name)
    return message


def without_attachments(message: EmailMessage) -> EmailMessage:
    """The same mail for a server that takes no more: its texts alone, with the same id."""
    slim = EmailMessage(policy=SMTP)
    for name, value in message.items():
        if not name.lower().startswith(("content-", "mime-")):
            slim[name] = value
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None and html is not None, "our mails have both"
    slim.set_content(text.get_content() + "\n(The report was too large for the mail server.)\n")
    slim.add_alternative(html.get_content(), subtype="html")
    return slim


def _fitting(files: Sequence[Path], max_bytes: int) -> list[tuple[Path, bytes]]:
    """The files in their order, as long as they fit together; a later smaller one may follow one that does not."""
    fitting: list[tuple[Path, bytes]] = []
    left = max_bytes
    for path in files:
        if path.stat().st_size <= left:
            data = path.read_bytes()
            left -= len(data)
            fitting.append((path, data))
    return fitting


def _where(report: ReportOfRun, attached: Sequence[tuple[Path, bytes]]) -> str | None:
    """A sentence on what is attached and what is not."""
    if not report.files:
        return None
    names = [path.name for path, _ in attached]
    left_out = [path.name for path in report.files if path.name not in names]
    folder = report.files[0].parent
    if not left_out:
        return "The report is attached."
    kept = f"{', '.join(left_out)}: too large to attach, kept in {folder} on the machine that ran it."
    return f"Attached: {', '.join(names)}. {kept}" if names else kept


def _text(content: Content, *, link: str | None, where: str | None) -> str:
    parts = [_wrapped(content.first_line)]
    if content.change:
        parts.append(_wrapped(content.change))
    parts += [_wrapped(sentence) for sentence in content.sentences]
    parts += [_text_table(table) for table in content.tables]
    if link:
        parts.append(f"Report: {link}")
    if where:
        parts.append(where)
    parts.append(f"At a terminal: {content.command}")
    return "\n\n".join(parts) + "\n"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)


def _text_table(table: Table) -> str:
    rows = [table.headings, *table.rows] if any(table.headings) else list(table.rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.headings))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([table.title, "-" * len(table.title), *lines])


@cache
def _template() -> "Template":
    """Everything that is put into it is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = _unbroken
    return environment.get_template("mail.html")


def _unbroken(text: str) -> str:
    """`text` in which no line breaks between an amount and its currency."""
    return _AMOUNT.sub("\\1\u00a0\\2", text)
