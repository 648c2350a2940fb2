"""Which columns of a file mean what: the part of a description that names the file's own words. Validation only."""

import re
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

DATE_PLACEHOLDER: Final = re.compile(r"\{date(?::([^{}]+))?\}")
MAX_ALTERNATIVES: Final = 20
MAX_PARTS: Final = 12
MAX_POSITION: Final = 1_000

OneCharacter = Annotated[str, StringConstraints(min_length=1, max_length=1)]
ColumnName = Annotated[str, StringConstraints(min_length=1, max_length=255)]
ColumnNames = ColumnName | Annotated[list[ColumnName], Field(min_length=1, max_length=MAX_ALTERNATIVES)]
"""One name, or the names that the column has in different languages or versions of the file."""

Words = Annotated[list[str], Field(min_length=1)]

MAY_BE_ABSENT: Final = ("record_id", "reference_number", "order_id", "payout_id", "merchant_id", "transaction_type")


class Strict(BaseModel):
    """A word that we do not know is a mistake, not a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def names_of(theirs: ColumnNames) -> tuple[str, ...]:
    """The alternatives of a column."""
    return (theirs,) if isinstance(theirs, str) else tuple(theirs)


def checked_pattern(value: str) -> str:
    """A file pattern that names its day and stays below the folder; raises ValueError."""
    if not DATE_PLACEHOLDER.search(value):
        raise ValueError("must contain {date} or, for another style, {date:%Y%m%d}: a file belongs to one day")
    if set(DATE_PLACEHOLDER.sub("", value)) & set("{}"):
        raise ValueError("{date} is the only placeholder")
    if value.startswith("/") or ".." in value.split("/") or "**" in value:
        raise ValueError("must stay below the folder: no leading /, no .., no **")
    return value


class Columns(Strict):
    """The feed's own column names (in JSON: paths such as `amount.value`), by our word."""

    transaction_id: ColumnNames | None = None
    amount: ColumnNames | None = None
    credit: ColumnNames | None = None
    debit: ColumnNames | None = None
    sign: ColumnNames | None = None
    fee: ColumnNames | None = None
    fee_sign: ColumnNames | None = None
    net: ColumnNames | None = None
    net_credit: ColumnNames | None = None
    net_debit: ColumnNames | None = None
    occurred_at: ColumnNames | None = None
    date: ColumnNames | None = None
    time: ColumnNames | None = None
    time_zone: ColumnNames | None = None
    currency: ColumnNames | None = None
    status: ColumnNames | None = None
    merchant_id: ColumnNames | None = None
    record_id: ColumnNames | None = None
    reference_number: ColumnNames | None = None
    order_id: ColumnNames | None = None
    payout_id: ColumnNames | None = None
    transaction_type: ColumnNames | None = None

    def mapped(self) -> dict[str, tuple[str, ...]]:
        """Our word to the feed's names for it, for the columns that are mapped."""
        return {ours: names_of(theirs) for ours, theirs in self.model_dump().items() if theirs is not None}

    @model_validator(mode="after")
    def _halves_are_whole(self) -> Self:
        for one, other in (("credit", "debit"), ("net_credit", "net_debit"), ("date", "time")):
            if (getattr(self, one) is None) != (getattr(self, other) is None):
                raise ValueError(f"{one} and {other}: map both or neither")
        for whole, half in (("amount", "credit"), ("net", "net_credit"), ("occurred_at", "date")):
            if getattr(self, whole) is not None and getattr(self, half) is not None:
                raise ValueError(f"either {whole} or {half}, not both")
        for sign, signed in (("sign", "amount"), ("fee_sign", "fee")):
            if getattr(self, sign) is not None and getattr(self, signed) is None:
                raise ValueError(f"{sign} is the sign of {signed}: map that too")
        return self


class Key(Strict):
    """An id made of several columns: the `first_of` them that is not empty, or all of them `join`ed by `mark`.

    With both it is joined only where all of `first_of` are empty: a row without an id is known by what it says.
    """

    join: Annotated[list[ColumnNames], Field(min_length=2, max_length=MAX_PARTS)] | None = None
    mark: Annotated[str, StringConstraints(min_length=1, max_length=5)] = "|"
    first_of: Annotated[list[ColumnNames], Field(min_length=1, max_length=MAX_PARTS)] | None = None

    @model_validator(mode="after")
    def _is_made_of_several(self) -> Self:
        if self.join is None and self.first_of is None:
            raise ValueError("either `join` or `first_of`, or both")
        if self.join is None and len(self.first_of or ()) < 2:
            raise ValueError("`first_of` one column is that column: map it in `columns`, or add `join`")
        return self

    @property
    def parts(self) -> list[tuple[str, ...]]:
        """The names of each part, those of `first_of` before those of `join`."""
        return [names_of(part) for part in (*(self.first_of or ()), *(self.join or ()))]

    @property
    def alternatives(self) -> int:
        """How many of the parts are those of `first_of`."""
        return len(self.first_of or ())


class Keys(Strict):
    """Ids of ours that no single column holds."""

    transaction_id: Key | None = None
    record_id: Key | None = None
    reference_number: Key | None = None
    order_id: Key | None = None
    payout_id: Key | None = None

    def given(self) -> dict[str, Key]:
        """Our word to how it is made."""
        return {word: key for word in type(self).model_fields if (key := getattr(self, word)) is not None}


class Totals(Strict):
    """Where a control total stands: names of columns (in JSON: paths in the document), or positions from 1."""

    count: ColumnName | int | None = None
    amount: ColumnName | int | None = None
    credit: ColumnName | int | None = None
    debit: ColumnName | int | None = None
    fee: ColumnName | int | None = None
    net: ColumnName | int | None = None
    currency: ColumnName | int | None = None

    def given(self) -> dict[str, str | int]:
        """Our word to its place."""
        return {word: place for word, place in self.model_dump().items() if place is not None}

    @model_validator(mode="after")
    def _states_something(self) -> Self:
        if not set(self.given()) - {"currency"}:
            raise ValueError("name at least one of count, amount, credit, debit, fee, net")
        if any(isinstance(place, int) and not 1 <= place <= MAX_POSITION for place in self.given().values()):
            raise ValueError(f"a position is from 1 to {MAX_POSITION}")
        return self


class Footer(Strict):
    """Rows that are no records: those whose `column` (the first where none is named) is one of `words`."""

    column: ColumnNames | None = None
    words: Words
    totals: Totals | None = None


class Trailer(Strict):
    """A CSV file of its own, with a header, that states the totals of the day's files."""

    pattern: str
    totals: Totals

    _pattern_names_the_day = field_validator("pattern")(checked_pattern)

    @model_validator(mode="after")
    def _totals_are_by_name(self) -> Self:
        if any(isinstance(place, int) for place in self.totals.given().values()):
            raise ValueError("a trailer has a header: name its columns, positions are for footers")
        return self
