"""The alarms and the dashboard in deploy/ ask only for what `recon metrics` tells, and the alarms do ring."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from recon_assets.domain.messages import MessageKind
from recon_assets.observability.metrics import RecordCollector, exposition
from recon_assets.store.audit import seal_audit
from recon_assets.store.health import HealthStatus, record_health
from recon_assets.store.outbox import put_message
from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.observability.test_metrics import NOW, never, read_all, watched
from recon_assets_tests.store.builders import missing, publish

FOLDER = PROJECT / "deploy" / "observability"
GUIDE = PROJECT / "docs" / "observability.md"
OURS = re.compile(r"\brecon_[a-z0-9_]+")
PROMTOOL = shutil.which("promtool")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    return group["rules"]


def dashboard() -> dict[str, Any]:
    return json.loads((FOLDER / "dashboard.json").read_text())


@pytest.fixture
def names(connection, tmp_path: Path) -> set[str]:
    """Of every metric, told of a record in which nothing is absent."""
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    with connection.transaction():
        put_message(connection, MessageKind.RUN_FAILED, run_id=None, payload={}, dedupe_key="a")
    record_health(connection, component="audit", status=HealthStatus.HEALTHY)
    seal_audit(connection)
    reading = read_all(connection, [watched()], at=NOW)
    text = exposition(RecordCollector(lambda: reading, release="1", failed=never))
    return {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}


def test_alarms_ask_for_metrics_that_exist(names: set[str]) -> None:
    for rule in rules():
        assert set(OURS.findall(rule["expr"])) <= names, rule["alert"]


def test_the_dashboard_asks_for_metrics_that_exist_and_shows_every_processor_figure(names: set[str]) -> None:
    asked = {
        name for panel in dashboard()["panels"] for target in panel["targets"] for name in OURS.findall(target["expr"])
    }
    assert asked <= names
    for variable in dashboard()["templating"]["list"]:
        assert set(OURS.findall(variable["query"])) <= names
    assert names - asked <= {  # told for alarms and for other questions
        "recon_build_info",
        "recon_latest_day_end_timestamp_seconds",
        "recon_days_since_last_proven_day",
        "recon_last_run_end_timestamp_seconds",
        "recon_outbox_oldest_age_seconds",
        "recon_archives_oldest_age_seconds",
        "recon_component_check_timestamp_seconds",
        "recon_audit_seal_age_seconds",
    }


def test_panels_do_not_overlap_and_have_ids_of_their_own() -> None:
    panels = dashboard()["panels"]
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in panels
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_every_metric_and_every_runbook_is_in_the_guide(names: set[str]) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    headings = {line.lstrip("# ").lower() for line in guide.splitlines() if line.startswith("### ")}
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/observability.md#{rule['alert'].lower()}"
        assert rule["alert"].lower() in headings
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]
    assert not [name for name in names if f"`{name}`" not in guide]


@pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian: package prometheus) is not installed")
@pytest.mark.parametrize("arguments", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")])
def test_promtool_takes_the_rules_and_they_ring_as_written(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
