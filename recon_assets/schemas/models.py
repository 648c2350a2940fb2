"""The contract of a parsed row as pandera models, one for each side.

What belongs here: facts about one row. Not here: facts about a whole day (uniqueness, totals, the day window), which
are one aggregate over the finished frame. A rule's name is the fact that is true when it holds.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from recon_assets.domain.records import Movement, Side, Status
from recon_assets.schemas.columns import MAX_TEXT_CHARACTERS, NEEDED, described
from recon_assets.schemas.currencies import exponents
from recon_assets.schemas.frames import PARSED_SCHEMA
from recon_assets.schemas.text_bytes import (
    lacks_control_characters,
    lacks_null_characters,
    lengths_are_within,
)

with warnings.catch_warnings():
    # where pyspark is installed pandera imports it, here and with its built-in checks, and it warns of pandas 3
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
    import pandera.backends.pandas.builtin_checks  # noqa: F401 - at the first validation otherwise
    import pandera.pandas as pap
    from pandera.errors import SchemaErrors

NET_RULE: Final = "net_is_amount_less_fee"

_CONTROL_CHARACTERS: Final = r"[\x00-\x1f\x7f]"
"""Not in what records are matched by: such a character is invisible, and a mistake."""

_NULL_CHARACTER: Final = r"\x00"
"""In no text: PostgreSQL can't store it."""

_NOT_NULL_CHECK: Final = "not_nullable"


_WORDS: Final[dict[str, tuple[str, Callable[[], Iterable[str]]]]] = {
    "currency": ("currency_is_of_iso_4217", exponents),
    "status": ("status_is_ours", lambda: Status),
    "movement": ("movement_is_ours", lambda: Movement),
}
"""Columns that hold one of certain words: the rule's name, and the words when they are needed."""


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """The first rule that a row breaks. `row` is its position in the chunk. Never a value."""

    row: int
    column: str
    rule: str


@dataclass(frozen=True, slots=True)
class ChunkValidation:
    """`good` are the rows that keep every rule; `failures` counts every violation by rule, also several of one row."""

    good: pa.Table
    failures: dict[str, int]
    broken: tuple[BrokenRule, ...]


def validate_chunk(table: pa.Table, side: Side) -> ChunkValidation:
    """Hold every row of a `PARSED_SCHEMA` table against the model of its side."""
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    try:
        model(side).validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases[["column", "check", "index"]].copy()  # not `failure_case`: it holds the values
    else:
        return ChunkValidation(good=table, failures={}, broken=())
    assert not cases["index"].isna().any(), "an adapter handed over columns that are not those of PARSED_SCHEMA"
    return _sorted_out(table, cases)


def _sorted_out(table: pa.Table, cases: pd.DataFrame) -> ChunkValidation:
    seen: set[tuple[int, str]] = set()
    first: dict[int, BrokenRule] = {}
    for column, check, index in cases.itertuples(index=False, name=None):
        row = int(index)
        rule = f"{column}_is_present" if check == _NOT_NULL_CHECK else str(check)
        seen.add((row, rule))
        first.setdefault(row, BrokenRule(row, "net_minor" if rule == NET_RULE else str(column), rule))
    keep = np.ones(table.num_rows, dtype=np.bool_)
    keep[list(first)] = False
    counts = Counter(rule for _, rule in seen)
    return ChunkValidation(
        good=table.filter(pa.array(keep)),
        failures=dict(sorted(counts.items())),
        broken=tuple(first[row] for row in sorted(first)),
    )


@cache
def model(side: Side) -> pap.DataFrameSchema:
    """The pandera model of a parsed row of one side."""
    return pap.DataFrameSchema(
        {field.name: _column(field, side) for field in PARSED_SCHEMA},
        checks=[pap.Check(_net_adds_up, name=NET_RULE, error=NET_RULE)],
        strict=True,
        ordered=True,
        title=f"Parsed rows of one {side} feed",
        name=f"{side}_rows",
    )


def _column(field: pa.Field, side: Side) -> pap.Column:
    return pap.Column(
        pd.ArrowDtype(field.type),
        checks=_checks(field.name),
        nullable=field.name not in NEEDED,
        title=field.name.replace("_", " "),
        description=described(field.name, side),
    )


def _checks(column: str) -> list[pap.Check]:
    length = _rule(
        f"{column}_has_1_to_{MAX_TEXT_CHARACTERS}_characters",
        _length_is_right,
        of_all=lambda text: lengths_are_within(text, least=1, most_bytes=MAX_TEXT_CHARACTERS),
    )
    if column in {"transaction_id", "record_id", "reference_number", "order_id", "payout_id"}:
        name = f"{column}_has_no_control_characters"
        return [length, _rule(name, _lacks(_CONTROL_CHARACTERS), of_all=lacks_control_characters)]
    if column in {"merchant_id", "transaction_type"}:
        name = f"{column}_has_no_null_characters"
        return [length, _rule(name, _lacks(_NULL_CHARACTER), of_all=lacks_null_characters)]
    if column in _WORDS:
        name, words = _WORDS[column]
        return [_rule(name, _one_of(words()))]
    if column == "record_number":
        return [_rule("record_number_is_positive", lambda array: pc.greater(array, 0))]
    return []


def _rule(
    name: str, holds: Callable[[pa.Array], pa.Array], *, of_all: Callable[[pa.Array], bool] = lambda _: False
) -> pap.Check:
    """A named rule computed by Arrow on the distinct words of a dictionary, or on all values. Null keeps every rule.

    `of_all` says of a whole column what is known without looking at each value: true only if all of them keep the rule.
    """

    def check(series: "pd.Series[Any]") -> "pd.Series[bool] | bool":
        array = _arrow(series)
        if array.null_count == len(array):
            return True
        is_coded = pa.types.is_dictionary(array.type)
        if of_all(array.dictionary if is_coded else array):
            return True
        held = holds(array.dictionary).take(array.indices) if is_coded else holds(array)
        return pd.Series(pc.fill_null(held, fill_value=True).to_numpy(zero_copy_only=False), index=series.index)

    return pap.Check(check, name=name, error=name, ignore_na=False)


def _arrow(series: "pd.Series[Any]") -> pa.Array:
    """The Arrow array behind a pandas series, in one piece."""
    array = series.array.__arrow_array__()
    if isinstance(array, pa.ChunkedArray):
        return array.chunk(0) if array.num_chunks == 1 else array.unify_dictionaries().combine_chunks()
    return array


def _length_is_right(text: pa.Array) -> pa.Array:
    length = pc.utf8_length(text)
    return pc.and_(pc.greater(length, 0), pc.less_equal(length, MAX_TEXT_CHARACTERS))


def _lacks(pattern: str) -> Callable[[pa.Array], pa.Array]:
    return lambda text: pc.invert(pc.match_substring_regex(text, pattern))


def _one_of(words: Any) -> Callable[[pa.Array], pa.Array]:
    allowed = pa.array([str(word) for word in words], type=pa.string())
    return lambda array: pc.or_(pc.is_null(array), pc.is_in(array, value_set=allowed))


def _net_adds_up(frame: pd.DataFrame) -> "pd.Series[bool] | bool":
    """Net is gross less fee where all three are there; a difference beyond 64 bits is no net."""
    amount, fee, net = (_arrow(frame[name]) for name in ("amount_minor", "fee_minor", "net_minor"))
    if any(array.null_count == len(array) for array in (amount, fee, net)):
        return True
    stated = pc.and_(pc.and_(amount.is_valid(), fee.is_valid()), net.is_valid()).to_numpy(zero_copy_only=False)
    gross, charged, left = (_integers(array) for array in (amount, fee, net))
    with np.errstate(over="ignore"):
        difference = gross - charged
    overflowed = ((gross ^ charged) & (gross ^ difference)) < 0
    return pd.Series(~stated | ((difference == left) & ~overflowed), index=frame.index)


def _integers(array: pa.Array) -> npt.NDArray[np.int64]:
    return np.asarray(pc.fill_null(array, 0).to_numpy(), dtype=np.int64)
