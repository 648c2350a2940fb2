"""The whole graph as Dagster sees it, as JSON. What it was when it was last looked at is in `graph.json` beside this.

Renew it, and read the difference before it is committed:

    python -m recon_assets_tests.assets.graph > recon_assets_tests/assets/graph.json
"""

import json
import sys
from pathlib import Path
from typing import Any

import dagster as dg

from recon_assets.assembly import build_definitions
from recon_assets.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).with_name("graph.json")


def repository_graph() -> dict[str, Any]:
    """Assets with their checks, jobs, schedules and sensors of this repository's `config/`."""
    return graph_of(build_definitions(repository_settings()))


def repository_settings() -> Settings:
    """The addresses and folders of whoever runs this are no part of the graph."""
    return Settings(
        _env_file=None,
        RECON_HOME=PROJECT,
        RECON_CONFIG_DIR=PROJECT / "config",
        PROCESSOR_API_BASE_URL="sandbox",
        INTERNAL_API_BASE_URL="sandbox",
    )


def graph_of(definitions: dg.Definitions) -> dict[str, Any]:
    repository = definitions.get_repository_def()
    graph = repository.asset_graph
    return {
        "assets": {key.to_user_string(): _asset(graph, key) for key in sorted(graph.get_all_asset_keys())},
        "jobs": {
            job.name: {
                "partitions": str(job.partitions_def),
                "assets": sorted(key.to_user_string() for key in job.asset_layer.selected_asset_keys),
                "tags": dict(job.tags),
            }
            for job in sorted(repository.get_all_jobs(), key=lambda job: job.name)
            if not job.name.startswith("__")
        },
        "schedules": {
            schedule.name: {
                "cron": schedule.cron_schedule,
                "time_zone": schedule.execution_timezone,
                "job": schedule.job_name,
                "status": schedule.default_status.value,
            }
            for schedule in sorted(repository.schedule_defs, key=lambda schedule: schedule.name)
        },
        "sensors": {
            sensor.name: {
                "jobs": sorted(job.name for job in sensor.jobs) if sensor.has_jobs else [],
                "interval_s": sensor.minimum_interval_seconds,
                "status": sensor.default_status.value,
            }
            for sensor in sorted(repository.sensor_defs, key=lambda sensor: sensor.name)
        },
        "resources": sorted(repository.get_top_level_resources()),
    }


def _asset(graph: Any, key: dg.AssetKey) -> dict[str, Any]:
    node = graph.get(key)
    return {
        "group": node.group_name,
        "deps": sorted(parent.to_user_string() for parent in node.parent_keys),
        "kinds": sorted(node.kinds),
        "owners": sorted(node.owners),
        "pools": sorted(node.pools or ()),
        "tags": {name: value for name, value in sorted(node.tags.items()) if not name.startswith("dagster/")},
        # What follows the plus is of the rules in `config/`, which are no part of the graph either.
        "code_version": (node.code_version or "").partition("+")[0] or None,
        "partitions": str(node.partitions_def),
        "described": bool(node.description),
        "freshness": repr(node.freshness_policy) if node.freshness_policy else None,
        "retries": retries_of(graph, key),
        "checks": {
            check.name: {
                "blocking": graph.get(check).blocking,
                "partitions": str(graph.get(check).partitions_def),
            }
            for check in sorted(node.check_keys, key=lambda check: check.name)
        },
    }


def retries_of(graph: Any, key: dg.AssetKey) -> str | None:
    """How often its step is tried again; None for an asset that nothing makes."""
    assets = graph.get(key).assets_def
    if not assets.is_executable or assets.op.retry_policy is None:
        return None
    policy = assets.op.retry_policy
    return f"{policy.max_retries} after {policy.delay} s, {policy.backoff}, {policy.jitter}"


if __name__ == "__main__":
    json.dump(repository_graph(), sys.stdout, indent=2)
    sys.stdout.write("\n")
