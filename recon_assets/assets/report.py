"""The fourth stage: the day's answer for people, in four kinds of file, read back and compared with the record."""

import hashlib
from uuid import UUID

import dagster as dg

from recon_assets.assets.checks import check_specs
from recon_assets.assets.common import described, key_of
from recon_assets.assets.figures import money_at_stake
from recon_assets.assets.freshness import DAILY_REPORT
from recon_assets.assets.gates import refuse_unless_gates_passed
from recon_assets.assets.handles import ReconciledDay, ReportedDay
from recon_assets.assets.stage import Stage, running_stage
from recon_assets.assets.surroundings import surroundings_of
from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.records import Side
from recon_assets.quality.checks import report_totals_agree
from recon_assets.reports.agreement import FIGURES, differences
from recon_assets.reports.all_reports import write_reports
from recon_assets.reports.json_report import ReportOrigin
from recon_assets.reports.paths import ReportFiles, report_files
from recon_assets.reports.surroundings import Surroundings
from recon_assets.resources.feeds import Feeds
from recon_assets.resources.record import Record
from recon_assets.resources.report_links import DagsterUi
from recon_assets.resources.storage import Storage


def report_asset(config: ProcessorConfig, days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """The report of one processor."""
    key = key_of(config, "report")

    @dg.asset(
        key=key,
        deps=[key_of(config, "discrepancies")],
        partitions_def=days,
        check_specs=check_specs(key, ["report_totals_agree"], days),
        freshness_policy=DAILY_REPORT,
        description=f"The answer for {config.title} as a page to read, as Excel, CSV and JSON; the verdict first.",
        **described(config, kinds={"html", "excel", "csv", "json"}, stage="report"),
    )
    def report(
        context: dg.AssetExecutionContext,
        feeds: dg.ResourceParam[Feeds],
        record: dg.ResourceParam[Record],
        storage: dg.ResourceParam[Storage],
        dagster_ui: dg.ResourceParam[DagsterUi],
    ) -> dg.MaterializeResult:
        with running_stage(context, config, record=record, storage=storage) as stage:
            day = stage.load("discrepancies", ReconciledDay)
            refuse_unless_gates_passed(stage, UUID(day.run_id))
            files = _write(
                stage,
                day,
                surroundings_of(stage, day, title=config.title),
                ReportOrigin(
                    run_id=day.run_id,
                    version=day.version,
                    dagster_run_id=stage.dagster_run_id,
                    processor_feed=feeds.source(config, Side.PROCESSOR),
                    ledger_feed=feeds.source(config, Side.LEDGER),
                    dagster_url=dagster_ui.base_url,
                ),
            )
            outcomes = [report_totals_agree(differences(files, day.conclusion), figures=len(FIGURES))]
            return stage.result(
                _reported(stage, day, files),
                outcomes=outcomes,
                metadata=_metadata(day, files),
                data_version=day.run_id,
                run_id=day.run_id,
            )

    return report


def _write(stage: Stage, day: ReconciledDay, surroundings: Surroundings, origin: ReportOrigin) -> ReportFiles:
    files = report_files(stage.storage.reports, processor=stage.day.processor, business_date=stage.day.business_date)
    write_reports(
        files,
        conclusion=day.conclusion,
        origin=origin,
        surroundings=surroundings,
        discrepancies=stage.storage.root / day.matching.discrepancies,
    )
    return files


def _reported(stage: Stage, day: ReconciledDay, files: ReportFiles) -> ReportedDay:
    below_root = {kind: file.relative_to(stage.storage.reports).as_posix() for kind, file in files.by_kind().items()}
    return ReportedDay(day=day, **below_root)


def _metadata(day: ReconciledDay, files: ReportFiles) -> dict[str, object]:
    conclusion = day.conclusion
    said: dict[str, object] = {
        "verdict": conclusion.verdict.value,
        "money_at_stake": money_at_stake(conclusion),
        "risk_level": conclusion.risk.level.name,
        "compliance": conclusion.risk.compliance.value,
        "run_id": day.run_id,
    }
    for kind, file in files.by_kind().items():
        said[kind] = dg.MetadataValue.path(file)
        said[f"{kind}_bytes"] = file.stat().st_size
        with file.open("rb") as content:
            said[f"{kind}_sha256"] = hashlib.file_digest(content, "sha256").hexdigest()
    return said
