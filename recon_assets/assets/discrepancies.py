"""The third stage: both sides compared, the answer concluded and published in the database of record."""

import hashlib
from pathlib import Path

import dagster as dg

from recon_assets.assets.checks import check_specs
from recon_assets.assets.columns import FRAME_STAGE_OF_SIDE, discrepancy_columns, discrepancy_lineage
from recon_assets.assets.common import described, key_of
from recon_assets.assets.days_around import RULES_FILE, across_days_of, days_around, evidence_of
from recon_assets.assets.evidence import keep_inputs
from recon_assets.assets.figures import figures_to_plot, money_at_stake
from recon_assets.assets.handles import MatchingFiles, NormalisedFeed, ReconciledDay
from recon_assets.assets.stage import Stage, running_stage
from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.causes import Cause
from recon_assets.domain.checks import CheckOutcome
from recon_assets.domain.risk import RiskThresholds
from recon_assets.domain.verdict import completeness_reasons
from recon_assets.matching.causes import DiagnosedDay, find_causes
from recon_assets.matching.conclude import conclude_day
from recon_assets.matching.engine import Day, Matching, match_day
from recon_assets.matching.rules import MatchingRules
from recon_assets.quality.checks import days_around_are_known, proof_residual_is_zero
from recon_assets.resources.record import Record
from recon_assets.resources.storage import Storage
from recon_assets.store.checks import AssetOutcomes
from recon_assets.store.publication import publish_run
from recon_assets.store.runs import begin_run, processor_day_lock, processor_lock

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
            day, outcomes = _reconcile(
                stage, transactions, ledger_entries, thresholds, rules, time_zone=config.time_zone
            )
            return stage.result(
                day, outcomes=outcomes, metadata=_metadata(stage, day), data_version=day.run_id, run_id=day.run_id
            )

    return discrepancies


def _reconcile(
    stage: Stage,
    transactions: NormalisedFeed,
    ledger_entries: NormalisedFeed,
    thresholds: RiskThresholds,
    rules: MatchingRules,
    *,
    time_zone: str,
) -> tuple[ReconciledDay, list[CheckOutcome]]:
    """Match, conclude and publish, alone on this processor-day, and alone on the processor while days are chained.

    A retry of the same run with the same inputs finds what it published; with other inputs it is a new version.
    """
    fingerprint = _fingerprint(transactions, ledger_entries, rules)
    processor, business_date = stage.day.processor, stage.day.business_date
    feeds = (transactions.state(), ledger_entries.state())
    with stage.record.connect() as connection, processor_day_lock(connection, processor, business_date):
        run = begin_run(
            connection,
            processor=processor,
            business_date=business_date,
            idempotency_key=f"{stage.attempt_key}:{fingerprint}",
            dagster_run_id=stage.dagster_run_id,
            started_at=stage.started_at,
        )
        with processor_lock(connection, processor):
            around = days_around(connection, stage, rules, transactions)
            matching = match_day(
                Day(
                    processor=processor,
                    business_date=business_date,
                    transactions=_frame_file(stage, transactions),
                    ledger_entries=_frame_file(stage, ledger_entries),
                    complete=not completeness_reasons(processor=feeds[0], ledger=feeds[1], proofs=()),
                    newest_date=around.newest_date,
                    concluded_transactions=around.concluded_transactions,
                    neighbours=around.neighbours,
                ),
                rules,
                into=stage.path,
                engine=stage.storage.engine,
            )
            (stage.path / RULES_FILE).write_text(rules.model_dump_json(indent=2) + "\n", encoding="utf-8")
            keep_inputs(stage, thresholds, around)
            conclusion = conclude_day(
                processor=processor,
                business_date=business_date,
                matching=matching,
                feeds=feeds,
                thresholds=thresholds,
                causes=_causes(stage, matching, transactions, ledger_entries, time_zone=time_zone),
            )
            outcomes = [
                proof_residual_is_zero(conclusion),
                days_around_are_known(known=around.neighbours, unknown=around.unknown),
            ]
            published = publish_run(
                connection,
                run_id=run.run_id,
                conclusion=conclusion,
                discrepancies=matching.discrepancies,
                input_fingerprint=fingerprint,
                checks=AssetOutcomes(stage.asset_key, outcomes, stage.in_backfill),
                across_days=across_days_of(matching, rules, business_date),
                evidence=evidence_of(stage, matching, transactions, ledger_entries),
                in_backfill=stage.in_backfill,
            )
    day = ReconciledDay(
        run_id=str(published.run_id),
        version=published.version,
        conclusion=conclusion,
        matching=MatchingFiles.of(matching, stage.folder, rules=RULES_FILE),
        feeds=(transactions, ledger_entries),
    )
    return day, outcomes


def _causes(
    stage: Stage, matching: Matching, transactions: NormalisedFeed, ledger_entries: NormalisedFeed, *, time_zone: str
) -> tuple[Cause, ...]:
    day = DiagnosedDay(
        business_day=stage.day,
        time_zone=time_zone,
        transactions=_frame_file(stage, transactions),
        ledger_entries=_frame_file(stage, ledger_entries),
    )
    return find_causes(matching, day, memory_limit=stage.storage.duckdb_memory_limit)


def _frame_file(stage: Stage, feed: NormalisedFeed) -> Path:
    return stage.storage.root / feed.frame.folder / feed.frame.file


def _fingerprint(transactions: NormalisedFeed, ledger_entries: NormalisedFeed, rules: MatchingRules) -> str:
    """Equal when both sides' normalised records and the rules are equal."""
    parts = (transactions.frame.sha256, ledger_entries.frame.sha256, rules.version)
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def _metadata(stage: Stage, day: ReconciledDay) -> dict[str, object]:
    """The verdict first. Whole numbers plot in the UI: rates are told in basis points, money in minor units."""
    conclusion = day.conclusion
    by_class = {word.value: count for word, count in conclusion.count_by_class.items()}
    return {
        "verdict": conclusion.verdict.value,
        "why_incomplete": "; ".join(conclusion.incomplete_reasons) or "-",
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
