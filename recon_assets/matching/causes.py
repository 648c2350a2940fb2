"""Looks for what the discrepancies of a day have in common, in their file and in the day's frames.

What belongs here: counting, by DuckDB whatever engine matched the day. Not here: when a count is evidence enough,
which is `domain.causes`; patterns in time are in `causes_in_time`. The same files give the same causes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.causes import (
    BASIS_POINTS,
    MIN_DISCREPANCIES,
    MIN_DISTINCT_AMOUNTS,
    MIN_RATE_DIFFERENCE_MINOR,
    Cause,
    CauseKind,
    Spread,
    best,
    how_many,
    is_common,
    is_concentrated,
)
from recon_assets.domain.conclusion import count_of_outcome
from recon_assets.domain.discrepancies import DiscrepancyClass, Outcome
from recon_assets.domain.masking import masked_cards
from recon_assets.domain.money import decimal_from_minor
from recon_assets.domain.records import Side
from recon_assets.matching.causes_in_time import find_causes_in_time
from recon_assets.matching.discrepancies_of_class import OfClass
from recon_assets.matching.duckdb_runner import DuckDBRunner, duckdb_runner
from recon_assets.matching.engine import Matching
from recon_assets.matching.runner import DEFAULT_ENGINE
from recon_assets.matching.steps import literal
from recon_assets.schemas.currencies import exponents

_DIFFERENCE_OF_CLASS: Final = {
    DiscrepancyClass.AMOUNT_MISMATCH: "amount_minor",
    DiscrepancyClass.FEE_MISMATCH: "fee_difference_minor",
}


@dataclass(frozen=True, slots=True)
class DiagnosedDay:
    """A matched day: its two frames, and the window and zone in which people tell its time."""

    business_day: BusinessDay
    time_zone: str
    transactions: Path
    ledger_entries: Path


def find_causes(
    matching: Matching, day: DiagnosedDay, *, memory_limit: str = DEFAULT_ENGINE.memory_limit
) -> tuple[Cause, ...]:
    """The likely causes of a day's discrepancies, the one that explains most first; empty when none is evident."""
    count = count_of_outcome(matching.count_by_class, Outcome.DISCREPANCY)
    one_side_is_empty = (matching.processor_transactions == 0) != (matching.ledger_entries == 0)
    if count < MIN_DISCREPANCIES and not (count and one_side_is_empty):
        return ()
    files = (matching.discrepancies, day.transactions, day.ledger_entries)
    spill = matching.discrepancies.parent / "spill"
    with duckdb_runner(spill=spill, memory_limit=memory_limit, reads=files) as runner:
        runner.frame("answer", [matching.discrepancies])
        runner.view("discrepancies", f"SELECT * FROM answer WHERE outcome = '{Outcome.DISCREPANCY}'")  # noqa: S608
        runner.frame("transactions", [day.transactions])
        runner.frame("ledger_entries", [day.ledger_entries])
        if one_side_is_empty:
            return (_whole_feed_missing(runner, matching, count),)
        return best(cause for of_class in _classes(runner, count) for cause in _find(of_class, day))


def _whole_feed_missing(runner: DuckDBRunner, matching: Matching, count: int) -> Cause:
    missing, other = ("ledger", "processor") if matching.ledger_entries == 0 else ("processor", "ledger")
    everything = OfClass(runner, None, Side(other), rows=count, of_day=count)
    sentence = f"the {missing} feed has no records: {how_many(count, of=count)} of the {other} stand alone"
    return everything.cause(CauseKind.WHOLE_FEED_MISSING, sentence, where="TRUE")


def _classes(runner: DuckDBRunner, count: int) -> list[OfClass]:
    return [
        OfClass(runner, DiscrepancyClass(row["class"]), Side(row["side"]), rows=row["rows"], of_day=count)
        for row in runner.rows(
            "SELECT class, side, count(*) AS rows FROM discrepancies GROUP BY class, side"  # noqa: S608 - an integer
            f" HAVING count(*) >= {MIN_DISCREPANCIES} ORDER BY class, side"
        )
    ]


def _find(of_class: OfClass, day: DiagnosedDay) -> Iterator[Cause]:
    yield from _differences(of_class)
    in_time = find_causes_in_time(of_class, business_day=day.business_day, time_zone=day.time_zone)
    if in_time:
        yield in_time
    yield from _one_value(of_class, files_too=in_time is None)


def _differences(of_class: OfClass) -> Iterator[Cause]:
    """At most one: the fee itself, always the same amount, or always the same part of the amount."""
    if of_class.kind not in _DIFFERENCE_OF_CLASS:
        return
    found = (
        (_net_for_gross(of_class) if of_class.kind is DiscrepancyClass.AMOUNT_MISMATCH else None)
        or _constant_difference(of_class)
        or (_constant_rate(of_class) if of_class.kind is DiscrepancyClass.AMOUNT_MISMATCH else None)
    )
    if found:
        yield found


def _net_for_gross(of_class: OfClass) -> Cause | None:
    for sign, who in (("", "ledger"), ("-", "processor")):
        where = f"fee_minor <> 0 AND amount_minor = {sign}fee_minor"
        count = of_class.count(where)
        if is_common(count, of=of_class.rows) and of_class.distinct_amounts(where) >= MIN_DISTINCT_AMOUNTS:
            sentence = f"{of_class.how_many(count)} differ by exactly their fee: the {who} has net for gross"
            return of_class.cause(CauseKind.NET_FOR_GROSS, sentence, where=where)
    return None


def _constant_difference(of_class: OfClass) -> Cause | None:
    assert of_class.kind is not None
    column = _DIFFERENCE_OF_CLASS[of_class.kind]
    (top,) = of_class.runner.rows(
        f"SELECT currency, {column} AS difference, count(*) AS rows FROM discrepancies"  # noqa: S608 - words of ours
        f" WHERE {of_class.where} GROUP BY currency, {column} ORDER BY rows DESC, currency, {column} LIMIT 1"
    )
    where = f"currency = {literal(top['currency'])} AND {column} = {top['difference']}"
    if not is_common(top["rows"], of=of_class.rows) or of_class.distinct_amounts(where) < MIN_DISTINCT_AMOUNTS:
        return None
    difference = decimal_from_minor(top["difference"], exponent=exponents()[top["currency"]])
    why = "rounding" if abs(top["difference"]) == 1 else "a fixed fee"
    sentence = f"{of_class.how_many(top['rows'])} have the constant difference {difference} {top['currency']}: {why}"
    return of_class.cause(CauseKind.CONSTANT_DIFFERENCE, sentence, where=where)


def _constant_rate(of_class: OfClass) -> Cause | None:
    """The rate, in basis points of the processor's amount, that most differences keep within one minor unit.

    Where 80 % keep one rate the median of all is it, or beside it by rounding.
    """
    (middle,) = of_class.runner.rows(
        "SELECT CAST(quantile_disc(CAST(round(CAST(amount_minor AS DOUBLE) * 10000 / processor_amount_minor)"  # noqa: S608
        " AS HUGEINT), 0.5) AS BIGINT) AS rate FROM discrepancies"
        f" WHERE {of_class.where} AND processor_amount_minor <> 0"
    )
    if middle["rate"] is None:
        return None
    counted = []
    for place, rate in enumerate((middle["rate"], middle["rate"] - 1, middle["rate"] + 1)):
        product = f"CAST(processor_amount_minor AS HUGEINT) * {rate}"
        where = (
            f"abs(CAST(amount_minor AS HUGEINT) * {BASIS_POINTS} - {product}) <= {BASIS_POINTS}"
            f" AND abs({product}) >= {MIN_RATE_DIFFERENCE_MINOR * BASIS_POINTS}"
        )
        counted.append((-of_class.count(where), place, rate, where))
    negative, _, rate, where = min(counted)
    if not is_common(-negative, of=of_class.rows) or of_class.distinct_amounts(where) < MIN_DISTINCT_AMOUNTS:
        return None
    percent = decimal_from_minor(rate, exponent=2)
    sentence = f"{of_class.how_many(-negative)} have the constant difference {percent} % of the amount: a rate"
    return of_class.cause(CauseKind.CONSTANT_RATE, sentence, where=where)


def _one_value(of_class: OfClass, *, files_too: bool) -> Iterator[Cause]:
    """At most one: the raw file, the merchant, the status or the currency that nearly all of a class share.

    Pages and files follow one another in time: where a time explains, a file would say the same again.
    """
    for kind, of_column in (
        *([(CauseKind.ONE_RAW_FILE, "raw_file")] if files_too else []),
        (CauseKind.ONE_MERCHANT, "merchant_id"),
        (CauseKind.ONE_STATUS, "status"),
        (CauseKind.ONE_CURRENCY, "currency"),
    ):
        side = of_class.side_that_differs(of_column)
        column = of_column if of_column == "merchant_id" else f"{side}_{of_column}"
        top = of_class.runner.rows(
            f"SELECT {column} AS value, count(*) AS rows FROM discrepancies"  # noqa: S608 - columns of ours
            f" WHERE {of_class.where} AND {column} IS NOT NULL GROUP BY 1 ORDER BY rows DESC, value LIMIT 1"
        )
        if not top or not is_common(top[0]["rows"], of=of_class.rows):
            continue
        value, count = top[0]["value"], top[0]["rows"]
        records, with_value = of_class.records(f"{of_column} = {literal(value)}", side=side)
        if is_concentrated(Spread(of_class.rows, count, records, with_value)):
            sentence = _sentence(kind, of_class.how_many(count), masked_cards(str(value)), side)
            yield of_class.cause(kind, sentence, where=f"{column} = {literal(value)}")
            return


def _sentence(kind: CauseKind, how_many_of: str, value: str, side: Side) -> str:
    whose = "at the processor" if side is Side.PROCESSOR else "in the ledger"
    return {
        CauseKind.ONE_RAW_FILE: f"{how_many_of} come from one raw file, {value}",
        CauseKind.ONE_MERCHANT: f"{how_many_of} belong to one merchant, {value}",
        CauseKind.ONE_STATUS: f"{how_many_of} have the status {value} {whose}",
        CauseKind.ONE_CURRENCY: f"{how_many_of} are in {value} {whose}",
    }[kind]
