"""How a file writes amounts, signs and times, and what it does not write at all. Validation only."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, field_validator, model_validator

from recon_assets.domain.records import Status
from recon_assets.feeds.files.description_columns import ColumnName, OneCharacter, Strict
from recon_assets.schemas.currencies import exponent_of

ISO_8601: Final = "iso8601"
UNIX_SECONDS: Final = "unix_seconds"
OFFSET: Final = re.compile(r"[+-](?:0[0-9]|1[0-4]):[0-5][0-9]", re.ASCII)

_SAMPLE_TIME: Final = datetime(2025, 9, 30, 13, 5, 7, tzinfo=UTC)


class Constants(Strict):
    """What is the same for every row because the file has no column for it."""

    currency: str | None = None
    status: Status | None = None
    transaction_type: ColumnName | None = None
    merchant_id: ColumnName | None = None

    @field_validator("currency")
    @classmethod
    def _currency_exists(cls, value: str | None) -> str | None:
        if value is not None and exponent_of(value) is None:
            raise ValueError("not a currency code of ISO 4217, in capitals")
        return value

    def given(self) -> dict[str, str]:
        """Our word to the text of every row."""
        return {ours: str(value) for ours, value in self.model_dump().items() if value is not None}


class Amounts(Strict):
    """How amounts are written: `major` is 19.95, `minor` is 1995.

    `unused_side` is what stands in the other one of a debit and credit pair. `gross` of `net_plus_fee` is for a file
    that has only net amounts and fees in one currency. `empty_fee` of `zero` is for a file whose empty fee means none.
    """

    unit: Literal["major", "minor"] = "major"
    decimal_mark: OneCharacter = "."
    thousands_mark: Annotated[str, StringConstraints(max_length=1)] = ""
    symbol: Annotated[str, StringConstraints(max_length=5)] = ""
    negative: Literal["leading_minus", "trailing_minus", "parentheses"] = "leading_minus"
    unused_side: Literal["empty", "zero"] = "empty"
    gross: Literal["as_written", "net_plus_fee"] = "as_written"
    empty_fee: Literal["unknown", "zero"] = "unknown"

    @field_validator("decimal_mark", "thousands_mark")
    @classmethod
    def _is_no_part_of_a_number(cls, value: str) -> str:
        if value and (value.isalnum() or value in "+-()"):
            raise ValueError("a mark is no digit, letter or sign")
        return value

    @field_validator("symbol")
    @classmethod
    def _is_no_number(cls, value: str) -> str:
        if re.search(r"[0-9.,+\-()\s]", value):
            raise ValueError("a symbol such as $ or EUR has no digit, mark, sign or blank")
        return value

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.decimal_mark == self.thousands_mark:
            raise ValueError("decimal_mark and thousands_mark must differ")
        return self


class Signs(Strict):
    """Ours: money in is positive, a fee we pay is positive. `amount` goes for the net amount too.

    `words` are those of the columns `sign` and `fee_sign`: a credit is money in, a fee that is a debit is paid.
    """

    amount: Literal["as_is", "reversed"] = "as_is"
    fee: Literal["positive_is_charged", "negative_is_charged"] = "positive_is_charged"
    words: dict[str, Literal["credit", "debit"]] = Field(default_factory=dict)


class Times(Strict):
    """How times are written. `time_zone` is used where the text has no offset of its own; nothing is guessed.

    A zone is an IANA name, an offset such as -07:00, or a word of `zones`, which says what the file's own words mean.
    """

    format: str = ISO_8601
    time_zone: str | None = None
    zones: dict[str, str] = Field(default_factory=dict)

    @field_validator("format")
    @classmethod
    def _format_tells_a_date(cls, value: str) -> str:
        if value in {ISO_8601, UNIX_SECONDS}:
            return value
        try:
            parsed = datetime.strptime(_SAMPLE_TIME.strftime(value), value)  # noqa: DTZ007 - only its date is looked at
        except ValueError as error:
            raise ValueError(f"must be {ISO_8601}, {UNIX_SECONDS}, or a pattern such as %d/%m/%Y %H:%M:%S") from error
        if parsed.date() != _SAMPLE_TIME.date():
            raise ValueError("a pattern needs day, month and year")
        return value

    @model_validator(mode="after")
    def _zones_exist(self) -> Self:
        for word, zone in self.zones.items():
            if not is_zone(zone):
                raise ValueError(f"zones.{word}: unknown time zone; use a name such as Europe/Madrid, or -07:00")
        if self.time_zone is not None and self.time_zone not in self.zones and not is_zone(self.time_zone):
            raise ValueError(
                "time_zone: unknown time zone; use a name such as Europe/Madrid, an offset such as -07:00, "
                "or a word of `zones`"
            )
        return self

    @property
    def says_its_offset(self) -> bool:
        """Whether a time of this format needs no zone."""
        return "%" not in self.format or "%z" in self.format

    @property
    def fixed_zone(self) -> str | None:
        """The zone of all rows, as an IANA name or an offset."""
        return None if self.time_zone is None else self.zones.get(self.time_zone, self.time_zone)


def is_zone(name: str) -> bool:
    """Whether it is an IANA time zone or an offset such as -07:00."""
    if OFFSET.fullmatch(name):
        return True
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return False
    return True
