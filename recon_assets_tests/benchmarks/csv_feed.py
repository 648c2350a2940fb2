"""A million CSV rows to the columns of a frame, beside the standard library's csv and Decimal doing the same.

    python -m recon_assets_tests.benchmarks.csv_feed [rows]

Each runs in a process of its own. Prints CPU seconds and peak memory of both, and the CPU seconds of the reading alone,
without Python's start and imports. Fails when our reading needs more than a quarter of the CPU, or the totals differ.
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from recon_assets_tests.benchmarks.whole_line import generate_side, measured

ROWS: Final = 1_000_000
AT_LEAST_TIMES_LESS: Final = 4.0

OURS: Final = """
import sys, time
from pathlib import Path
import pyarrow.compute as pc
from recon_assets.feeds.files.description import FilesDescription
from recon_assets.feeds.files.parse import BatchParser
from recon_assets.feeds.files.records import batches_of
description = FilesDescription.model_validate({
    "kind": "files", "folder": "x", "pattern": "{date}", "format": "csv",
    "columns": {"transaction_id": "id", "reference_number": "reference", "merchant_id": "merchant", "amount": "amount",
                "currency": "currency", "fee": "fee", "status": "status", "occurred_at": "created"}})
BatchParser(description).parse(next(iter(batches_of(Path(sys.argv[1]), description))))  # imports at the first use
started = time.process_time()
parser, rows, total, fees = BatchParser(description), 0, 0, 0
for batch in batches_of(Path(sys.argv[1]), description):
    chunk = parser.parse(batch)
    rows += chunk.rows.num_rows
    total += pc.sum(chunk.rows["amount_minor"]).as_py() or 0
    fees += pc.sum(chunk.rows["fee_minor"]).as_py() or 0
print(rows, total, fees)
print(time.process_time() - started)
"""

STANDARD_LIBRARY: Final = """
import csv, sys, time
from datetime import datetime
from decimal import Decimal
EXPONENTS, STATUSES = {"USD": 2, "EUR": 2}, {"completed", "pending"}
started = time.process_time()
total = fees = 0
kept = []
with open(sys.argv[1], newline="", encoding="utf-8") as file:
    for row in csv.DictReader(file):
        exponent = EXPONENTS[row["currency"]]
        amount, fee = Decimal(row["amount"]).scaleb(exponent), Decimal(row["fee"]).scaleb(exponent)
        assert amount == int(amount) and fee == int(fee) and row["status"] in STATUSES
        at = datetime.fromisoformat(row["created"])
        kept.append((row["id"], row["reference"], row["merchant"], int(amount), int(fee), row["currency"], at))
        total += int(amount)
        fees += int(fee)
        if len(kept) == 100_000:
            kept = []
print(sys.argv[2], total, fees)
print(time.process_time() - started)
"""


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory(prefix="recon-benchmark-", dir="/var/tmp") as name:
        path = Path(name) / "feed.csv"
        made = generate_side(path, rows=rows, is_ledger=False, seed=9)
        ours = measured([sys.executable, "-c", OURS, str(path)], dict(os.environ))
        peer = measured([sys.executable, "-c", STANDARD_LIBRARY, str(path), str(made)], dict(os.environ))
    print(f"{'':28}{'wall s':>10}{'CPU s':>10}{'reading':>10}{'peak MiB':>10}   ({made:,} rows)")
    (our_totals, our_s), (peer_totals, peer_s) = (used.output.split("\n")[:2] for used in (ours, peer))
    for what, used, reading_s in (("by description", ours, our_s), ("csv and Decimal", peer, peer_s)):
        print(f"{what:28}{used.wall_s:>10.1f}{used.cpu_s:>10.2f}{float(reading_s):>10.2f}{used.peak_mib:>10.0f}")
    ratio = float(peer_s) / float(our_s)
    print(f"times less CPU for the reading: {ratio:.1f}")
    assert our_totals == peer_totals, "the totals differ"
    assert rows < ROWS or ratio >= AT_LEAST_TIMES_LESS, f"less than {AT_LEAST_TIMES_LESS} times less CPU"


if __name__ == "__main__":
    main()
