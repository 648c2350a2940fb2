"""A processor-day whose ledger is a SELECT on SQLite, by the commands."""

import json
from pathlib import Path

import yaml

from recon_assets.settings import Settings
from recon_assets_tests.integration.deployments import HEADER, SAMPLE_DAY, Deployment, with_configuration
from recon_assets_tests.ledger.sql.building import DESCRIPTION, URL_ENV, sqlite_file

PROCESSOR_ROWS = [
    "a,12.34,USD,completed,2025-09-30T10:00:00Z",
    "b,0.99,USD,completed,2025-09-30T11:00:00Z",
    "c,500,JPY,completed,2025-09-30T12:00:00Z",
]
ENTRIES = [
    ("a", "12.34", "USD", "posted", "2025-09-30 10:00:00", "shop"),
    ("c", "500", "JPY", "posted", "2025-09-30 12:00:00", "shop"),
    ("later", "7.00", "USD", "posted", "2025-10-01 00:00:00", "shop"),
    ("other", "7.00", "USD", "posted", "2025-09-30 10:00:00", "another_processor"),
]


def deployment_of(settings: Settings, folder: Path) -> Deployment:
    deployment = with_configuration(settings, folder).files_processor(
        "shop", processor="\n".join([HEADER, *PROCESSOR_ROWS]), ledger=None
    )
    file = deployment.settings.config_dir / "processors" / "shop.yaml"
    document = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(document | {"ledger": {"kind": "ledger_sql", **DESCRIPTION}}))
    return deployment


def test_a_day_is_reconciled_with_a_ledger_by_sql_and_the_doctor_finds_it_healthy(
    settings: Settings, tmp_path: Path
) -> None:
    deployment = deployment_of(settings, tmp_path)
    url = sqlite_file(tmp_path / "ledger.sqlite", ENTRIES)

    finished = deployment.call("run", "--processors", "shop", "--date", SAMPLE_DAY.isoformat(), **{URL_ENV: url})

    assert finished.returncode == 0, finished.stdout + finished.stderr
    run = deployment.newest("shop")
    assert (run.status, run.processor_transactions, run.ledger_entries, run.matched) == ("completed", 3, 2, 2)
    assert {proof.currency: (proof.discrepancy_count, proof.residual_minor) for proof in run.proofs} == {
        "USD": (1, 0),
        "JPY": (0, 0),
    }
    found = deployment.query("SELECT class, transaction_id, currency FROM discrepancies")
    assert found == [("missing_in_ledger", "b", "USD")]
    (query,) = settings.storage_root.glob("shop/2025-09-30/*/raw_ledger_feed/query.json")
    asked = json.loads(query.read_text())
    assert asked["parameters"] == {
        "processor": "shop",
        "starts_at": "2025-09-30 00:00:00",
        "ends_at": "2025-10-01 00:00:00",
    }
    assert len((query.parent / "rows.jsonl").read_text().splitlines()) == 2

    examined = deployment.call("doctor", **{URL_ENV: url})

    assert examined.returncode == 0, examined.stdout + examined.stderr
    health = dict(deployment.query("SELECT component, status FROM system_health"))
    assert health["shop ledger feed"] == "healthy"


def test_the_doctor_says_when_the_ledger_is_not_there_and_names_the_variable(
    settings: Settings, tmp_path: Path
) -> None:
    deployment = deployment_of(settings, tmp_path)

    examined = deployment.call("doctor", **{URL_ENV: f"sqlite:///{tmp_path}/nowhere.sqlite"})

    assert examined.returncode == 1
    ((status, reason),) = deployment.query(
        "SELECT status, reason FROM system_health WHERE component = 'shop ledger feed'"
    )
    assert status == "down"
    assert URL_ENV in reason and "nowhere" not in reason
