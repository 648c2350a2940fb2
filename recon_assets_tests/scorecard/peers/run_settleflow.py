"""settleflow: by reference, then by amount and date. No tolerance, currency, status, fee, duplicates or events."""

import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
from measuring import KEY, measured, tell, write_found
from settleflow import MatchStatus, Txn, match

folder, into = Path(sys.argv[1]), Path(sys.argv[2])
DAY = date(2025, 9, 30)


def compare() -> dict[str, list[str]]:
    sides = [
        [
            Txn(row[KEY], Decimal(row["amount_minor"]), DAY)
            for row in pq.read_table(folder / name, columns=[KEY, "amount_minor"]).to_pylist()
        ]
        for name in ("transactions.parquet", "ledger_entries.parquet")
    ]
    done = match(*sides)
    return {
        "missing_in_ledger": [one.utr for one in done.settlement_only],
        "missing_at_processor": [one.utr for one in done.bank_only],
        "amount_mismatch": [one.settlement.utr for one in done.matched if one.status is MatchStatus.AMOUNT_MISMATCH],
    }


found, figures = measured(compare)
write_found(into, found)
tell(figures, expresses=list(found))
