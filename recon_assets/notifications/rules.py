"""Who is told what: the rules of `notifications.yaml`, and which of them an event meets.

Not here: reading the file (`rules_file`) and what the channels need beside it, which is secret (`resources`).
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from recon_assets.domain.messages import AlertSeverity, AuditBroken, CheckFailed, MessageKind, RunPublished
from recon_assets.domain.verdict import Verdict
from recon_assets.notifications.events import Event, is_history
from recon_assets.notifications.thresholds import SeverityThresholds

_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
MAX_RULES: Final = 50
MAX_RECEIVERS: Final = 50


class Channel(StrEnum):
    """How a message travels. Chat and paging go through apprise; a page is the first line alone."""

    EMAIL = "email"
    CHAT = "chat"
    PAGING = "paging"


def is_address(text: str) -> bool:
    """Whether `text` is one plain e-mail address in ASCII."""
    return _ADDRESS.fullmatch(text) is not None


def _is_receiver(text: str) -> str:
    if not (_VARIABLE.fullmatch(text) or is_address(text)):
        raise ValueError(
            "is neither an e-mail address nor the name of an environment variable, such as OPERATIONS_EMAIL"
        )
    return text


Receiver = Annotated[str, AfterValidator(_is_receiver)]
SeverityWord = Literal["low", "medium", "high", "critical"]


class Rule(BaseModel):
    """Whoever is in `to` is told the events that meet every part of the rule.

    `backfills` are days that are done as part of a range: who fills a year sees its end, and wants no year of mails.
    `to` holds addresses, or names of environment variables with addresses by commas (e-mail) or with the one URL of a
    service (chat, paging), which is a secret.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,49}$")]
    channel: Channel
    to: Annotated[tuple[Receiver, ...], Field(min_length=1, max_length=MAX_RECEIVERS)]
    events: Annotated[tuple[MessageKind, ...], Field(min_length=1)] = tuple(MessageKind)
    from_severity: SeverityWord = "low"
    processors: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    quiet_when: tuple[Verdict, ...] = (Verdict.RECONCILED,)
    except_checks: tuple[str, ...] = ()
    backfills: bool = False

    @model_validator(mode="after")
    def _secrets_are_not_written_here(self) -> Self:
        if self.channel is not Channel.EMAIL and any(is_address(text) for text in self.to):
            raise ValueError(
                f"to: {self.channel} takes the name of the environment variable that holds the service's URL"
            )
        return self

    def meets(self, event: Event, severity: AlertSeverity, kind: MessageKind) -> bool:
        """Whether the event is for those in `to`."""
        return (
            kind in self.events
            and severity >= AlertSeverity[self.from_severity.upper()]
            and (self.processors is None or event.processor in self.processors or isinstance(event, AuditBroken))
            and (self.backfills or not is_history(event))
            and not (isinstance(event, RunPublished) and event.verdict in self.quiet_when)
            and not (isinstance(event, CheckFailed) and event.check_name in self.except_checks)
        )


class Attachments(BaseModel):
    """Which of a report's files an e-mail carries, as long as they are no more than `max_kilobytes` together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: tuple[Literal["html", "xlsx", "csv", "json"], ...] = ("html", "xlsx", "csv")
    max_kilobytes: Annotated[int, Field(strict=True, ge=0, le=25_000)] = 5_000


class NotificationRules(BaseModel):
    """The whole file. What it does not say keeps its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    severity: SeverityThresholds = SeverityThresholds()
    late_after_hours: Annotated[int, Field(strict=True, ge=1, le=240)] = 12
    attachments: Attachments = Attachments()
    rules: Annotated[tuple[Rule, ...], Field(max_length=MAX_RULES)] = (
        Rule(
            name="operations",
            channel=Channel.EMAIL,
            to=("OPERATIONS_EMAIL",),
            except_checks=("reconciliation_is_proven",),
        ),
    )

    def told(self, event: Event, severity: AlertSeverity, kind: MessageKind) -> Iterator[tuple[Channel, str]]:
        """Channels and receivers as the rules write them; one may come twice."""
        for rule in self.rules:
            if rule.meets(event, severity, kind):
                for receiver in rule.to:
                    yield rule.channel, receiver
