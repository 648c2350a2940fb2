"""The small parts of a matching rule: columns and how they are cleaned, filters, days, tolerances, fees.

Validation, and the arithmetic that says what a part means. Not here: passes (`rules`), scores (`rule_scores`), and
applying any of it to records, which the engine does.
"""

from datetime import date
from typing import Annotated, Final, Generic, Literal, Self, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from recon_assets.domain.money import MAX_MINOR
from recon_assets.domain.records import Movement, Status
from recon_assets.matching.business_days import Count, day_after, day_before, longest_reach
from recon_assets.schemas.currencies import exponents
from recon_assets.yaml_documents import mistake

MAX_WINDOW_DAYS: Final = 31
MAX_GRACE_DAYS: Final = 31
MAX_NORMALISERS: Final = 10
MAX_AFFIX_CHARACTERS: Final = 50
MAX_FILTER_VALUES: Final = 1_000
MAX_TEXT_CHARACTERS: Final = 255
MAX_TOLERANCE_MINOR: Final = 10**12
BASIS_POINTS: Final = 10_000
"""The whole: 10,000 basis points are 100 %."""

KeyName = Literal["transaction_id", "reference_number", "order_id", "merchant_id", "payout_id", "record_id"]
PlainStep = Literal["trim", "upper", "lower", "digits", "strip_leading_zeros"]
AffixStep = Literal["strip_prefix", "strip_suffix"]
Base = Literal["processor", "ledger", "larger", "smaller"]
Direction = Literal["either", "processor_more", "ledger_more"]

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARACTERS)]
Days = Annotated[int, Field(strict=True, ge=0, le=MAX_WINDOW_DAYS)]
Minor = Annotated[int, Field(strict=True, ge=0, le=MAX_TOLERANCE_MINOR)]
BasisPoints = Annotated[int, Field(strict=True, ge=0, le=BASIS_POINTS)]


def _known_currency(code: str) -> str:
    if code not in exponents():
        raise ValueError("is no currency of ISO 4217")
    return code


Currency = Annotated[str, AfterValidator(_known_currency)]
Word = TypeVar("Word")


class Strict(BaseModel):
    """A word that we do not know is a mistake, not a wish. What is written out reads back as the same."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class Normaliser(Strict):
    """One step of cleaning a key, on both sides. In YAML a word, `trim`, or `strip_prefix: PP-` and its like."""

    step: PlainStep | AffixStep
    text: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_yaml_says_it(cls, value: object) -> object:
        if isinstance(value, str) and value in get_args(PlainStep):
            return {"step": value}
        if isinstance(value, dict) and len(value) == 1:
            step, text = next(iter(value.items()))
            if step in get_args(AffixStep):
                if not isinstance(text, str) or not 1 <= len(text) <= MAX_AFFIX_CHARACTERS:
                    raise mistake(f"needs a text of 1 to {MAX_AFFIX_CHARACTERS} characters, in quotes", at=(step,))
                return {"step": step, "text": text}
        if isinstance(value, cls) or (isinstance(value, dict) and {"step"} <= value.keys() <= {"step", "text"}):
            return value
        raise ValueError(f"write one of {', '.join(get_args(PlainStep))}, {': …, '.join(get_args(AffixStep))}: …")

    @model_validator(mode="after")
    def _only_affixes_have_a_text(self) -> Self:
        if (self.text is None) != (self.step in get_args(PlainStep)):
            raise ValueError(f"{self.step} {'needs a' if self.text is None else 'takes no'} text")
        return self

    @model_serializer
    def _written(self) -> str | dict[str, str]:
        return self.step if self.text is None else {self.step: self.text}


class KeyColumn(Strict):
    """One column of a key, as each side calls it. An empty result of the cleaning is no key."""

    processor: KeyName
    ledger: KeyName
    normalise: Annotated[tuple[Normaliser, ...], Field(max_length=MAX_NORMALISERS)] = ()

    @model_validator(mode="before")
    @classmethod
    def _a_plain_name_is_both_sides(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if value not in get_args(KeyName):
            raise ValueError(f"is no column to match by; there are {', '.join(get_args(KeyName))}")
        return {"processor": value, "ledger": value}

    @classmethod
    def same(cls, name: KeyName) -> Self:
        """The column that both sides call the same, taken as it is."""
        return cls(processor=name, ledger=name)


class Values(Strict, Generic[Word]):
    """Which values of a column a pass sees. A record that does not say the column passes `not_in`, and not `in`."""

    is_in: Annotated[tuple[Word, ...], Field(min_length=1, max_length=MAX_FILTER_VALUES)] | None = Field(
        default=None, alias="in"
    )
    not_in: Annotated[tuple[Word, ...], Field(min_length=1, max_length=MAX_FILTER_VALUES)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _says_which(cls, value: object) -> object:
        if isinstance(value, str | list | tuple):
            raise ValueError("write in: […] or not_in: […]")  # noqa: TRY004 - pydantic reports ValueError
        return value

    @field_validator("is_in", "not_in")
    @classmethod
    def _in_one_order(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if value is None else tuple(sorted(set(value)))

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.is_in is None) == (self.not_in is None):
            raise ValueError("write either in or not_in")
        return self


class SideFilter(Strict):
    """Which records of one side a pass sees: those that hold every condition given."""

    movement: Values[Movement] | None = None
    transaction_type: Values[Text] | None = None
    currency: Values[Currency] | None = None
    status: Values[Status] | None = None
    merchant_id: Values[Text] | None = None


class Where(Strict):
    """The records that a pass sees, by side."""

    processor: SideFilter = SideFilter()
    ledger: SideFilter = SideFilter()


class DateWindow(Strict):
    """How many days the ledger entry's business date may lie before and after the transaction's."""

    days_before: Days = 0
    days_after: Days = 0
    count: Count = "calendar"

    @field_validator("count")
    @classmethod
    def _no_days_are_no_days(cls, value: Count, info: ValidationInfo) -> Count:
        return value if info.data.get("days_before") or info.data.get("days_after") else "calendar"

    def ledger_dates(self, processor_date: date, *, holidays: tuple[date, ...] = ()) -> tuple[date, date]:
        """The first and the last business date on which the ledger entry of a transaction may stand."""
        return (
            day_before(processor_date, self.days_before, count=self.count, holidays=holidays),
            day_after(processor_date, self.days_after, count=self.count, holidays=holidays),
        )

    def reach_days(self, *, holidays: tuple[date, ...] = ()) -> int:
        """The most calendar days that two records of one match may be apart."""
        return longest_reach(max(self.days_before, self.days_after), count=self.count, holidays=holidays)


class DayCount(Strict):
    """A number of days. In YAML also the bare number: calendar days."""

    days: Annotated[int, Field(strict=True, ge=0, le=MAX_GRACE_DAYS)] = 0
    count: Count = "calendar"

    @field_validator("count")
    @classmethod
    def _no_days_are_no_days(cls, value: Count, info: ValidationInfo) -> Count:
        return value if info.data.get("days") else "calendar"

    @model_validator(mode="before")
    @classmethod
    def _a_bare_number_is_calendar_days(cls, value: object) -> object:
        return value if isinstance(value, dict | cls) else {"days": value}

    def reach_days(self, *, holidays: tuple[date, ...] = ()) -> int:
        """The most calendar days this can be."""
        return longest_reach(self.days, count=self.count, holidays=holidays)


class Grace(Strict):
    """How long after the other side a side may be without its record: `ledger` is how late a ledger entry may be."""

    ledger: DayCount = DayCount()
    processor: DayCount = DayCount()


class Tolerance(Strict):
    """The largest difference that is still a match: the larger of `minor` units and `basis_points` of the base."""

    minor: Minor = 0
    basis_points: BasisPoints = 0
    base: Base = "processor"
    direction: Direction = "either"

    @model_validator(mode="after")
    def _nothing_said_in_vain(self) -> Self:
        if self.base != "processor" and not self.basis_points:
            raise mistake("is what basis_points are taken of, and there are none", at=("base",))
        if self.direction != "either" and not self:
            raise mistake("needs a tolerance: give minor or basis_points", at=("direction",))
        return self

    def __bool__(self) -> bool:
        return bool(self.minor or self.basis_points)

    def accepts(self, *, processor_minor: int, ledger_minor: int) -> bool:
        """Whether two amounts agree, sign included. Basis points of the base's absolute amount are rounded down."""
        difference = processor_minor - ledger_minor
        if (self.direction == "processor_more" and difference < 0) or (
            self.direction == "ledger_more" and difference > 0
        ):
            return False
        processor, ledger = abs(processor_minor), abs(ledger_minor)
        base = {
            "processor": processor,
            "ledger": ledger,
            "larger": max(processor, ledger),
            "smaller": min(processor, ledger),
        }[self.base]
        return abs(difference) <= max(self.minor, base * self.basis_points // BASIS_POINTS)


class AmountRule(Strict):
    """How exactly amounts are compared. They are gross: what the ledger books net is mapped by its feed's columns."""

    tolerance: Tolerance = Tolerance()


class FeeSchedule(Strict):
    """What a payment should cost at the processor, for the currencies that `fixed_minor` names."""

    basis_points: BasisPoints = 0
    fixed_minor: Annotated[dict[Currency, Annotated[int, Field(strict=True, ge=0, le=MAX_MINOR)]], Field(min_length=1)]
    tolerance_minor: Minor = 0

    def expected_minor(self, amount_minor: int, *, currency: str) -> int | None:
        """The fee of a payment, half a minor unit rounded up; None for a currency without a schedule."""
        fixed = self.fixed_minor.get(currency)
        if fixed is None:
            return None
        return (abs(amount_minor) * self.basis_points + BASIS_POINTS // 2) // BASIS_POINTS + fixed
