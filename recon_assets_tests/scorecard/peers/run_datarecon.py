"""datarecon: a merge by one key. It lists repeated keys of each side, takes the first of each; no ties, no events."""

import sys
from pathlib import Path

import pandas as pd
from datarecon import reconcile
from measuring import CLASS_OF_COLUMN, COMPARED, KEY, TOLERANCE_MINOR, measured, tell, write_found

folder, into = Path(sys.argv[1]), Path(sys.argv[2])


def compare() -> dict[str, object]:
    sides = [
        pd.read_parquet(folder / name, columns=[KEY, *COMPARED])
        for name in ("transactions.parquet", "ledger_entries.parquet")
    ]
    for side in sides:
        side["currency"], side["status"] = side["currency"].astype(str), side["status"].astype(str)
    done = reconcile(*sides, key=KEY, rules={"amount_minor": {"tolerance": TOLERANCE_MINOR}})
    differences, repeated = done.differences, done.duplicates
    return {
        "missing_in_ledger": done.missing_in_target[KEY],
        "missing_at_processor": done.missing_in_source[KEY],
        "duplicate_at_processor": repeated.loc[repeated["side"] == "source", "key"],
        "duplicate_in_ledger": repeated.loc[repeated["side"] == "target", "key"],
        **{word: differences.loc[differences["column"] == name, "key"] for name, word in CLASS_OF_COLUMN.items()},
    }


found, figures = measured(compare)
write_found(into, found)
tell(figures, expresses=list(found))
