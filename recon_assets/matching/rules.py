"""The rules of matching: ordered passes, grace, fees. Frozen, validated, and known by a version.

What belongs here: a pass, the whole, and the default. The parts are in `rule_values` and `rule_scores`; reading the
file is `rules_file`; applying the rules is the engine.
"""

import hashlib
import json
import re
from collections.abc import Hashable, Iterable
from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from recon_assets.domain.records import Side
from recon_assets.matching.business_days import day_after
from recon_assets.matching.rule_scores import Scored
from recon_assets.matching.rule_values import (
    AmountRule,
    DateWindow,
    DayCount,
    FeeSchedule,
    Grace,
    KeyColumn,
    KeyName,
    Strict,
    Where,
)
from recon_assets.yaml_documents import mistake

MAX_PASSES: Final = 20
MAX_ALTERNATIVES: Final = 6
MAX_KEY_COLUMNS: Final = 6
MAX_HOLIDAYS: Final = 1_000
SHORT_VERSION_CHARACTERS: Final = 12
SCHEMA_NAME: Final = "recon-matching-v1"
"""Goes into every version: the same words under another reading are other rules."""

Cardinality = Literal["one_to_one", "one_to_many", "many_to_one"]
KeyColumns = Annotated[tuple[KeyColumn, ...], Field(min_length=1, max_length=MAX_KEY_COLUMNS)]


class Pass(Strict):
    """One ordered matching rule: it sees what the passes before it left.

    `keys` are alternatives, tried in order; records agree that have all columns of one alternative equal and none
    empty. Currency is always equal. The amounts of the many in `one_to_many` (one transaction, many ledger entries) and
    `many_to_one` are summed by `group_by`. `differs` says what becomes of records with the same key whose amounts do
    not agree: reported as a mismatch, or left for later passes. Without `dates` only records of one day match.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=50)]
    where: Where = Where()
    keys: Annotated[tuple[KeyColumns, ...], Field(max_length=MAX_ALTERNATIVES)] = ()
    scored: Scored | None = None
    amount: AmountRule = AmountRule()
    dates: DateWindow | None = None
    cardinality: Cardinality = "one_to_one"
    group_by: KeyName | None = None
    differs: Literal["report", "leave"] = "leave"

    @field_validator("keys", mode="before")
    @classmethod
    def _alternatives_are_lists(cls, value: object) -> object:
        for number, alternative in enumerate(value) if isinstance(value, list | tuple) else ():
            if isinstance(alternative, str | dict):
                raise mistake("an alternative is a list of columns: write - [transaction_id]", at=(number,))
        return value

    @field_validator("keys")
    @classmethod
    def _nothing_is_said_twice(cls, value: tuple[tuple[KeyColumn, ...], ...]) -> tuple[tuple[KeyColumn, ...], ...]:
        for number, columns in enumerate(value):
            second = _first_repeated((column.processor, column.ledger) for column in columns)
            if second is not None:
                raise mistake("the column stands twice in this alternative", at=(number, second))
        second = _first_repeated(value)
        if second is not None:
            raise mistake("the same alternative stands before it", at=(second,))
        return value

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if not self.keys and self.scored is None:
            raise mistake("a pass needs keys, or scored", at=("keys",))
        if self.keys and self.scored is not None:
            raise mistake("a pass has keys or is scored, not both", at=("scored",))
        if self.scored is not None:
            self._check_scored(self.scored)
        if self.cardinality == "one_to_one":
            if self.group_by is not None:
                raise mistake("is for one_to_many and many_to_one", at=("group_by",))
            return self
        if self.group_by is None:
            raise mistake(f"{self.cardinality} needs group_by: the column whose rows are summed", at=("cardinality",))
        if self.amount.tolerance:
            raise mistake(f"{self.cardinality} is exact: no tolerance", at=("amount", "tolerance"))
        if self.dates is not None:
            raise mistake(f"{self.cardinality} looks at one day", at=("dates",))
        return self

    def _check_scored(self, scored: Scored) -> None:
        if self.dates is not None:
            raise mistake("a scored pass looks at one day", at=("dates",))
        if self.cardinality != "one_to_one":
            raise mistake("a scored pass is one_to_one", at=("cardinality",))
        if self.differs != "leave":
            raise mistake("a scored pass has no key to report by: leave", at=("differs",))
        if scored.amount_band_minor < self.amount.tolerance.minor:
            raise mistake("must not be below the tolerance's minor", at=("scored", "amount_band_minor"))


def _first_repeated(values: Iterable[Hashable]) -> int | None:
    seen: set[Hashable] = set()
    for number, value in enumerate(values):
        if value in seen:
            return number
        seen.add(value)
    return None


def _names_are_unique(passes: tuple[Pass, ...]) -> tuple[Pass, ...]:
    second = _first_repeated(one.name for one in passes)
    if second is not None:
        raise mistake(f"the name {passes[second].name} is taken by an earlier pass", at=(second, "name"))
    return passes


def _written_as_a_date(value: object) -> object:
    """pydantic would read the number 20251225 as seconds since 1970."""
    if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value)):
        return value
    raise ValueError("write a date as YYYY-MM-DD")


Passes = Annotated[tuple[Pass, ...], Field(min_length=1, max_length=MAX_PASSES), AfterValidator(_names_are_unique)]

DEFAULT_PASSES: Final = (
    Pass(
        name="transaction_id",
        keys=((KeyColumn.same("transaction_id"),),),
        dates=DateWindow(days_before=1, days_after=7),
        differs="report",
    ),
    Pass(name="reference", keys=((KeyColumn.same("reference_number"), KeyColumn.same("merchant_id")),)),
)


class MatchingRules(Strict):
    """Everything that decides what matches what. `MatchingRules()` is what holds where nothing is configured."""

    passes: Passes = DEFAULT_PASSES
    grace: Grace = Grace()
    fees: FeeSchedule | None = None
    restated: Annotated[bool, Field(strict=True)] = True
    holidays: Annotated[
        tuple[Annotated[date, BeforeValidator(_written_as_a_date)], ...], Field(max_length=MAX_HOLIDAYS)
    ] = ()

    @field_validator("holidays")
    @classmethod
    def _in_order(cls, value: tuple[date, ...]) -> tuple[date, ...]:
        return tuple(sorted(set(value)))

    @property
    def version(self) -> str:
        """SHA-256, in hex, of the rules in full: the same however they are written, another when any part differs."""
        said = {"schema": SCHEMA_NAME, **self.model_dump(mode="json")}
        canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def short_version(self) -> str:
        """The beginning of `version`, for people."""
        return self.version[:SHORT_VERSION_CHARACTERS]

    @property
    def reach_days(self) -> int:
        """How many calendar days apart two records may be that these rules still look at together."""
        counted: set[DateWindow | DayCount] = {self.grace.ledger, self.grace.processor}
        counted.update(one.dates for one in self.passes if one.dates is not None)
        return max(one.reach_days(holidays=self.holidays) for one in counted)

    def due_on(self, missing_from: Side, *, business_date: date) -> date:
        """The last day on which `missing_from` may still bring the counterpart of a record of `business_date`."""
        grace = self.grace.ledger if missing_from is Side.LEDGER else self.grace.processor
        return day_after(business_date, grace.days, count=grace.count, holidays=self.holidays)
