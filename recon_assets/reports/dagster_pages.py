"""Addresses of pages in the Dagster UI, so that a report and a terminal lead to them. Nothing of Dagster is imported.

What belongs here: how the UI writes its addresses, which tests follow in a browser. Not here: who shows them.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import quote, urlencode

CODE_LOCATION: Final = "recon_assets"
"""As `workspace.yaml` names it."""

STAGES: Final = (
    "raw_processor_feed",
    "raw_ledger_feed",
    "transactions",
    "ledger_entries",
    "discrepancies",
    "report",
    "archive",
)
"""The assets of a processor, in their order."""

PROVEN_CHECK: Final = ("archive", "reconciliation_is_proven")
"""The stage and the check that carry the verdict of a day."""

_WHOLE_LINE: Final = 4
"""Steps from the report up to the raw feeds, and one to spare."""


@dataclass(frozen=True, slots=True)
class DagsterPages:
    """Pages of the UI at `base_url`, which ends without a slash: `https://dagster.company.example`."""

    base_url: str

    def graph(self, processor: str) -> str:
        """The processor's assets and how they depend on one another."""
        return f"{self.base_url}/locations/{CODE_LOCATION}/asset-groups/{quote(processor, safe='')}"

    def asset(self, processor: str, stage: str, business_date: date | None = None) -> str:
        """One asset by business date: what was materialised, by which run, with its figures."""
        partition = {"partition": business_date.isoformat()} if business_date else {}
        return self._asset(processor, stage, view="partitions", **partition)

    def lineage(self, processor: str, stage: str) -> str:
        """What an asset is made of, back to the raw feeds."""
        return self._asset(processor, stage, view="lineage", lineageScope="upstream", lineageDepth=str(_WHOLE_LINE))

    def check(self, processor: str, stage: str, check: str) -> str:
        """One check: its newest outcome and, behind its tabs, all of them by business date."""
        return self._asset(processor, stage, view="checks", checkDetail=check)

    def run(self, dagster_run_id: str) -> str:
        """One run: its steps, events and logs."""
        return f"{self.base_url}/runs/{quote(dagster_run_id, safe='')}"

    def runs(self, processor: str) -> str:
        """Runs of the schedule and the command line; a backfill of the UI names no processor (see `backfills`)."""
        return f"{self.base_url}/runs?{urlencode({'q[0]': f'tag:processor={processor}'}, safe='[]')}"

    def backfills(self) -> str:
        """All backfills."""
        return f"{self.base_url}/runs?view=backfills"

    def _asset(self, processor: str, stage: str, **query: str) -> str:
        key = f"{quote(processor, safe='')}/{quote(stage, safe='')}"
        return f"{self.base_url}/assets/{key}?{urlencode(query)}"
