"""What the YAML of a file feed may say. Validation only: reading files by it is done by the neighbours.

What belongs here: the whole, and the form of the file. `description_columns` has the names of its columns,
`description_values` how amounts and times are written.
"""

import codecs
from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from recon_assets.domain.records import Movement, Status
from recon_assets.feeds.files.description_columns import (
    DATE_PLACEHOLDER,
    MAX_PARTS,
    MAY_BE_ABSENT,
    ColumnNames,
    Columns,
    Footer,
    Keys,
    OneCharacter,
    Strict,
    Totals,
    Trailer,
    Words,
    checked_pattern,
    names_of,
)
from recon_assets.feeds.files.description_values import Amounts, Constants, Signs, Times
from recon_assets.feeds.files.late import LateFiles
from recon_assets.feeds.files.places import Folder, SftpLogin, checked_login

MAX_SKIP_LINES: Final = 1_000

FOOTER_KEY: Final = "footer"
"""The source that tells a footer row."""

TOTALS_PREFIX: Final = "totals."
"""Begins the sources of what a footer row states."""


class CsvOptions(Strict):
    """How the file is written. A byte order mark is accepted whatever is said here.

    `header_within` lets the header be the first of so many lines that holds every column of the description.
    """

    delimiter: OneCharacter = ","
    quote: OneCharacter | None = '"'
    encoding: str = "utf-8"
    skip_lines: int = Field(default=0, ge=0, le=MAX_SKIP_LINES)
    header_within: int = Field(default=1, ge=1, le=MAX_SKIP_LINES)

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


class JsonOptions(Strict):
    """One JSON document: the path to its list of records (none where the document is the list), and its totals.

    `holds: one_record` is for a document that is no list but the one record itself.
    """

    records: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None
    holds: Literal["list", "one_record"] = "list"
    totals: Totals | None = None

    @model_validator(mode="after")
    def _totals_are_by_path(self) -> Self:
        if self.totals and any(isinstance(place, int) for place in self.totals.given().values()):
            raise ValueError("totals of a JSON document are paths such as `summary.count`")
        return self


class FilesDescription(Strict):
    """A feed of kind `files`, as its YAML says it."""

    kind: Literal["files"]
    folder: Folder
    sftp: SftpLogin | None = None
    late_files: LateFiles = LateFiles()
    pattern: str
    format: Literal["csv", "json", "json_lines"]
    csv: CsvOptions = CsvOptions()
    document: JsonOptions = Field(default=JsonOptions())
    columns: Columns
    fees: Annotated[list[ColumnNames], Field(min_length=2, max_length=MAX_PARTS)] | None = None
    keys: Keys = Keys()
    may_be_absent: list[str] = Field(default_factory=list)
    constants: Constants = Constants()
    amounts: Amounts = Amounts()
    signs: Signs = Signs()
    times: Times = Times()
    statuses: dict[str, Status] = Field(default_factory=dict)
    movements: dict[str, Movement] = Field(default_factory=dict)
    leave_out: dict[str, Words] = Field(default_factory=dict)
    footer: Footer | None = None
    trailer: Trailer | None = None
    empty_file_means_no_movements: bool = False
    undecided: list[str] = Field(default_factory=list)

    _pattern_names_the_day = field_validator("pattern")(checked_pattern)

    @field_validator("undecided")
    @classmethod
    def _everything_is_decided(cls, value: list[str]) -> list[str]:
        """A proposal names what it could not see in its sample; until a person has decided, nothing is read."""
        if value:
            raise ValueError(f"decide and take off the list: {'; '.join(value)}")
        return value

    @field_validator("may_be_absent")
    @classmethod
    def _nothing_needed_is_absent(cls, value: list[str]) -> list[str]:
        if wrong := sorted(set(value) - set(MAY_BE_ABSENT)):
            raise ValueError(f"{', '.join(wrong)} can't be absent; only {', '.join(MAY_BE_ABSENT)} can")
        return value

    @model_validator(mode="after")
    def _every_row_can_be_understood(self) -> Self:
        mapped, constant = {**self.columns.mapped(), **self.keys.given()}, self.constants.given()
        if "transaction_id" not in mapped:
            raise ValueError("transaction_id is needed: map it in `columns` or make it in `keys`")
        for needed in ("currency", "status"):
            if needed not in mapped and needed not in constant:
                raise ValueError(f"{needed} is needed: map it in `columns` or fix it in `constants`")
        if not mapped.keys() & {"occurred_at", "date"}:
            raise ValueError("the time is needed: map occurred_at, or date and time, in `columns`")
        if both := sorted(set(mapped) & set(constant)):
            raise ValueError(f"{', '.join(both)}: either in `columns` or in `constants`, not in both")
        if both := sorted(set(self.columns.mapped()) & set(self.keys.given())):
            raise ValueError(f"{', '.join(both)}: either in `columns` or in `keys`, not in both")
        if self.movements and "transaction_type" not in mapped | constant:
            raise ValueError("`movements` translates the column transaction_type: map it in `columns`")
        always_made = {word for word, key in self.keys.given().items() if key.first_of and key.join}
        if unmapped := sorted(set(self.may_be_absent) - set(self.columns.mapped()) - always_made):
            raise ValueError(f"may_be_absent: {', '.join(unmapped)} is not mapped in `columns`")
        return self

    @model_validator(mode="after")
    def _amounts_are_there(self) -> Self:
        mapped = self.columns.mapped().keys()
        if self.fees and "fee" in mapped:
            raise ValueError("either `columns.fee` or `fees`, not both")
        if self.amounts.gross == "as_written" and not mapped & {"amount", "credit"}:
            raise ValueError(
                "the amount is needed: map amount, or credit and debit, in `columns`; "
                "or set `amounts.gross: net_plus_fee` where the file has net amounts only"
            )
        if self.amounts.gross == "net_plus_fee":
            if mapped & {"amount", "credit"}:
                raise ValueError("`amounts.gross: net_plus_fee` is for a file without gross amounts: unmap them")
            if not mapped & {"net", "net_credit"} or not (self.fees or "fee" in mapped):
                raise ValueError("`amounts.gross: net_plus_fee` needs a net amount and a fee")
        if mapped & {"sign", "fee_sign"} and not self.signs.words:
            raise ValueError("the columns sign and fee_sign need `signs.words`, such as {CR: credit, DR: debit}")
        return self

    @model_validator(mode="after")
    def _zone_is_known(self) -> Self:
        if not self.times.says_its_offset and self.times.time_zone is None and self.columns.time_zone is None:
            raise ValueError("the format of `times` has no offset (%z): time_zone is needed, fixed or as a column")
        if self.times.time_zone is not None and self.columns.time_zone is not None:
            raise ValueError("time_zone: either in `times` or in `columns`, not in both")
        return self

    @model_validator(mode="after")
    def _login_is_of_the_place(self) -> Self:
        checked_login(self.folder, self.sftp)
        return self

    @model_validator(mode="after")
    def _options_are_of_the_format(self) -> Self:
        for option, of in (("csv", "csv"), ("footer", "csv"), ("document", "json")):
            if option in self.model_fields_set and self.format != of:
                raise ValueError(f"`{option}` says nothing about a file of format {self.format}")
        return self

    def sources(self) -> dict[str, tuple[str, ...]]:
        """Every column that is read: our word, or the place that needs it, to the file's names for it."""
        found = self.columns.mapped()
        found |= {f"fees.{at}": names_of(names) for at, names in enumerate(self.fees or ())}
        for word, key in self.keys.given().items():
            found |= {f"keys.{word}.{at}": names for at, names in enumerate(key.parts)}
        found |= {f"leave_out.{column}": (column,) for column in self.leave_out}
        if self.footer and self.footer.column is not None:
            found[FOOTER_KEY] = names_of(self.footer.column)
        if self.footer and self.footer.totals:
            places = self.footer.totals.given().items()
            found |= {TOTALS_PREFIX + word: (place,) for word, place in places if isinstance(place, str)}
        return found

    @property
    def sources_that_may_be_absent(self) -> frozenset[str]:
        """Of `sources`: those of `may_be_absent`, where a key is meant its `first_of`."""
        keys = {word: key for word, key in self.keys.given().items() if word in self.may_be_absent}
        first_of = {f"keys.{word}.{at}" for word, key in keys.items() for at in range(key.alternatives)}
        return frozenset(self.may_be_absent) | first_of

    @property
    def states_totals(self) -> bool:
        """Whether files of this feed say how much is in them."""
        return bool((self.footer and self.footer.totals) or self.trailer or self.document.totals)

    def pattern_of(self, business_date: date) -> str:
        """The file pattern of one day."""
        return _of_day(self.pattern, business_date)

    def trailer_pattern_of(self, business_date: date) -> str | None:
        """The pattern of the trailer of one day, if there is to be one."""
        return None if self.trailer is None else _of_day(self.trailer.pattern, business_date)


def place_of(source: str) -> str:
    """Where in the YAML a key of `sources` was named, for messages."""
    head, _, rest = source.partition(".")
    if head == "totals":
        return f"footer.totals.{rest}"
    if head == "keys":
        return f"keys.{rest.partition('.')[0]}"
    if head == FOOTER_KEY:
        return "footer.column"
    return head if head in {"fees", "leave_out"} else f"columns.{source}"


def _of_day(pattern: str, business_date: date) -> str:
    return DATE_PLACEHOLDER.sub(lambda match: business_date.strftime(match[1] or "%Y-%m-%d"), pattern)
