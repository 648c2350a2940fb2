"""The two frames of a day as the first stages see them: with the key of the first step and the expected fee."""

from pathlib import Path
from typing import Final

from recon_assets.domain.records import Side
from recon_assets.matching.rule_values import BASIS_POINTS, FeeSchedule
from recon_assets.matching.runner import Runner
from recon_assets.matching.steps import NO_KEY, Step, StepKind
from recon_assets.schemas.columns import FRAME_COLUMNS

_REMARKABLE: Final = 2**30
"""Added to an agreement code: a bit beyond all codes, which have 18, so that four bytes are enough."""

_CAREFUL: Final = [name for name in FRAME_COLUMNS if name not in {"net_minor", "agreement_code"}]
"""What is kept of a record that needs a careful look: what no stage asks for would be written for nothing."""

ID_OF_RECORD: Final = "coalesce(record_id, transaction_id)"
"""By which a processor's own record is known again."""

_NO_FEE: Final = "CAST(NULL AS BIGINT)"


def declare_frames(runner: Runner, *, first: Step, fees: FeeSchedule | None, transactions: Path, ledger: Path) -> None:
    """Name the frames, keyed by the first step, and the integers by which a clean key is known.

    Where the first step is no plain key, no record has one: all of them are looked at with care.
    """
    runner.frame("transactions", [transactions])
    runner.frame("ledger_entries", [ledger])
    keyed = first.kind in {StepKind.IDENTITY, StepKind.SUGGESTION}
    states_fees = runner.rows("SELECT count(fee_minor) > 0 AS stated FROM ledger_entries")[0]["stated"]
    fee = "coalesce(fee_minor, 0)" if states_fees else "CAST(0 AS TINYINT)"
    for side, name in ((Side.PROCESSOR, "transactions"), (Side.LEDGER, "ledger_entries")):
        key = first.keyed(side) if keyed else NO_KEY
        expected = _expected_fee(fees) if side is Side.PROCESSOR else _NO_FEE
        with_key = f"{key} AS key, {expected} AS expected_fee_minor"
        runner.view(f"keyed_{name}", f"SELECT {', '.join(_CAREFUL)}, {with_key} FROM {name}")  # noqa: S608
        code = "agreement_code"
        agreement = f"CASE WHEN {_remarkable(fees)} THEN {code} + {_REMARKABLE} ELSE {code} END"
        runner.view(
            "compared_transactions" if side is Side.PROCESSOR else "compared_others",
            f"SELECT key, seq, {agreement if side is Side.PROCESSOR else code} AS agreement, amount_minor,"  # noqa: S608
            f" {fee} AS fee_minor FROM (SELECT *, {with_key} FROM {name}) AS keyed",
        )


def _remarkable(fees: FeeSchedule | None) -> str:
    """Of a transaction: whether it is worth a row although it matches."""
    unexpected = f" OR abs(fee_minor - expected_fee_minor) > {fees.tolerance_minor}" if fees is not None else ""
    return f"movement = 'unclassified'{unexpected}"


def declare_both_answers(runner: Runner) -> None:
    """In the place of what the first step compares: the transactions, and what they were when they were concluded.

    Whether there is a fee is told by `agreement` too: none is another answer than zero.
    """
    for view, frame in (("compared_transactions", "transactions"), ("compared_others", "concluded_transactions")):
        runner.view(
            view,
            f"SELECT {ID_OF_RECORD} AS key, seq, agreement_code * 2"  # noqa: S608 - expressions of ours
            " + CASE WHEN fee_minor IS NULL THEN 1 ELSE 0 END AS agreement, amount_minor,"
            f" coalesce(fee_minor, 0) AS fee_minor FROM {frame}",
        )


def declare_records_of_shared_ids(runner: Runner, *, first: Step) -> None:
    """All records that share their transaction id with a careful one, and perhaps some that are alone with theirs.

    Where the transaction id itself is the first key these are the careful records of crowded keys; under
    another key or a filter a record may be careful and its namesake not.
    """
    name = "records_of_shared_ids"
    if all(first.keyed(side) == "transaction_id" for side in Side):
        numbered = "SELECT c.side, c.seq, k.key_number AS shared_id, c.occurred_at FROM careful_records AS c"
        runner.view(name, f"{numbered} INNER JOIN crowded_keys AS k ON c.key = k.key")
        return
    sides = (
        f"SELECT '{side.value}' AS side, seq, transaction_id AS shared_id, occurred_at FROM {frame}"  # noqa: S608 - names of ours
        f" WHERE transaction_id IN (SELECT transaction_id FROM careful_records WHERE side = '{side.value}')"
        for side, frame in ((Side.PROCESSOR, "transactions"), (Side.LEDGER, "ledger_entries"))
    )
    runner.view(name, " UNION ALL ".join(sides))


def _expected_fee(fees: FeeSchedule | None) -> str:
    """As `FeeSchedule.expected_minor` computes it, half a minor unit rounded up. A refund or payout has no schedule."""
    if fees is None:
        return _NO_FEE
    rate = f"abs(CAST(amount_minor AS HUGEINT)) * {fees.basis_points}"
    by_rate = f"CAST(({rate} + {BASIS_POINTS // 2}) // {BASIS_POINTS} AS BIGINT)"
    cases = " ".join(f"WHEN '{currency}' THEN {by_rate} + {fixed}" for currency, fixed in fees.fixed_minor.items())
    return f"CASE WHEN amount_minor > 0 AND coalesce(movement = 'payment', TRUE) THEN CASE currency {cases} END END"
