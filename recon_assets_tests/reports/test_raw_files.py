"""The page of raw files: links from the folder of reports into the archive, whatever the files are called."""

import re
from datetime import date
from html import unescape
from pathlib import Path
from urllib.parse import unquote

from recon_assets.reports.raw_files import LISTED_FILES, RawFileLine, write_raw_files_page

DAY = date(2025, 9, 30)


def written(folder: Path, *files: RawFileLine) -> tuple[Path, str]:
    page = write_raw_files_page(
        folder / "local reports",
        processor="stripe",
        business_date=DAY,
        sides=[("Processor", files), ("Ledger", [])],
        evidence=folder / "data" / "archive" / "run #1",
    )
    return page, page.read_text(encoding="utf-8")


def test_links_lead_from_the_reports_to_the_evidence_whatever_a_file_is_called(tmp_path: Path) -> None:
    name = 'raw_processor_feed/<b>&#1 "?.json'

    page, html = written(tmp_path, RawFileLine(name, 12_345, "ab" * 32))

    assert page == tmp_path / "local reports" / "stripe_2025-09-30" / "raw_files_stripe_2025-09-30.html"
    links = [unescape(link) for link in re.findall(r'href="([^"]+)"', html)]
    evidence = tmp_path / "data" / "archive" / "run #1"
    assert [(page.parent / unquote(link)).resolve() for link in links] == [evidence / "manifest.json", evidence / name]
    assert "#" not in "".join(links)
    assert "<b>" not in html
    assert "12,345" in html and "ab" * 32 in html
    assert html.count("No file came.") == 1


def test_a_card_number_in_a_name_is_masked_and_has_no_link(tmp_path: Path) -> None:
    _, html = written(tmp_path, RawFileLine("raw_processor_feed/4111111111111111.json", 1, "0" * 64))

    assert "4111111111111111" not in html
    assert "************1111.json" in html


def test_of_very_many_files_the_first_are_listed_and_the_rest_is_counted(tmp_path: Path) -> None:
    _, html = written(tmp_path, *(RawFileLine(f"p/{n:05}", 1, "0" * 64) for n in range(LISTED_FILES + 1_234)))

    assert html.count("<code>0000") == LISTED_FILES
    assert "1,234 more are in the manifest." in html
