"""Beside a report: the raw files that it names, with links that lead into the archive from where the reports lie.

The report itself is archived byte for byte, so its own links fit the archive alone. This page is of the folder of
reports and is no evidence: the manifest has every file, whatever stands here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from os.path import relpath
from pathlib import Path
from typing import Final
from urllib.parse import quote

from recon_assets.atomic_files import replaced_whole
from recon_assets.domain.masking import masked_cards
from recon_assets.reports.page_templates import page_template
from recon_assets.reports.paths import raw_files_page

LISTED_FILES: Final = 2_000
"""Of each side. More are in the manifest."""


@dataclass(frozen=True, slots=True)
class RawFileLine:
    """One raw file. `path` is below the day's folder in the archive."""

    path: str
    size_bytes: int
    sha256: str


def write_raw_files_page(
    reports_dir: Path,
    *,
    processor: str,
    business_date: date,
    sides: Sequence[tuple[str, Sequence[RawFileLine]]],
    evidence: Path,
) -> Path:
    """Write it, whole. `sides` are headings with their files, `evidence` is the day's folder in the archive."""
    page = raw_files_page(reports_dir, processor=processor, business_date=business_date)
    to_evidence = Path(relpath(evidence, page.parent)).as_posix()
    text = page_template("raw_files.html").render(
        processor=processor,
        day=business_date.isoformat(),
        sides=[
            (heading, [_line(file, to_evidence) for file in files[:LISTED_FILES]], max(0, len(files) - LISTED_FILES))
            for heading, files in sides
        ],
        evidence=to_evidence,
        manifest=_address(to_evidence, "manifest.json"),
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    with replaced_whole(page) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return page


def _line(file: RawFileLine, to_evidence: str) -> dict[str, str | None]:
    name = Path(file.path).name
    shown = masked_cards(name)
    return {
        "name": shown,
        "link": _address(to_evidence, file.path) if shown == name else None,  # else it would be in the address
        "bytes": f"{file.size_bytes:,}",
        "sha256": file.sha256,
    }


def _address(to_evidence: str, path: str) -> str:
    return quote(f"{to_evidence}/{path}")
