"""What Dagster shows of a day: figures beside every materialisation, and an unchanged day as unchanged."""

import hashlib
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from recon_assets.assembly import build_definitions
from recon_assets.cli.dagster_runs import Runner
from recon_assets.settings import Settings
from recon_assets_tests.integration.deployments import HEADER, ROW, SAMPLE_DAY, Deployment, with_configuration

DATA_VERSION = "dagster/data_version"


@pytest.fixture
def sample(settings: Settings) -> Deployment:
    return Deployment(settings)


@pytest.fixture
def shop(settings: Settings, tmp_path: Path) -> Deployment:
    return with_configuration(settings, tmp_path)


def materialisations(instance: dg.DagsterInstance, run_id: str) -> dict[str, dg.AssetMaterialization]:
    """By stage, of one run."""
    events = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    made = [event.dagster_event.step_materialization_data.materialization for event in events]
    return {materialisation.asset_key.path[-1]: materialisation for materialisation in made}


def test_every_materialisation_tells_its_figures_and_says_the_verdict_once_there_is_one(sample: Deployment) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        made = materialisations(instance, Runner(sample.settings, instance).run("stripe", SAMPLE_DAY).dagster_run_id)
    said: dict[str, dict[str, Any]] = {
        stage: {name: value.value for name, value in materialisation.metadata.items()}
        for stage, materialisation in made.items()
    }

    assert len(said) == 7
    assert {materialisation.partition for materialisation in made.values()} == {"2025-09-30"}
    assert all(figures["seconds"] >= 0 for figures in said.values())
    assert {
        stage: figures["dagster/row_count"] for stage, figures in said.items() if "dagster/row_count" in figures
    } == {
        "transactions": 30,
        "ledger_entries": 25,
        "discrepancies": 5,
    }
    for stage in ("transactions", "ledger_entries"):
        file = Path(said[stage]["file"])
        assert hashlib.sha256(file.read_bytes()).hexdigest() == said[stage]["sha256"]
        assert file.stat().st_size == said[stage]["bytes"]
    for stage in ("discrepancies", "report", "archive"):
        assert said[stage]["verdict"] == "discrepancies"
    assert {
        name: said["discrepancies"][name] for name in said["discrepancies"] if "rate" in name or "minor" in name
    } == {
        "discrepancy_rate_bp": 1667,
        "value_at_risk_rate_bp": 30,
        "value_at_risk_minor_USD": 1995,
    }
    assert not {"why_incomplete", "facts"} & {name for figures in said.values() for name in figures}, "nothing to say"
    assert not {"-", "none", "not stated"} & {str(value) for figures in said.values() for value in figures.values()}
    assert said["discrepancies"]["money_at_stake"] == said["report"]["money_at_stake"] == "19.95 USD"
    for kind in ("html", "xlsx", "csv", "json"):
        content = Path(said["report"][kind]).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (
            said["report"][f"{kind}_sha256"],
            said["report"][f"{kind}_bytes"],
        )
    manifest = Path(said["archive"]["folder"]) / "manifest.json"
    assert hashlib.sha256(manifest.read_bytes()).hexdigest() == said["archive"]["manifest_sha256"]


def test_the_same_day_again_has_the_same_data_versions_and_another_answer_has_others(shop: Deployment) -> None:
    text = f"{HEADER}\n{ROW}\n"
    shop.files_processor("shop", processor=text, ledger=text)
    with dg.DagsterInstance.ephemeral() as instance:
        runner = Runner(shop.settings, instance)

        def versions() -> dict[str, str]:
            run = runner.run("shop", SAMPLE_DAY)
            return {stage: m.tags[DATA_VERSION] for stage, m in materialisations(instance, run.dagster_run_id).items()}

        first, second = versions(), versions()
        assert first == second
        assert len(set(first.values())) == 4, "equal raw feeds, equal frames, the answer and its report, the archive"
        shop.files_processor("shop", processor=text.replace("12.34", "12.35"), ledger=text)
        changed = {stage for stage, version in versions().items() if version != first[stage]}
    assert changed == {"raw_processor_feed", "transactions", "discrepancies", "report", "archive"}


def test_other_rules_of_matching_are_another_code_version_of_the_discrepancies_alone(shop: Deployment) -> None:
    shop.files_processor("shop", processor=None, ledger=None)

    def code_versions() -> dict[str, str | None]:
        graph = build_definitions(shop.settings).get_repository_def().asset_graph
        return {key.to_user_string(): graph.get(key).code_version for key in graph.get_all_asset_keys()}

    before = code_versions()
    (shop.settings.config_dir / "matching.yaml").write_text("grace: {ledger: 1}\n")
    now = code_versions()

    assert {key for key in now if now[key] != before[key]} == {"shop/discrepancies"}


def test_the_columns_of_the_discrepancies_are_described_and_lead_to_columns_of_the_frames(sample: Deployment) -> None:
    assets = build_definitions(sample.settings).get_repository_def().assets_defs_by_key
    metadata = {key.to_user_string(): definition.metadata_by_key[key] for key, definition in assets.items()}
    discrepancies = metadata["stripe/discrepancies"]
    columns = {
        side: {column.name for column in metadata[f"stripe/{side}"]["dagster/column_schema"].columns}
        for side in ("transactions", "ledger_entries")
    }

    assert all(column.description for column in discrepancies["dagster/column_schema"].columns)
    lineage = discrepancies["dagster/column_lineage"].deps_by_column
    assert {(dep.asset_key.path[-1], dep.column_name) for dep in lineage["ledger_amount_minor"]} == {
        ("ledger_entries", "amount_minor")
    }
    for deps in lineage.values():
        for dep in deps:
            assert dep.column_name in columns[dep.asset_key.path[-1]]
