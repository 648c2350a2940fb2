"""The evidence of a day of a million rows a side, verified by the command a person would type.

    python -m recon_assets_tests.benchmarks.evidence [rows]

Runs the day of `whole_line` first, then `recon verify`: every hash, and the day performed again from its two CSV files.
Fails when it is not proven, or takes longer than the limit of the issue (15 s).
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from recon_assets_tests.benchmarks.whole_line import DAY, ROWS, measured, prepare

LIMIT_S: Final = 15.0


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory(prefix="recon-benchmark-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        environment = prepare(folder, rows)
        recon = [sys.executable, "-m", "recon_assets.cli"]
        measured([*recon, "run", "--processors", "big", "--date", DAY], environment)
        measured([*recon, "db", "stop"], environment)
        verified = measured([*recon, "verify", "big", DAY], environment)
    print(verified.output)
    print(f"{'':28}{'wall s':>10}{'CPU s':>10}{'peak MiB':>10}   ({os.cpu_count()} cores, {rows:,} rows a side)")
    print(f"{'recon verify':28}{verified.wall_s:>10.1f}{verified.cpu_s:>10.1f}{verified.peak_mib:>10.0f}")
    print(f"load of the machine: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")
    assert "proven: the evidence is what was archived" in verified.output
    if rows == ROWS:
        assert verified.wall_s < LIMIT_S, f"slower than {LIMIT_S} s"


if __name__ == "__main__":
    main()
