"""Measures one piece of work in this process. Standard library alone: the peers' environments have nothing of ours."""

import csv
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")
KEY = "transaction_id"
COMPARED = ("amount_minor", "currency", "status", "fee_minor")
TOLERANCE_MINOR = 2
CLASS_OF_COLUMN = {
    "amount_minor": "amount_mismatch",
    "currency": "currency_mismatch",
    "status": "status_mismatch",
    "fee_minor": "fee_mismatch",
}


def measured(work: Callable[[], Found]) -> tuple[Found, dict[str, float]]:
    """What the work gives, and its wall and CPU seconds. The peak is the process's, with imports."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    figures = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    return found, figures | {"peak_mib": peak_mib()}


def peak_mib() -> float:
    """The largest resident size of this program. `ru_maxrss` would count the parent's too, from before the exec."""
    kib = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert kib is not None, "only Linux says it"
    return int(kib.group(1)) / 1024


def write_found(folder: Path, found: Mapping[str, Iterable[str]]) -> None:
    """Ids by class, for the scores."""
    with (folder / "found.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((KEY, "class"))
        for word, ids in found.items():
            writer.writerows((one, word) for one in ids)


def tell(figures: dict[str, float], **more: object) -> None:
    """The last line of the output is what the parent reads."""
    print(json.dumps(figures | more))
