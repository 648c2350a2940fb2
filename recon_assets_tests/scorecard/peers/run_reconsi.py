"""ReconSI: a comparison by one key. Repeated keys are all set aside as ambiguous; it knows no events."""

import sys
from pathlib import Path

import pandas as pd
from measuring import CLASS_OF_COLUMN, COMPARED, KEY, TOLERANCE_MINOR, measured, tell, write_found
from reconsi import reconcile

folder, into = Path(sys.argv[1]), Path(sys.argv[2])


def compare() -> dict[str, object]:
    sides = [
        pd.read_parquet(folder / name, columns=[KEY, *COMPARED])
        for name in ("transactions.parquet", "ledger_entries.parquet")
    ]
    for side in sides:
        side["currency"], side["status"] = side["currency"].astype(str), side["status"].astype(str)
    done = reconcile(*sides, keys=[KEY], absolute_tolerance=TOLERANCE_MINOR)
    differing = done.value_mismatches
    return {
        "missing_in_ledger": done.missing_right[KEY],
        "missing_at_processor": done.missing_left[KEY],
        "ambiguous": done.ambiguous[KEY],
        **{word: differing.loc[differing["column"] == name, KEY] for name, word in CLASS_OF_COLUMN.items()},
    }


found, figures = measured(compare)
write_found(into, found)
tell(figures, expresses=list(found))
