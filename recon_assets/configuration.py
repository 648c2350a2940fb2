"""What a deployment says in `config/`: its processors, one YAML file each, the risk thresholds, and the retention.

Loading contacts nothing. Every error names the file and the field.
"""

import os
import string
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from recon_assets.domain.business_day import BusinessDay, business_day
from recon_assets.domain.errors import ConfigurationError
from recon_assets.domain.risk import RiskThresholds
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.ledger.http_api import LedgerApiFeed
from recon_assets.ledger.sql.description import SqlLedgerFeed
from recon_assets.processors.registry import ProcessorFeed
from recon_assets.settings import Settings

Parsed = TypeVar("Parsed")

SANDBOX_URL: Final = "http://sandbox"
"""Stands for the built-in sandbox until somebody needs it: `recon_assets.resources.feeds` starts it then."""


class ProcessorConfig(BaseModel):
    """One processor: its two feeds and its business day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
    title: str
    owner: str
    start_date: date
    time_zone: str = "UTC"
    day_starts_at: time = time()
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

    @classmethod
    def load(cls, settings: Settings) -> Self:
        """Read `processors/*.yaml`, `risk.yaml` and `retention.yaml` of the configuration folder.

        Raises `ConfigurationError` for a folder without processors, a file that is no YAML, an unknown or missing
        field, and a processor that is declared twice.
        """
        folder = settings.config_dir / "processors"
        processors: dict[str, ProcessorConfig] = {}
        for path in sorted(folder.glob("*.yaml")):
            config = _parse(ProcessorConfig, path, _substituted(path, settings))
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


def _risk_thresholds(path: Path) -> RiskThresholds:
    if not path.exists():
        return RiskThresholds()
    return RiskThresholds(**_parse(_RiskFile, path, _yaml(path)).model_dump(exclude_unset=True))


def _retention(path: Path) -> Retention:
    document = _yaml(path) if path.exists() else None
    if document is None:  # no file, or one of comments only
        return Retention()
    return _parse(Retention, path, document, guide="docs/retention.md")


def _substituted(path: Path, settings: Settings) -> Any:
    """The YAML document with `${NAME}` replaced by settings and environment variables, in text values only."""
    urls = {
        "PROCESSOR_API_BASE_URL": settings.processor_api_base_url,
        "INTERNAL_API_BASE_URL": settings.internal_api_base_url,
    }
    values = dict(os.environ) | {name: SANDBOX_URL if url == "sandbox" else url for name, url in urls.items()}

    def replaced(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: replaced(value) for key, value in node.items()}
        if isinstance(node, list):
            return [replaced(value) for value in node]
        return string.Template(node).substitute(values) if isinstance(node, str) and "${" in node else node

    document = _yaml(path)
    try:
        return replaced(document)
    except (KeyError, ValueError) as error:
        raise ConfigurationError(
            f"a ${{…}} in the file has no value: {error}",
            where=str(path),
            remedy="Set the environment variable, or write the value into the file.",
        ) from error


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except ValueError as error:  # bytes that are no UTF-8, or a date such as 2025-13-45
        raise ConfigurationError(
            f"the file can't be read: {error}",
            where=str(path),
            remedy="Save it as UTF-8; a date is YYYY-MM-DD.",
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigurationError(
            "the file is no valid YAML", where=f"{path}{line}", remedy="Mend the indentation or the quotes there."
        ) from error


def _parse(model: type[Parsed], path: Path, document: Any, *, guide: str = "docs/processors.md") -> Parsed:
    try:
        return TypeAdapter(model).validate_python(document)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'the document'}: {item['msg']}" for item in error.errors()
        )
        raise ConfigurationError(
            f"the configuration is wrong: {problems}",
            where=str(path),
            remedy=f"Correct the fields named; {guide} lists what each may hold.",
        ) from error
