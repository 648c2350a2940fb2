"""The whole graph against what it was when it was last looked at, and what must hold of it however it grows."""

import difflib
import json

import pytest

from recon_assets.assembly import build_definitions, build_job, build_resources
from recon_assets.automation.jobs import job_name
from recon_assets.configuration import Configuration
from recon_assets.quality.checks import DESCRIPTIONS
from recon_assets_tests.assets.graph import GOLDEN, repository_graph, repository_settings

RENEW = (
    "The graph is not what recon_assets_tests/assets/graph.json says. If that is meant, renew it and commit both:\n"
    "    python -m recon_assets_tests.assets.graph > recon_assets_tests/assets/graph.json\n"
)


@pytest.fixture(scope="module")
def graph() -> dict:
    return repository_graph()


def test_the_graph_is_the_one_that_was_last_looked_at(graph: dict) -> None:
    before, now = GOLDEN.read_text(encoding="utf-8"), json.dumps(graph, indent=2) + "\n"
    difference = "\n".join(
        difflib.unified_diff(before.splitlines(), now.splitlines(), "graph.json", "now", lineterm="")
    )

    assert not difference, RENEW + difference


def test_every_asset_depends_only_on_assets_of_its_own_processor(graph: dict) -> None:
    for key, asset in graph["assets"].items():
        assert set(asset["deps"]) <= set(graph["assets"])
        assert {dep.split("/")[0] for dep in asset["deps"]} <= {key.split("/")[0]}


def test_every_asset_is_described_owned_partitioned_and_checked(graph: dict) -> None:
    for asset in graph["assets"].values():
        assert asset["described"]
        assert asset["owners"]
        assert asset["checks"]
        assert {check["partitions"] for check in asset["checks"].values()} == {asset["partitions"]}


def test_every_check_of_the_quality_room_is_on_an_asset_of_every_processor(graph: dict) -> None:
    for processor in ("paypal", "square", "stripe"):
        names = {
            name
            for key, asset in graph["assets"].items()
            if key.startswith(f"{processor}/")
            for name in asset["checks"]
        }
        assert names == set(DESCRIPTIONS)


def test_every_processor_has_a_job_with_all_its_assets_and_a_schedule_for_it(graph: dict) -> None:
    of_jobs = [key for job in graph["jobs"].values() for key in job["assets"]]
    made = [key for key in graph["assets"] if key.rpartition("/")[2] not in {"business_days", "audit_log"}]

    assert sorted(of_jobs) == sorted(made)
    assert sorted(schedule["job"] for schedule in graph["schedules"].values()) == sorted(graph["jobs"])


def test_a_job_that_a_command_runs_is_the_one_of_the_definitions() -> None:
    """It is built without what else there is. Dagster keeps its shape by this id, with every run."""
    settings = repository_settings()
    configuration = Configuration.load(settings)
    definitions, resources = build_definitions(settings), build_resources(settings, configuration)
    assert configuration.processors
    for processor in configuration.processors:
        alone = build_job(processor, configuration, resources)
        shape = definitions.resolve_job_def(job_name(processor)).get_job_snapshot_id()
        assert alone.get_job_snapshot_id() == shape, processor
