"""fastrecon, keyed mode. It counts repeated keys but does not list them; tolerance counts as equal.

It lists a hundred rows unless asked for more; here it is asked for all, as every other tool gives them.
"""

import sys
from pathlib import Path

from fastrecon import ParquetFile, compare
from fastrecon.config import ReconConfig
from measuring import CLASS_OF_COLUMN, COMPARED, KEY, TOLERANCE_MINOR, measured, tell, write_found

folder, into = Path(sys.argv[1]), Path(sys.argv[2])
ALL = 100_000_000
SIDES = [ParquetFile(str(folder / name)) for name in ("transactions.parquet", "ledger_entries.parquet")]


def compared() -> dict[str, list[dict[str, object]]]:
    config = ReconConfig(
        sample_limit=ALL,
        infer_logical_types=False,
        columns=[KEY, *COMPARED],
        tolerances={"amount_minor": TOLERANCE_MINOR},
    )
    return compare(*SIDES, keys=[KEY], compare_mode="keyed", config=config).sample_mismatches


def differs(row: dict[str, object], name: str) -> bool:
    left, right = row[f"{name}__left"], row[f"{name}__right"]
    return abs(left - right) > TOLERANCE_MINOR if name == "amount_minor" else left != right


rows, figures = measured(compared)
found = {
    "missing_in_ledger": [row[KEY] for row in rows.get("missing_in_right", [])],
    "missing_at_processor": [row[KEY] for row in rows.get("missing_in_left", [])],
    **{
        word: [row[KEY] for row in rows.get("changed", []) if differs(row, name)]
        for name, word in CLASS_OF_COLUMN.items()
    },
}
write_found(into, found)
tell(figures, expresses=list(found))
