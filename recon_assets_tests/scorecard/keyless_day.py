"""A day without common ids: merchant, amount and time are all there is, and many records look alike.

Half of the payments stand in bursts of two, three and five: one merchant, one amount, three seconds apart. Our ledger
books within two seconds. Two in a hundred are on one side only, one ledger entry in fifty does not say its merchant.
The same arguments give the same files.
"""

from pathlib import Path
from typing import Final

from recon_assets.matching.rule_scores import Features, Scored
from recon_assets.matching.rules import MatchingRules, Pass
from recon_assets_tests.scorecard.frames import Frame, GeneratedDay, write_day

BURSTS: Final = (2, 3, 5)
BURST_GAP_S: Final = 3
LATEST_BOOKING_MS: Final = 2_000

KEYLESS_RULES: Final = MatchingRules(
    passes=(
        Pass(
            name="look_alikes",
            scored=Scored(
                features=Features(amount_equal=40, merchant_equal=20, time_close=30, movement_equal=10),
                amount_band_minor=0,
                time_close_seconds=10,
                confirm_from=100,
                margin=25,
                suggest_from=80,
            ),
        ),
    )
)


def write_keyless_day(folder: Path, *, rows: int, seed: int = 1) -> GeneratedDay:
    """About `rows` records a side."""
    sides = (Frame.PROCESSOR, Frame.LEDGER)
    return write_day(folder, records=_records(rows, seed), numbers=rows, frames=sides, seed=seed)


def _records(rows: int, seed: int) -> str:
    bursts = [number for number, size in enumerate(BURSTS) for _ in range(size)]
    places = [place for size in BURSTS for place in range(size)]
    cycle = len(places)
    return f"""
    WITH paid AS (
        SELECT
            i AS key,
            CASE WHEN i < {rows // 2} THEN i // {cycle} * {cycle} + {bursts}[1 + i % {cycle}] ELSE i END AS burst,
            CASE WHEN i < {rows // 2} THEN {places}[1 + i % {cycle}] ELSE 0 END AS place,
            CAST(hash(i, {seed}) >> 2 AS BIGINT) AS luck
        FROM numbers
    ),
    alike AS (SELECT *, CAST(hash(burst, {seed} + 1) >> 2 AS BIGINT) AS look FROM paid),
    sides AS (
        SELECT *, CASE luck % 100 WHEN 0 THEN 'missing_in_ledger' WHEN 1 THEN 'missing_at_processor' ELSE 'matched' END
            AS class
        FROM alike
    )
    SELECT
        v.side AS frame, s.key, CASE WHEN s.class = 'matched' THEN 0 END AS pair, s.class,
        v.prefix || md5(concat_ws(' ', {seed}, v.side, s.key))[:23] AS transaction_id,
        CAST(NULL AS VARCHAR) AS reference_number,
        CASE WHEN v.side = 'processor' OR s.luck // 7 % 50 > 0 THEN 'MERCHANT_' || s.look % 20 END AS merchant_id,
        CAST((1 + s.look // 20 % 200) * 50 * CASE WHEN s.look % 9 = 0 THEN -1 ELSE 1 END AS BIGINT) AS amount_minor,
        ['JPY', 'USD', 'KWD'][1 + s.look // 7 % 3] AS currency,
        CAST(30 AS BIGINT) AS fee_minor,
        'completed' AS status,
        CASE WHEN s.look % 9 = 0 THEN 'refund' ELSE 'payment' END AS movement,
        TIMESTAMPTZ '2025-09-30 00:00:00Z' + to_seconds(s.look // 11 % 86000 + {BURST_GAP_S} * s.place)
            + to_milliseconds(CASE v.side WHEN 'ledger' THEN s.luck // 100 % {LATEST_BOOKING_MS} ELSE 0 END)
            AS occurred_at
    FROM sides AS s
    INNER JOIN (VALUES ('processor', 'txn_'), ('ledger', 'led_')) AS v (side, prefix)
        ON s.class = 'matched' OR s.class = CASE v.side
            WHEN 'processor' THEN 'missing_in_ledger' ELSE 'missing_at_processor' END
    """
