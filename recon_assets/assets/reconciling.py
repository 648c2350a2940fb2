"""The work of the third stage: compare both sides, conclude, and publish the answer in the database of record."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recon_assets.assets.columns import FRAME_STAGE_OF_SIDE
from recon_assets.assets.days_around import RULES_FILE, DaysAround, across_days_of, days_around, evidence_of
from recon_assets.assets.evidence import keep_inputs
from recon_assets.assets.handles import MatchingFiles, NormalisedFeed, ReconciledDay
from recon_assets.assets.stage import Stage
from recon_assets.domain.causes import Cause
from recon_assets.domain.checks import CheckOutcome
from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.errors import FeedNotUnderstood
from recon_assets.domain.risk import RiskThresholds
from recon_assets.domain.verdict import completeness_reasons
from recon_assets.matching.rules import MatchingRules
from recon_assets.quality.checks import days_around_are_known, proof_residual_is_zero
from recon_assets.store.checks import AssetOutcomes
from recon_assets.store.runs import begin_run, processor_day_lock, processor_lock

if TYPE_CHECKING:
    from recon_assets.matching.engine import Matching


@dataclass(frozen=True, slots=True)
class DecidedBy:
    """What of the configuration decides about an answer. `time_zone` is the processor's, in which its days begin."""

    rules: MatchingRules
    thresholds: RiskThresholds
    time_zone: str


def reconcile_and_publish(
    stage: Stage, transactions: NormalisedFeed, ledger_entries: NormalisedFeed, by: DecidedBy
) -> tuple[ReconciledDay, list[CheckOutcome]]:
    """Match, conclude and publish, alone on this processor-day, and alone on the processor while days are chained.

    A retry of the same run with the same inputs finds what it published; with other inputs it is a new version.
    """
    from recon_assets.store.publication import publish_run  # Arrow, which showing the graph does not need

    fingerprint = _fingerprint(transactions, ledger_entries, by.rules)
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
        with processor_lock(connection, processor):
            around = days_around(connection, stage, by.rules, transactions)
            matching, conclusion = concluded(stage, (transactions, ledger_entries), around, by)
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
                across_days=across_days_of(matching, by.rules, business_date),
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


def concluded(
    stage: Stage, sides: tuple[NormalisedFeed, NormalisedFeed], around: DaysAround, by: DecidedBy
) -> "tuple[Matching, Conclusion]":
    """Both sides compared, in the folder of `stage`, and what follows. Nothing is written in the record."""
    from recon_assets.matching.conclude import conclude_day
    from recon_assets.matching.engine import Day, match_day

    transactions, ledger_entries = sides
    feeds = (transactions.state(), ledger_entries.state())
    processor, business_date = stage.day.processor, stage.day.business_date
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
        by.rules,
        into=stage.path,
        engine=stage.storage.engine,
    )
    (stage.path / RULES_FILE).write_text(by.rules.model_dump_json(indent=2) + "\n", encoding="utf-8")
    keep_inputs(stage, by.thresholds, around)
    conclusion = conclude_day(
        processor=processor,
        business_date=business_date,
        matching=matching,
        feeds=feeds,
        thresholds=by.thresholds,
        causes=_causes(stage, matching, transactions, ledger_entries, time_zone=by.time_zone),
    )
    return matching, conclusion


def _causes(
    stage: Stage, matching: "Matching", transactions: NormalisedFeed, ledger_entries: NormalisedFeed, *, time_zone: str
) -> tuple[Cause, ...]:
    from recon_assets.matching.causes import DiagnosedDay, find_causes

    day = DiagnosedDay(
        business_day=stage.day,
        time_zone=time_zone,
        transactions=_frame_file(stage, transactions),
        ledger_entries=_frame_file(stage, ledger_entries),
    )
    return find_causes(matching, day, memory_limit=stage.storage.duckdb_memory_limit)


def _frame_file(stage: Stage, feed: NormalisedFeed) -> Path:
    file = stage.storage.root / feed.frame.folder / feed.frame.file
    if not file.is_file():
        raise FeedNotUnderstood(
            f"the frame of the {feed.side} is gone from the storage",
            where=f"{feed.frame.folder}/{feed.frame.file}",
            remedy=f"Materialise {FRAME_STAGE_OF_SIDE[feed.side]} for {stage.day.text} again, or fetch the day again.",
        )
    return file


def _fingerprint(transactions: NormalisedFeed, ledger_entries: NormalisedFeed, rules: MatchingRules) -> str:
    """Equal when both sides' normalised records and the rules are equal."""
    parts = (transactions.frame.sha256, ledger_entries.frame.sha256, rules.version)
    return hashlib.sha256("|".join(parts).encode()).hexdigest()
