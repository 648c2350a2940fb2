"""The child process of what a team writes first: both files as lists of dictionaries, indexed by id and compared.

    python -m recon_assets_tests.scorecard.dictionaries FOLDER

It reads what it compares and no more, finds what is on one side and what differs, and writes nothing.
"""

import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from recon_assets_tests.scorecard.peers.measuring import COMPARED, KEY, TOLERANCE_MINOR, measured, tell


def main() -> None:
    folder = Path(sys.argv[1])
    found, figures = measured(lambda: compared(folder / "transactions.parquet", folder / "ledger_entries.parquet"))
    tell(figures, found=len(found))


def compared(transactions: Path, entries: Path) -> list[str]:
    """The ids of one side only, and of those whose records differ beyond the tolerance."""
    ours, theirs = ({row[KEY]: row for row in _rows(file)} for file in (transactions, entries))
    return [key for key in ours.keys() | theirs.keys() if _differ(ours.get(key), theirs.get(key))]


def _rows(file: Path) -> list[dict[str, Any]]:
    return pq.read_table(file, columns=[KEY, *COMPARED]).to_pylist()


def _differ(one: dict[str, Any] | None, other: dict[str, Any] | None) -> bool:
    if one is None or other is None:
        return True
    if abs(one["amount_minor"] - other["amount_minor"]) > TOLERANCE_MINOR:
        return True
    return any(one[name] != other[name] for name in COMPARED if name != "amount_minor")


if __name__ == "__main__":
    main()
