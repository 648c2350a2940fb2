"""The third stage: both sides compared, the answer concluded and published in the database of record."""

import hashlib
from pathlib import Path

import dagster as dg

from recon_assets.assets.checks import check_specs
from recon_assets.assets.common import described, key_of
from recon_assets.assets.handles import NormalisedFeed, ReconciledDay
from recon_assets.assets.stage import Stage, running_stage
from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.money import decimal_from_minor
from recon_assets.domain.risk import RiskThresholds
from recon_assets.matching.conclude import conclude_day
from recon_assets.matching.engine import DISCREPANCIES_FILE, match_frames
from recon_assets.quality.checks import proof_residual_is_zero
from recon_assets.resources.record import Record
from recon_assets.resources.storage import Storage
from recon_assets.store.checks import AssetOutcomes
from recon_assets.store.publication import publish_run
from recon_assets.store.runs import begin_run, processor_day_lock

SIDES = ("transactions", "ledger_entries")


def discrepancies_asset(
    config: ProcessorConfig, days: dg.DailyPartitionsDefinition, thresholds: RiskThresholds
) -> dg.AssetsDefinition:
    """The discrepancies of one processor."""
    key = key_of(config, "discrepancies")

    @dg.asset(
        key=key,
        deps=[key_of(config, stage) for stage in SIDES],
        partitions_def=days,
        check_specs=check_specs(key, ["proof_residual_is_zero"], days),
        description=f"Where {config.title} and our ledger disagree: each difference named, priced and published.",
        **described(config, kinds={"duckdb", "postgres"}, stage="discrepancies"),
    )
    def discrepancies(
        context: dg.AssetExecutionContext,
        record: dg.ResourceParam[Record],
        storage: dg.ResourceParam[Storage],
    ) -> dg.MaterializeResult:
        with running_stage(context, config, record=record, storage=storage) as stage:
            transactions, ledger_entries = (stage.load(side, NormalisedFeed) for side in SIDES)
            day = _reconcile(stage, transactions, ledger_entries, thresholds)
            outcome = proof_residual_is_zero(day.conclusion)
            return stage.result(day, outcomes=[outcome], metadata=_metadata(day), run_id=day.run_id)

    return discrepancies


def _reconcile(
    stage: Stage, transactions: NormalisedFeed, ledger_entries: NormalisedFeed, thresholds: RiskThresholds
) -> ReconciledDay:
    """Match, conclude and publish, alone on this processor-day.

    A retry of the same run with the same inputs finds what it published; with other inputs it is a new version.
    """
    fingerprint = _fingerprint(transactions, ledger_entries)
    processor, business_date = stage.day.processor, stage.day.business_date
    with stage.record.connect() as connection, processor_day_lock(connection, processor, business_date):
        run = begin_run(
            connection,
            processor=processor,
            business_date=business_date,
            idempotency_key=f"{stage.attempt_key}:{fingerprint}",
            dagster_run_id=stage.dagster_run_id,
            started_at=stage.started_at,
        )
        matching = match_frames(
            processor=processor,
            transactions=_frame_file(stage, transactions),
            ledger_entries=_frame_file(stage, ledger_entries),
            into=stage.path,
            memory_limit=stage.storage.duckdb_memory_limit,
        )
        conclusion = conclude_day(
            processor=processor,
            business_date=business_date,
            matching=matching,
            feeds=(transactions.state(), ledger_entries.state()),
            thresholds=thresholds,
        )
        published = publish_run(
            connection,
            run_id=run.run_id,
            conclusion=conclusion,
            discrepancies=matching.discrepancies,
            input_fingerprint=fingerprint,
            checks=AssetOutcomes(stage.asset_key, [proof_residual_is_zero(conclusion)]),
        )
    return ReconciledDay(
        run_id=str(published.run_id),
        version=published.version,
        conclusion=conclusion,
        discrepancies=f"{stage.folder}/{DISCREPANCIES_FILE}",
        feeds=(transactions, ledger_entries),
    )


def _frame_file(stage: Stage, feed: NormalisedFeed) -> Path:
    return stage.storage.root / feed.frame.folder / feed.frame.file


def _fingerprint(transactions: NormalisedFeed, ledger_entries: NormalisedFeed) -> str:
    """Equal when both sides' normalised records are equal."""
    return hashlib.sha256(f"{transactions.frame.sha256}|{ledger_entries.frame.sha256}".encode()).hexdigest()


def _metadata(day: ReconciledDay) -> dict[str, object]:
    conclusion = day.conclusion
    by_class = {word.value: count for word, count in conclusion.count_by_class.items()}
    return {
        "verdict": conclusion.verdict.value,
        "why_incomplete": "; ".join(conclusion.incomplete_reasons) or "-",
        "processor_transactions": conclusion.processor_transactions,
        "ledger_entries": conclusion.ledger_entries,
        "matched": conclusion.matched,
        "dagster/row_count": conclusion.discrepancy_count,
        "discrepancies_by_class": dg.MetadataValue.json(by_class),
        "money_at_stake": money_at_stake(conclusion),
        "risk_level": conclusion.risk.level.name,
        "run_id": day.run_id,
        "version": day.version,
    }


def money_at_stake(conclusion: Conclusion) -> str:
    """Gross discrepancy amounts per currency, as people write them."""
    return ", ".join(
        f"{decimal_from_minor(proof.discrepancy_amount_minor, exponent=proof.exponent)} {proof.currency}"
        for proof in conclusion.proofs
    )
