"""A day of records with ids, with everything that can happen to one, and what the answer must be.

The day has a day before, which left records open, and was concluded before, when the processor said other things.

Amounts are between 1 and 500,000 minor units, a ninth of them refunds below zero; a third each of JPY, USD and KWD.
The same arguments give the same files.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from recon_assets.matching.engine import match_day
from recon_assets.matching.rule_values import AmountRule, DateWindow, KeyColumn, Tolerance
from recon_assets.matching.rules import DEFAULT_PASSES, MatchingRules, Pass
from recon_assets_tests.scorecard.frames import MATCHED_DAY_BEFORE, Frame, GeneratedDay, write_day

TOLERANCE_MINOR: Final = 2

KEYED_RULES: Final = MatchingRules(
    passes=(
        DEFAULT_PASSES[0].model_copy(
            update={
                "amount": AmountRule(tolerance=Tolerance(minor=TOLERANCE_MINOR)),
                "dates": DateWindow(days_before=1, days_after=1),
            }
        ),
        Pass(name="reference", keys=((KeyColumn.same("reference_number"), KeyColumn.same("merchant_id")),)),
    )
)


@dataclass(frozen=True, slots=True)
class Copy:
    """One record of a happening: how it differs from what was paid, what it belongs to, what it must become.

    `concluded` is what the processor said of a transaction when the day was concluded: the same, or nothing.
    """

    side: str
    word: str
    pair: int | None = None
    concluded: str | None = "same"
    amount: int = 0
    fee: int = 0
    seconds: int = 0
    id_number: int = 0
    currency_step: int = 0
    status: str = "completed"
    movement: str | None = None


def _two(word: str, **ledger: object) -> tuple[Copy, ...]:
    """A transaction and its ledger entry, which differs."""
    return Copy("processor", word, 0), Copy("ledger", word, 0, **ledger)  # type: ignore[arg-type] - fields of Copy


def _restated(**then: object) -> tuple[Copy, ...]:
    """A pair that agrees now; when the day was concluded, the transaction was another."""
    return (
        Copy("processor", "matched", 0, concluded=None),
        Copy("ledger", "matched", 0),
        Copy("concluded", "restated", **then),  # type: ignore[arg-type] - fields of Copy
    )


OPEN: Final = "open"
"""On the day before: not judged."""
AGREES: Final = _two("matched")
HAPPENINGS: Final[tuple[tuple[Copy, ...], ...]] = (
    (Copy("processor", "missing_in_ledger"),),
    (Copy("processor", "missing_in_ledger"),),
    (Copy("ledger", "missing_at_processor"),),
    _two("amount_mismatch", amount=TOLERANCE_MINOR + 1),
    _two("amount_mismatch", amount=-5000),
    _two("matched_in_tolerance", amount=1),
    _two("matched_in_tolerance", amount=-TOLERANCE_MINOR),
    _two("currency_mismatch", currency_step=1),
    _two("status_mismatch", status="pending"),
    _two("fee_mismatch", fee=7),
    _two("matched", id_number=1),  # only the reference is common
    (*AGREES, Copy("processor", "duplicate_at_processor", seconds=5)),
    (*AGREES, Copy("ledger", "duplicate_in_ledger", seconds=5)),
    # two and two with one reference, and nothing that tells which belongs to which
    tuple(Copy(("processor", "ledger")[number // 2], "ambiguous", id_number=number) for number in range(4)),
    # two and two with one id, all of different amounts and times
    tuple(
        Copy(("processor", "ledger")[number // 2], "ambiguous", amount=number * 1000, seconds=number)
        for number in range(4)
    ),
    (Copy("processor", "unclassified", 0, movement="unclassified"), Copy("ledger", "unclassified", 0)),
    # the counterpart stood open on the day before, beside another one of which nobody ever heard
    (Copy("processor", "matched_prior_day"), Copy("ledger_before", OPEN), Copy("ledger_before", OPEN, id_number=1)),
    (Copy("ledger", "matched_prior_day"), Copy("processor_before", OPEN), Copy("processor_before", OPEN, id_number=1)),
    _restated(amount=700),
    _restated(fee=9),
    _restated(status="pending"),
    (Copy("concluded", "restated"),),  # gone
    (Copy("processor", "matched", 0, concluded=None), Copy("ledger", "matched", 0)),  # came since
)


def write_keyed_day(folder: Path, *, rows: int, discrepancies_percent: int, seed: int = 1) -> GeneratedDay:
    """About `rows` records a side; something happens to each of the `discrepancies_percent` of them, in turn.

    The day before is matched, so that its open records are there.
    """
    records = _records(rows, rows * discrepancies_percent // 100, seed)
    generated = write_day(folder, records=records, numbers=rows * COPIES, frames=tuple(Frame), seed=seed)
    match_day(generated.day_before, KEYED_RULES, into=folder / MATCHED_DAY_BEFORE)
    return generated


def _all_copies() -> list[tuple[int, int, Copy]]:
    """Each with the number of its happening and its place in it, and those of the concluded answer."""
    copies = []
    for kind, records in enumerate((AGREES, *HAPPENINGS)):
        then = [replace(c, side="concluded", word="") for c in records if c.side == "processor" and c.concluded]
        copies += [(kind, number, c) for number, c in enumerate((*records, *then))]
    return copies


COPIES: Final = max(number for _, number, _ in _all_copies()) + 1


def _records(rows: int, happening: int, seed: int) -> str:
    """`i` is a payment and a place among its records: there, it has one or none."""
    text = {None: "NULL"}
    copies = ", ".join(
        f"({kind}, {number}, '{c.side}', '{c.word}', {text.get(c.pair, c.pair)}, {c.amount}, {c.fee}, {c.seconds},"
        f" {c.id_number}, {c.currency_step}, '{c.status}', {'NULL' if c.movement is None else repr(c.movement)})"
        for kind, number, c in _all_copies()
    )
    return f"""
    WITH copies AS (
        SELECT * FROM (VALUES {copies}) AS v (kind, place, frame, class, pair, amount_step, fee_step, seconds_step,
            id_number, currency_step, status, own_movement)
    ),
    paid AS (
        SELECT
            key,
            place,
            CASE WHEN key < {happening} THEN 1 + key % {len(HAPPENINGS)} ELSE 0 END AS kind,
            CAST(hash(key, {seed}) >> 2 AS BIGINT) AS luck
        FROM (SELECT i // {COPIES} AS key, i % {COPIES} AS place FROM numbers)
    )
    SELECT
        c.frame, p.key, c.pair, c.class,
        'txn_' || md5(concat_ws(' ', {seed}, p.key, c.id_number))[:23] AS transaction_id,
        'ORDER-' || p.key AS reference_number,
        'MERCHANT_' || p.luck % 500 AS merchant_id,
        CAST((1 + p.luck // 1000 % 500000) * CASE WHEN p.luck % 9 = 0 THEN -1 ELSE 1 END + c.amount_step AS BIGINT)
            AS amount_minor,
        ['JPY', 'USD', 'KWD'][1 + (p.luck // 7 + c.currency_step) % 3] AS currency,
        CAST(30 + p.luck % 90 + c.fee_step AS BIGINT) AS fee_minor,
        c.status,
        coalesce(c.own_movement, CASE WHEN p.luck % 9 = 0 THEN 'refund' ELSE 'payment' END) AS movement,
        TIMESTAMPTZ '2025-09-30 00:00:00Z' + to_seconds(CAST(p.luck // 11 % 86000 AS BIGINT) + c.seconds_step)
            - to_days(CASE WHEN c.frame LIKE '%_before' THEN 1 ELSE 0 END) AS occurred_at
    FROM paid AS p INNER JOIN copies AS c ON p.kind = c.kind AND p.place = c.place
    """
