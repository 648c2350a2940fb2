"""Links from a report into the Dagster UI: only where its address is configured, and only to it."""

import re
from dataclasses import replace
from pathlib import Path

from recon_assets.reports.dagster_pages import DagsterPages
from recon_assets.reports.surroundings import ReportedCheck, Surroundings
from recon_assets_tests.reports.days import DATE, ORIGIN, json_of, reconciled, reported, sample_day

UI = "https://dagster.example/recon"
WITH_UI = replace(ORIGIN, dagster_url=UI)
DAY = "?view=partitions&partition=2025-09-30"
AROUND = Surroundings(checks=(ReportedCheck("transactions", "ids_are_unique", False, True, "No id twice.", {}),))


def absolute_links(html: str) -> list[str]:
    return [link.replace("&amp;", "&") for link in re.findall(r'<a href="(https?:[^"]+)"', html)]


def test_a_report_leads_to_the_pages_of_its_day_run_and_checks(tmp_path: Path) -> None:
    day = reconciled(tmp_path, *sample_day())

    html = reported(tmp_path, day, surroundings=AROUND, origin=WITH_UI).html.read_text(encoding="utf-8")

    links = absolute_links(html)
    assert f"{UI}/runs/dagster-run" in links
    for stage in ("raw_processor_feed", "raw_ledger_feed", "discrepancies", "report", "archive"):
        assert f"{UI}/assets/stripe/{stage}{DAY}" in links
    assert f"{UI}/assets/stripe/transactions?view=checks&checkDetail=ids_are_unique" in links
    assert f"{UI}/assets/stripe/archive?view=checks&checkDetail=reconciliation_is_proven" in links
    assert links.count(f"{UI}/assets/stripe/discrepancies{DAY}") == 5 + 1, "one beside each discrepancy"
    assert all(link.startswith(f"{UI}/") for link in links)


def test_without_an_address_nothing_links_to_dagster(tmp_path: Path) -> None:
    day = reconciled(tmp_path, *sample_day())

    files = reported(tmp_path, day, surroundings=AROUND)

    assert absolute_links(files.html.read_text(encoding="utf-8")) == []
    assert "Dagster" not in files.html.read_text(encoding="utf-8")
    assert json_of(tmp_path, day)[1]["report_metadata"]["dagster_pages"] is None


def test_the_json_names_the_same_pages(tmp_path: Path) -> None:
    _, report = json_of(tmp_path, reconciled(tmp_path, *sample_day()), origin=WITH_UI)

    pages = report["report_metadata"]["dagster_pages"]
    assert pages["run"] == f"{UI}/runs/dagster-run"
    assert pages["raw_processor_feed"] == f"{UI}/assets/stripe/raw_processor_feed{DAY}"
    assert set(pages) > {"report", "archive", "lineage", "reconciliation_is_proven"}


def test_a_name_can_not_leave_its_place_in_an_address() -> None:
    pages = DagsterPages(UI)

    assert pages.asset("a/b?c", "report", DATE) == f"{UI}/assets/a%2Fb%3Fc/report{DAY}"
    assert pages.run("a/../b") == f"{UI}/runs/a%2F..%2Fb"
