"""What a deployment says in `config/`: its processors, one YAML file each, matching rules, risk, retention,
notifications.

Loading contacts nothing. Every error names the file, the field and its line.
"""

import os
import string
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

from recon_assets.domain.business_day import BusinessDay, business_day
from recon_assets.domain.errors import ConfigurationError
from recon_assets.domain.risk import RiskThresholds
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.ledger.http_api import LedgerApiFeed
from recon_assets.ledger.sql.description import SqlLedgerFeed
from recon_assets.matching.rules import MatchingRules
from recon_assets.matching.rules_file import load_rules
from recon_assets.notifications.rules import NotificationRules
from recon_assets.notifications.rules_file import load_notification_rules
from recon_assets.processors.registry import ProcessorFeed
from recon_assets.quality.checks import DESCRIPTIONS
from recon_assets.settings import Settings
from recon_assets.yaml_documents import Place, YamlDocument, read_yaml

SANDBOX_URL: Final = "http://sandbox"
"""Stands for the built-in sandbox until somebody needs it: `recon_assets.resources.feeds` starts it then."""

_GUIDE: Final = "docs/processors.md"


class LateRecords(BaseModel):
    """`late_records`: how many finished days before the newest one are asked for again once a day; 0 is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    look_back_days: Annotated[int, Field(strict=True, ge=0, le=31)] = 0


class ProcessorConfig(BaseModel):
    """One processor: its two feeds and its business day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
    title: str
    owner: str
    start_date: date
    time_zone: str = "UTC"
    day_starts_at: time = time()
    late_records: LateRecords = LateRecords()
    feed: Annotated[ProcessorFeed | FilesDescription, Field(discriminator="kind")]
    ledger: Annotated[LedgerApiFeed | SqlLedgerFeed | FilesDescription, Field(discriminator="kind")]

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of the list, as `America`
            raise ValueError(f"{name!r} is no time zone of the IANA list") from error
        return name

    @field_validator("day_starts_at", mode="before")
    @classmethod
    def _is_a_wall_time(cls, value: object) -> object:
        """YAML reads a bare 17:00 as the number 1020, which would be 17 minutes past midnight."""
        if isinstance(value, int | float):
            raise ValueError('write the time in quotes, such as "17:00"')  # noqa: TRY004 - pydantic reports ValueError
        return value

    @field_validator("day_starts_at")
    @classmethod
    def _is_in_the_time_zone(cls, value: time) -> time:
        if value.tzinfo is not None:
            raise ValueError("is a wall time in time_zone: write it without an offset")
        return value

    def business_day(self, business_date: date) -> BusinessDay:
        """The window of one business date."""
        return business_day(self.name, business_date, time_zone=self.time_zone, day_starts_at=self.day_starts_at)

    def last_ended_business_date(self, at: datetime) -> date:
        """The latest business date that is over at the instant `at`, in this processor's zone and cut-off."""
        candidate = at.astimezone(UTC).date()
        while self.business_day(candidate).ends_at > at:
            candidate -= timedelta(days=1)
        return candidate


class Retention(BaseModel):
    """`retention.yaml`: how many months of discrepancies stay attached, that of today included; None is all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keep_attached_months: Annotated[int, Field(strict=True, ge=13, le=1200)] | None = None


class _RiskFile(BaseModel):
    """`risk.yaml`: what it does not say keeps its default in `RiskThresholds`."""

    model_config = ConfigDict(extra="forbid")

    low_below_rate: Decimal = Field(default=Decimal(0), ge=0, le=1)
    low_below_amount: Decimal = Field(default=Decimal(0), ge=0)
    high_from_rate: Decimal = Field(default=Decimal(0), ge=0, le=1)
    high_from_amount: Decimal = Field(default=Decimal(0), ge=0)


class Configuration(BaseModel):
    """Everything below `config/`."""

    model_config = ConfigDict(frozen=True)

    processors: Mapping[str, ProcessorConfig]
    risk: RiskThresholds
    retention: Retention = Retention()
    rules: Mapping[str, MatchingRules] = {}
    notifications: NotificationRules = NotificationRules()

    @classmethod
    def load(cls, settings: Settings) -> Self:
        """Read `processors/*.yaml`, `matching.yaml`, `risk.yaml`, `retention.yaml` and `notifications.yaml`.

        Raises `ConfigurationError` for a folder without processors, a file that is no YAML, an unknown or missing
        field, and a processor that is declared twice.
        """
        folder = settings.config_dir / "processors"
        processors: dict[str, ProcessorConfig] = {}
        for path in sorted(folder.glob("*.yaml")):
            config = _substituted(read_yaml(path), settings).parse(ProcessorConfig, guide=_GUIDE)
            if config.name in processors:
                raise ConfigurationError(
                    f"processor {config.name} is declared twice", where=str(path), remedy="Give each its own name."
                )
            processors[config.name] = config
        if not processors:
            raise ConfigurationError(
                "no processor is configured",
                where=str(folder),
                remedy="Add a file such as stripe.yaml, or set RECON_CONFIG_DIR.",
            )
        return cls(
            processors=processors,
            risk=_risk_thresholds(settings.config_dir / "risk.yaml"),
            retention=_retention(settings.config_dir / "retention.yaml"),
            rules=load_rules(settings.config_dir / "matching.yaml", processors=processors),
            notifications=load_notification_rules(
                settings.config_dir / "notifications.yaml", processors=processors, checks=DESCRIPTIONS
            ),
        )

    def processor(self, name: str) -> ProcessorConfig:
        """The processor of that name; raises `ConfigurationError` that lists the known ones."""
        if name not in self.processors:
            raise ConfigurationError(
                f"there is no processor {name}",
                where="config/processors",
                remedy=f"Known processors: {', '.join(sorted(self.processors))}.",
            )
        return self.processors[name]

    def matching_rules(self, processor_name: str) -> MatchingRules:
        """What matches what at that processor; raises `ConfigurationError` for one that does not exist."""
        return self.rules.get(self.processor(processor_name).name, MatchingRules())


def _risk_thresholds(path: Path) -> RiskThresholds:
    if not path.exists():
        return RiskThresholds()
    return RiskThresholds(**read_yaml(path).parse(_RiskFile, guide=_GUIDE).model_dump(exclude_unset=True))


def _retention(path: Path) -> Retention:
    document = read_yaml(path) if path.exists() else None
    if document is None or document.value is None:  # no file, or one of comments only
        return Retention()
    return document.parse(Retention, guide="docs/retention.md")


def _substituted(document: YamlDocument, settings: Settings) -> YamlDocument:
    """The document with `${NAME}` replaced by settings and environment variables, in text values only."""
    urls = {
        "PROCESSOR_API_BASE_URL": settings.processor_api_base_url,
        "INTERNAL_API_BASE_URL": settings.internal_api_base_url,
    }
    values = dict(os.environ) | {name: SANDBOX_URL if url == "sandbox" else url for name, url in urls.items()}

    def replaced(node: Any, place: Place) -> Any:
        if isinstance(node, dict):
            return {key: replaced(value, (*place, key)) for key, value in node.items()}
        if isinstance(node, list):
            return [replaced(value, (*place, number)) for number, value in enumerate(node)]
        if not isinstance(node, str) or "${" not in node:
            return node
        try:
            return string.Template(node).substitute(values)
        except (KeyError, ValueError) as error:
            raise ConfigurationError(
                f"a ${{…}} in the file has no value: {error}",
                where=f"{document.path}, line {document.line_of(place)}",
                remedy="Set the environment variable, or write the value into the file.",
            ) from error

    return replace(document, value=replaced(document.value, ()))
