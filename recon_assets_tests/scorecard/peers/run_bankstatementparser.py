"""bankstatementparser: a pair is matched or it is not. It names no difference, and leaves ties unmatched."""

import sys
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
from bankstatementparser.reconciliation import reconcile_payments_and_statements
from measuring import KEY, TOLERANCE_MINOR, measured, tell, write_found

folder, into = Path(sys.argv[1]), Path(sys.argv[2])


def compare() -> dict[str, list[str]]:
    sides = [
        [
            {
                "amount": str(row["amount_minor"]),
                "currency": row["currency"],
                "reference": row[KEY],
                "date": "2025-09-30",
            }
            for row in pq.read_table(folder / name, columns=[KEY, "amount_minor", "currency"]).to_pylist()
        ]
        for name in ("transactions.parquet", "ledger_entries.parquet")
    ]
    done = reconcile_payments_and_statements(*sides, fee_tolerance=Decimal(TOLERANCE_MINOR))
    return {
        "missing_in_ledger": [one["reference"] for one in done.unmatched_payments],
        "missing_at_processor": [one["reference"] for one in done.unmatched_statements],
    }


found, figures = measured(compare)
write_found(into, found)
tell(figures, expresses=list(found))
