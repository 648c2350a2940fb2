"""Input and description in, rows and rejections out: the contract of a file feed, case by case.

`golden/<case>.yaml` describes `golden/<case>.csv` or `.jsonl`; `golden/<case>.expected.json` was checked by hand.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from recon_assets_tests.feeds.files.building import DAY, adapter_in, described_by, read

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.stem for path in GOLDEN.glob("*.yaml"))


def outcome(case: str, folder: Path) -> dict[str, Any]:
    description = described_by(GOLDEN / f"{case}.yaml")
    content = GOLDEN / f"{case}.{'csv' if description.format == 'csv' else 'jsonl'}"
    name = description.pattern_of(DAY.business_date).replace("*", "x")
    got = read(folder, adapter_in(folder, description, {name: content.read_bytes()}))
    rows = [
        {
            name: value.isoformat() if name == "occurred_at" else value
            for name, value in row.items()
            if value is not None
        }
        for row in got.rows.drop_columns("raw_file").to_pylist()
    ]
    return {"rows": rows, "rejected": [list(reason) for reason in got.reasons]}


@pytest.mark.parametrize("case", CASES)
def test_a_described_file_becomes_exactly_these_rows_and_rejections(case: str, tmp_path: Path) -> None:
    expected = json.loads((GOLDEN / f"{case}.expected.json").read_text(encoding="utf-8"))
    assert outcome(case, tmp_path) == expected
