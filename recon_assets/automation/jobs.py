"""One job per processor: its seven assets for one business date."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from recon_assets.assets.run_tags import PROCESSOR
from recon_assets.configuration import ProcessorConfig


def job_name(processor: str) -> str:
    """`reconcile_stripe`."""
    return f"reconcile_{processor}"


def reconcile_job(config: ProcessorConfig) -> UnresolvedAssetJobDefinition:
    """Everything of one processor, for one partition: the job takes the partitions of its assets."""
    return dg.define_asset_job(
        job_name(config.name),
        selection=dg.AssetSelection.groups(config.name),
        description=f"Reconcile one business date of {config.title}, from raw feeds to archive.",
        tags={PROCESSOR: config.name},
    )
