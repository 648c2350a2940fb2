"""datacompy on pandas: an outer merge by one key. It knows no duplicates, ties or events; tolerance counts as equal."""

import sys
from pathlib import Path

import datacompy
import pandas as pd
from measuring import CLASS_OF_COLUMN, COMPARED, KEY, TOLERANCE_MINOR, measured, tell, write_found

folder, into = Path(sys.argv[1]), Path(sys.argv[2])


def compare() -> dict[str, object]:
    sides = [
        pd.read_parquet(folder / name, columns=[KEY, *COMPARED])
        for name in ("transactions.parquet", "ledger_entries.parquet")
    ]
    for side in sides:
        side["currency"], side["status"] = side["currency"].astype(str), side["status"].astype(str)
    done = datacompy.PandasCompare(
        *sides, join_columns=KEY, abs_tol={"amount_minor": TOLERANCE_MINOR, "default": 0}, rel_tol=0
    )
    both = done.intersect_rows
    return {
        "missing_in_ledger": done.df1_unq_rows[KEY],
        "missing_at_processor": done.df2_unq_rows[KEY],
        **{word: both.loc[~both[f"{name}_match"], KEY] for name, word in CLASS_OF_COLUMN.items()},
    }


found, figures = measured(compare)
write_found(into, found)
tell(figures, expresses=list(found))
