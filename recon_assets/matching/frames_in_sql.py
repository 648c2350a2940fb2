"""The two frames of a day as the first stages see them: with the key of the first step and the expected fee."""

from pathlib import Path
from typing import Final

from recon_assets.domain.records import Side
from recon_assets.matching.duckdb_runner import DuckDBRunner
from recon_assets.matching.rule_values import BASIS_POINTS, FeeSchedule
from recon_assets.matching.steps import NO_KEY, Step, StepKind

MARK_OF_SIDE: Final = {Side.PROCESSOR: 1, Side.LEDGER: 2}
"""In the two lowest bits: combined bit by bit, two records of different sides give 3, of one side 0."""

_NO_FEE: Final = "CAST(NULL AS BIGINT)"


def declare_frames(
    runner: DuckDBRunner, *, first: Step, fees: FeeSchedule | None, transactions: Path, ledger: Path
) -> None:
    """Name the frames, keyed by the first step, and the three integers by which a clean key is known.

    Where the first step is no plain key, no record has one: all of them are looked at with care.
    """
    runner.frame("transactions", [transactions])
    runner.frame("ledger_entries", [ledger])
    keyed = first.kind in {StepKind.IDENTITY, StepKind.SUGGESTION}
    for side, name in ((Side.PROCESSOR, "transactions"), (Side.LEDGER, "ledger_entries")):
        key = first.keyed(side) if keyed else NO_KEY
        expected = _expected_fee(fees) if side is Side.PROCESSOR else _NO_FEE
        runner.view(f"keyed_{name}", f"SELECT t.*, {key} AS key, {expected} AS expected_fee_minor FROM {name} AS t")  # noqa: S608
    states_fees = runner.rows("SELECT count(fee_minor) > 0 AS stated FROM ledger_entries")[0]["stated"]
    fee = "coalesce(fee_minor, 0)" if states_fees else "CAST(0 AS BIGINT)"
    halves = (
        f"SELECT key, agreement_code * 4 + {MARK_OF_SIDE[side]} AS mark, amount_minor, {fee} AS fee_minor"  # noqa: S608
        f" FROM keyed_{name}"
        for side, name in ((Side.PROCESSOR, "transactions"), (Side.LEDGER, "ledger_entries"))
    )
    runner.view("first_step_records", " UNION ALL ".join(halves))
    unexpected = ""
    if fees is not None:
        unexpected = f" OR abs(fee_minor - expected_fee_minor) > {fees.tolerance_minor}"
    runner.view(
        "remarkable_keys",
        f"SELECT key FROM keyed_transactions WHERE movement = 'unclassified'{unexpected}",  # noqa: S608
    )


def _expected_fee(fees: FeeSchedule | None) -> str:
    """As `FeeSchedule.expected_minor` computes it, half a minor unit rounded up. Refunds, payouts and the like cost other."""
    if fees is None:
        return _NO_FEE
    rate = f"abs(CAST(amount_minor AS HUGEINT)) * {fees.basis_points}"
    by_rate = f"CAST(({rate} + {BASIS_POINTS // 2}) // {BASIS_POINTS} AS BIGINT)"
    cases = " ".join(f"WHEN '{currency}' THEN {by_rate} + {fixed}" for currency, fixed in fees.fixed_minor.items())
    return f"CASE WHEN amount_minor > 0 AND coalesce(movement = 'payment', TRUE) THEN CASE currency {cases} END END"
