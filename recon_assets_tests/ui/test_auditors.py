"""The read-only UI of auditors: everything can be read, nothing can be started, whatever is asked of it."""

from typing import Final

import pytest
from playwright.sync_api import expect

from recon_assets_tests.ui.servers import Demo, ask
from recon_assets_tests.ui.visitor import PATIENCE_MS, Visitor

pytestmark = pytest.mark.xdist_group("ui")

LAUNCH: Final = """
mutation ($run: ExecutionParams!) { launchPipelineExecution(executionParams: $run) { __typename } }
"""
RUN: Final = {
    "selector": {
        "repositoryLocationName": "recon_assets",
        "repositoryName": "__repository__",
        "pipelineName": "reconcile_stripe",
    },
    "executionMetadata": {"tags": [{"key": "dagster/partition", "value": "2025-09-30"}]},
    "mode": "default",
}
RUNS: Final = '{ runsOrError(filter: {pipelineName: "reconcile_stripe"}) { ... on Runs { results { runId } } } }'


def test_an_auditor_sees_the_graph_and_cannot_materialise(demo: Demo, visitor: Visitor) -> None:
    visitor.opens(demo.read_only_pages.graph("stripe"))
    visitor.sees("raw_processor_feed")

    expect(visitor.page.get_by_role("button", name="Materialize all")).to_be_disabled(timeout=PATIENCE_MS)


def test_a_launch_is_refused_whoever_asks(demo: Demo) -> None:
    before = ask(demo.read_only_pages.base_url, RUNS)

    answer = ask(demo.read_only_pages.base_url, LAUNCH, run=RUN)

    assert answer["data"]["launchPipelineExecution"] == {"__typename": "UnauthorizedError"}
    assert ask(demo.read_only_pages.base_url, RUNS) == before
