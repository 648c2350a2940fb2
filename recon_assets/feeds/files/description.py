"""What the YAML of a file feed may say. Validation only: reading files by it is done by the neighbours."""

import codecs
import re
from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from recon_assets.domain.records import Movement, Status
from recon_assets.schemas.currencies import exponent_of

ISO_8601: Final = "iso8601"
UNIX_SECONDS: Final = "unix_seconds"
MAX_SKIP_LINES: Final = 1_000

_DATE_PLACEHOLDER: Final = re.compile(r"\{date(?::([^{}]+))?\}")
_SAMPLE_TIME: Final = datetime(2025, 9, 30, 13, 5, 7, tzinfo=UTC)

OneCharacter = Annotated[str, StringConstraints(min_length=1, max_length=1)]
ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class _Strict(BaseModel):
    """A word that we do not know is a mistake, not a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CsvOptions(_Strict):
    """How the file is written. A byte order mark is accepted whatever is said here."""

    delimiter: OneCharacter = ","
    quote: OneCharacter | None = '"'
    encoding: str = "utf-8"
    skip_lines: int = Field(default=0, ge=0, le=MAX_SKIP_LINES)

    @field_validator("delimiter", "quote")
    @classmethod
    def _is_one_byte(cls, value: str | None) -> str | None:
        if value is not None and (not value.isascii() or value in "\r\n"):
            raise ValueError("must be one ASCII character that does not end a line")
        return value

    @field_validator("encoding")
    @classmethod
    def _encoding_exists(cls, value: str) -> str:
        try:
            return codecs.lookup(value).name
        except LookupError as error:
            raise ValueError("unknown encoding; examples: utf-8, cp1252, iso-8859-1, utf-16") from error

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.delimiter == self.quote:
            raise ValueError("delimiter and quote must differ")
        return self


class Columns(_Strict):
    """The feed's own column names (in JSON lines: paths such as `amount.value`), by our word."""

    transaction_id: ColumnName
    amount: ColumnName
    occurred_at: ColumnName
    currency: ColumnName | None = None
    status: ColumnName | None = None
    fee: ColumnName | None = None
    net: ColumnName | None = None
    merchant_id: ColumnName | None = None
    record_id: ColumnName | None = None
    reference_number: ColumnName | None = None
    order_id: ColumnName | None = None
    payout_id: ColumnName | None = None
    transaction_type: ColumnName | None = None

    def mapped(self) -> dict[str, str]:
        """Our word to the feed's column, for the columns that are mapped."""
        return {ours: theirs for ours, theirs in self.model_dump().items() if theirs is not None}


class Constants(_Strict):
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


class Amounts(_Strict):
    """How amounts are written: `major` is 19.95, `minor` is 1995."""

    unit: Literal["major", "minor"] = "major"
    decimal_mark: OneCharacter = "."
    thousands_mark: Annotated[str, StringConstraints(max_length=1)] = ""

    @field_validator("decimal_mark", "thousands_mark")
    @classmethod
    def _is_no_part_of_a_number(cls, value: str) -> str:
        if value and (value.isalnum() or value in "+-"):
            raise ValueError("a mark is no digit, letter or sign")
        return value

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.decimal_mark == self.thousands_mark:
            raise ValueError("decimal_mark and thousands_mark must differ")
        return self


class Signs(_Strict):
    """Ours: money in is positive, a fee we pay is positive. `amount` goes for the net amount too."""

    amount: Literal["as_is", "reversed"] = "as_is"
    fee: Literal["positive_is_charged", "negative_is_charged"] = "positive_is_charged"


class Times(_Strict):
    """How times are written. `time_zone` is used where the text has no offset of its own; nothing is guessed."""

    format: str = ISO_8601
    time_zone: str | None = None

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

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ValueError, OSError, LookupError) as error:
                raise ValueError("unknown time zone; use a name such as Europe/Madrid") from error
        return value

    @model_validator(mode="after")
    def _zone_is_known(self) -> Self:
        if "%" in self.format and "%z" not in self.format and self.time_zone is None:
            raise ValueError("this format has no offset (%z): time_zone is needed")
        return self


class FilesDescription(_Strict):
    """A feed of kind `files`, as its YAML says it."""

    kind: Literal["files"]
    folder: str = Field(min_length=1)
    pattern: str
    format: Literal["csv", "json_lines"]
    csv: CsvOptions = CsvOptions()
    columns: Columns
    constants: Constants = Constants()
    amounts: Amounts = Amounts()
    signs: Signs = Signs()
    times: Times = Times()
    statuses: dict[str, Status] = Field(default_factory=dict)
    movements: dict[str, Movement] = Field(default_factory=dict)
    empty_file_means_no_movements: bool = False

    @field_validator("pattern")
    @classmethod
    def _pattern_names_the_day(cls, value: str) -> str:
        if not _DATE_PLACEHOLDER.search(value):
            raise ValueError("must contain {date} or, for another style, {date:%Y%m%d}: a file belongs to one day")
        if set(_DATE_PLACEHOLDER.sub("", value)) & set("{}"):
            raise ValueError("{date} is the only placeholder")
        if value.startswith("/") or ".." in value.split("/") or "**" in value:
            raise ValueError("must stay below the folder: no leading /, no .., no **")
        return value

    @model_validator(mode="after")
    def _every_row_can_be_understood(self) -> Self:
        mapped, constant = self.columns.mapped(), self.constants.given()
        for needed in ("currency", "status"):
            if needed not in mapped and needed not in constant:
                raise ValueError(f"{needed} is needed: map it in `columns` or fix it in `constants`")
        if both := sorted(set(mapped) & set(constant)):
            raise ValueError(f"{', '.join(both)}: either in `columns` or in `constants`, not in both")
        if self.movements and "transaction_type" not in mapped | constant:
            raise ValueError("`movements` translates the column transaction_type: map it in `columns`")
        if self.format == "json_lines" and "csv" in self.model_fields_set:
            raise ValueError("`csv` says nothing about a file of format json_lines")
        return self

    def pattern_of(self, business_date: date) -> str:
        """The file pattern of one day."""
        return _DATE_PLACEHOLDER.sub(lambda match: business_date.strftime(match[1] or "%Y-%m-%d"), self.pattern)
