"""The third stage: both sides compared, the answer concluded and published in the database of record."""

import dagster as dg

from recon_assets.assets.checks import check_specs
from recon_assets.assets.columns import FRAME_STAGE_OF_SIDE, discrepancy_columns, discrepancy_lineage
from recon_assets.assets.common import described, key_of
from recon_assets.assets.figures import figures_to_plot, money_at_stake
from recon_assets.assets.handles import NormalisedFeed, ReconciledDay
from recon_assets.assets.reconciling import DecidedBy, reconcile_and_publish
from recon_assets.assets.stage import Stage, running_stage
from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.risk import RiskThresholds
from recon_assets.matching.rules import MatchingRules
from recon_assets.resources.record import Record
from recon_assets.resources.storage import Storage

SIDES = tuple(FRAME_STAGE_OF_SIDE.values())
CHECKS = ("proof_residual_is_zero", "days_around_are_known")


def discrepancies_asset(
    config: ProcessorConfig, days: dg.DailyPartitionsDefinition, thresholds: RiskThresholds, rules: MatchingRules
) -> dg.AssetsDefinition:
    """The discrepancies of one processor, by its rules of matching."""
    key = key_of(config, "discrepancies")

    @dg.asset(
        key=key,
        deps=[key_of(config, stage) for stage in SIDES],
        partitions_def=days,
        check_specs=check_specs(key, CHECKS, days),
        description=f"Where {config.title} and our ledger disagree: each difference named, priced and published.",
        metadata={
            "dagster/table_name": "discrepancies",
            "dagster/column_schema": discrepancy_columns(),
            "dagster/column_lineage": discrepancy_lineage(config),
        },
        **described(config, kinds={"duckdb", "postgres"}, stage="discrepancies", decided_by=rules.version),
    )
    def discrepancies(
        context: dg.AssetExecutionContext,
        record: dg.ResourceParam[Record],
        storage: dg.ResourceParam[Storage],
    ) -> dg.MaterializeResult:
        with running_stage(context, config, record=record, storage=storage) as stage:
            transactions, ledger_entries = (stage.load(side, NormalisedFeed) for side in SIDES)
            day, outcomes = reconcile_and_publish(
                stage, transactions, ledger_entries, DecidedBy(rules, thresholds, config.time_zone)
            )
            return stage.result(
                day, outcomes=outcomes, metadata=_metadata(stage, day), data_version=day.run_id, run_id=day.run_id
            )

    return discrepancies


def _metadata(stage: Stage, day: ReconciledDay) -> dict[str, object]:
    """The verdict first. Whole numbers plot in the UI: rates are told in basis points, money in minor units."""
    conclusion = day.conclusion
    by_class = {word.value: count for word, count in conclusion.count_by_class.items()}
    why = {"why_incomplete": "; ".join(conclusion.incomplete_reasons)} if conclusion.incomplete_reasons else {}
    return {
        "verdict": conclusion.verdict.value,
        **why,
        "processor_transactions": conclusion.processor_transactions,
        "ledger_entries": conclusion.ledger_entries,
        "matched": conclusion.matched,
        "discrepancies": conclusion.discrepancy_count,
        "pending": conclusion.pending_count,
        "dagster/row_count": sum(conclusion.count_by_class.values()),
        "discrepancies_by_class": dg.MetadataValue.json(by_class),
        "money_at_stake": money_at_stake(conclusion),
        **figures_to_plot(conclusion),
        "likely_causes": len(conclusion.causes),
        "risk_level": conclusion.risk.level.name,
        "compliance": conclusion.risk.compliance.value,
        "rule_version": conclusion.rule_version,
        "run_id": day.run_id,
        "version": day.version,
        "file": dg.MetadataValue.path(stage.storage.root / day.matching.discrepancies),
    }
