"""datacompy on polars: a full join by one key. It knows no duplicates, ties or events; tolerance counts as equal."""

import sys
from pathlib import Path

import datacompy
import polars as pl
from measuring import CLASS_OF_COLUMN, COMPARED, KEY, TOLERANCE_MINOR, measured, tell, write_found

folder, into = Path(sys.argv[1]), Path(sys.argv[2])


def compare() -> dict[str, object]:
    sides = [
        pl.read_parquet(folder / name, columns=[KEY, *COMPARED]).with_columns(
            pl.col("currency", "status").cast(pl.String)
        )
        for name in ("transactions.parquet", "ledger_entries.parquet")
    ]
    done = datacompy.PolarsCompare(
        *sides, join_columns=KEY, abs_tol={"amount_minor": TOLERANCE_MINOR, "default": 0}, rel_tol=0
    )
    both = done.intersect_rows
    return {
        "missing_in_ledger": done.df1_unq_rows[KEY],
        "missing_at_processor": done.df2_unq_rows[KEY],
        **{word: both.filter(~pl.col(f"{name}_match"))[KEY] for name, word in CLASS_OF_COLUMN.items()},
    }


found, figures = measured(compare)
write_found(into, found)
tell(figures, expresses=list(found))
