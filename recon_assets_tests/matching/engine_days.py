"""Days for comparing engines: one of every class by hand, and random ones of any size."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.matching.engine import Day, Matching, match_day
from recon_assets.matching.rules import MatchingRules
from recon_assets.schemas.frames import FRAME_SCHEMA, agreement_code

DATE = date(2025, 9, 30)

EVERY_KIND_OF_PASS = {
    "passes": [
        {
            "name": "transaction_id",
            "keys": [["transaction_id"]],
            "amount": {"tolerance": {"minor": 1, "basis_points": 10, "base": "larger"}},
            "dates": {"days_before": 1, "days_after": 7},
            "differs": "report",
        },
        {
            "name": "order",
            "where": {
                "processor": {"movement": {"in": ["payment", "refund"]}},
                "ledger": {"status": {"not_in": ["failed"]}},
            },
            "keys": [
                [
                    {
                        "processor": "order_id",
                        "ledger": "reference_number",
                        "normalise": ["trim", "upper", {"strip_prefix": "PP-"}],
                    },
                    "merchant_id",
                ],
                [
                    {
                        "processor": "order_id",
                        "ledger": "order_id",
                        "normalise": ["digits", "strip_leading_zeros", {"strip_suffix": "99"}],
                    }
                ],
            ],
            "amount": {"tolerance": {"minor": 2, "direction": "processor_more"}},
            "dates": {"days_after": 2, "count": "business"},
        },
        {"name": "payouts", "keys": [["payout_id"]], "cardinality": "many_to_one", "group_by": "payout_id"},
        {
            "name": "look_alikes",
            "amount": {"tolerance": {"minor": 3}},
            "scored": {
                "amount_band_minor": 3,
                "time_close_seconds": 20,
                "features": {
                    "amount_equal": 40,
                    "amount_close": 30,
                    "merchant_equal": 30,
                    "time_close": 20,
                },
                "confirm_from": 80,
                "margin": 20,
                "suggest_from": 50,
            },
        },
    ],
    "grace": {"ledger": 2},
    "fees": {"basis_points": 290, "fixed_minor": {"USD": 30}},
}


def frame_file(path: Path, rows: list[dict]) -> Path:
    """A frame of rows that say what is not usual: a completed payment of 10.00 USD at noon."""
    table = [
        {
            "seq": seq,
            "raw_file": "feed.csv",
            "record_number": seq + 1,
            "transaction_type": "charge",
            "movement": "payment",
            "amount_minor": 1000,
            "currency": "USD",
            "status": "completed",
            "agreement_code": agreement_code(row.get("currency", "USD"), row.get("status", "completed")),
            **row,
            "occurred_at": datetime(2025, 9, 30, 12, tzinfo=UTC) + timedelta(seconds=row.get("occurred_at", seq)),
        }
        for seq, row in enumerate(rows)
    ]
    pq.write_table(pa.Table.from_pylist(table, schema=FRAME_SCHEMA), path)
    return path


def day_of_everything(folder: Path) -> Day:
    """Every class, every kind of pass, a record that the day before left open, and a frame of before."""
    processor = [
        {"transaction_id": "equal"},
        {"transaction_id": "amount"},
        {"transaction_id": "near", "amount_minor": 1001},
        {"transaction_id": "basis-points", "amount_minor": -999_000},
        {"transaction_id": "currency"},
        {"transaction_id": "status"},
        {"transaction_id": "fee-of-schedule", "fee_minor": 60},
        {"transaction_id": "fee-right", "fee_minor": 59},
        {"transaction_id": "fee-of-ledger", "fee_minor": 59},
        {"transaction_id": "twice"},
        {"transaction_id": "twice"},
        {"transaction_id": "torn", "amount_minor": 5},
        {"transaction_id": "torn", "amount_minor": 7},
        {"transaction_id": "unknown-word", "movement": "unclassified"},
        {"transaction_id": "late"},
        {"transaction_id": "alone", "amount_minor": 77_000_000},
        {"transaction_id": "o1", "order_id": " pp-a1 ", "merchant_id": "m", "amount_minor": 300},
        {"transaction_id": "o2", "order_id": "A2", "merchant_id": "m", "amount_minor": 402},
        {"transaction_id": "o3", "order_id": "no 00312 99", "amount_minor": 500},
        {"transaction_id": "o4", "order_id": "A4", "merchant_id": "m", "amount_minor": 600},
        {"transaction_id": "sharp", "order_id": "stra\u00dfe", "merchant_id": "m", "amount_minor": 700},
        {"transaction_id": "no-break", "order_id": "\u00a0A7", "merchant_id": "m", "amount_minor": 800},
        {"transaction_id": "o5", "order_id": "A4", "merchant_id": "m", "amount_minor": 600},
        *({"transaction_id": f"g{number}", "payout_id": "po", "amount_minor": 10_000 + number} for number in range(3)),
        {"transaction_id": "s1", "merchant_id": "shop", "amount_minor": 90_001, "occurred_at": 500},
        {"transaction_id": "s2", "merchant_id": "other", "amount_minor": -80_000, "occurred_at": 700},
        {"transaction_id": "s3", "merchant_id": "fourth", "amount_minor": 70_000, "occurred_at": 900},
    ]
    ledger = [
        {"transaction_id": "equal"},
        {"transaction_id": "amount", "amount_minor": 1500},
        {"transaction_id": "near"},
        {"transaction_id": "basis-points", "amount_minor": -1_000_000},
        {"transaction_id": "currency", "currency": "EUR"},
        {"transaction_id": "status", "status": "pending"},
        {"transaction_id": "fee-of-schedule"},
        {"transaction_id": "fee-right"},
        {"transaction_id": "fee-of-ledger", "fee_minor": 58},
        {"transaction_id": "twice"},
        {"transaction_id": "equal", "amount_minor": 4_000_000},
        {"transaction_id": "torn", "amount_minor": 50},
        {"transaction_id": "torn", "amount_minor": 70},
        {"transaction_id": "unknown-word", "movement": "unclassified"},
        {"transaction_id": "only-here", "amount_minor": 66_000_000},
        {"transaction_id": "e1", "reference_number": "A1", "merchant_id": "m", "amount_minor": 300},
        {"transaction_id": "e2", "reference_number": "a2", "merchant_id": "m", "amount_minor": 400},
        {"transaction_id": "e3", "order_id": "312", "amount_minor": 500},
        {"transaction_id": "e4", "reference_number": "PP-A4", "merchant_id": "m", "amount_minor": 600},
        {"transaction_id": "double-s", "reference_number": "STRASSE", "merchant_id": "m", "amount_minor": 700},
        {"transaction_id": "plain-space", "reference_number": "A7 ", "merchant_id": "m", "amount_minor": 800},
        {"transaction_id": "payout", "payout_id": "po", "amount_minor": 30_003},
        {"transaction_id": "e5", "merchant_id": "shop", "amount_minor": 90_001, "occurred_at": 510},
        {"transaction_id": "e6", "merchant_id": "other", "amount_minor": -80_002, "occurred_at": 705},
        {"transaction_id": "e7", "merchant_id": "fourth", "amount_minor": 70_000, "occurred_at": 901},
        {"transaction_id": "e8", "merchant_id": "fourth", "amount_minor": 70_000, "occurred_at": 902},
    ]
    before = [
        *processor[:2],
        {"transaction_id": "near", "amount_minor": 2, "fee_minor": 1},
        {"transaction_id": "gone", "record_id": "r-1"},
    ]
    early = match_day(
        Day(
            processor="stripe",
            business_date=DATE - timedelta(days=1),
            transactions=frame_file(folder / "early_transactions.parquet", []),
            ledger_entries=frame_file(
                folder / "early_ledger.parquet", [{"transaction_id": "late"}, {"transaction_id": "x"}]
            ),
        ),
        MatchingRules.model_validate(EVERY_KIND_OF_PASS),
        into=folder / "early",
    )
    assert early.open_records is not None
    return Day(
        processor="stripe",
        business_date=DATE,
        transactions=frame_file(folder / "transactions.parquet", processor),
        ledger_entries=frame_file(folder / "ledger_entries.parquet", ledger),
        concluded_transactions=frame_file(folder / "before.parquet", before),
        neighbours={DATE - timedelta(days=1): early.open_records},
    )


def random_day(folder: Path, *, records: int) -> Day:
    """So many records a side, of which one in ten has something to it; always the same."""
    chance = random.Random(records)

    def side() -> list[dict]:
        return [
            {
                "transaction_id": f"t{number if chance.random() > 0.02 else number // 2}",
                "amount_minor": chance.choice([-(10**15), 7, 10**15]) if chance.random() < 0.05 else 1000,
                "currency": "JPY" if chance.random() < 0.02 else "USD",
                "status": "pending" if chance.random() < 0.02 else "completed",
                "reference_number": f"r{number // 3}",
                "merchant_id": "m",
                "occurred_at": chance.randrange(100),
            }
            for number in range(records)
            if chance.random() > 0.025
        ]

    return Day(
        processor="stripe",
        business_date=DATE,
        transactions=frame_file(folder / "transactions.parquet", side()),
        ledger_entries=frame_file(folder / "ledger_entries.parquet", side()),
    )


def differences(one: Matching, other: Matching) -> list[str]:
    """The files that differ in names of columns, types, rows or their order, and the figures that do."""
    files = ("discrepancies", "matches", "candidates", "open_records", "across_days")
    figures = (
        "matched_by_pass",
        "processor_transactions",
        "ledger_entries",
        "count_by_class",
        "proofs",
        "rule_version",
    )
    return [name for name in files if not _same_file(getattr(one, name), getattr(other, name))] + [
        name for name in figures if getattr(one, name) != getattr(other, name)
    ]


def _same_file(one: Path, other: Path) -> bool:
    """Not compared is whether a column says that it is never empty: DuckDB says so where its rows happen to be so."""
    first, second = pq.read_table(one), pq.read_table(other)
    types, types_too = ([(field.name, field.type) for field in table.schema] for table in (first, second))
    return types == types_too and first.to_pylist() == second.to_pylist()
