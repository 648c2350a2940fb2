"""From a processor's configuration to its seven assets."""

import dagster as dg

from recon_assets.assets.archive import archive_asset
from recon_assets.assets.discrepancies import discrepancies_asset
from recon_assets.assets.frames import frame_asset
from recon_assets.assets.partitions import daily_partitions
from recon_assets.assets.raw_feeds import raw_feed_asset
from recon_assets.assets.report import report_asset
from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.records import Side
from recon_assets.domain.risk import RiskThresholds
from recon_assets.matching.rules import MatchingRules


def processor_assets(
    config: ProcessorConfig, thresholds: RiskThresholds, rules: MatchingRules
) -> list[dg.AssetsDefinition]:
    """The graph of one processor. A new processor is a file in `config/processors`, never an edit here."""
    days = daily_partitions(config)
    return [
        *(raw_feed_asset(config, side, days) for side in Side),
        *(frame_asset(config, side, days) for side in Side),
        discrepancies_asset(config, days, thresholds, rules),
        report_asset(config, days),
        archive_asset(config, days),
    ]
