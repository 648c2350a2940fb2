"""The fourth stage: the day's answer for people, in JSON and CSV, read back and compared with the record."""

import dagster as dg

from recon_assets.assets.checks import check_specs
from recon_assets.assets.common import described, key_of
from recon_assets.assets.handles import ReconciledDay, ReportedDay
from recon_assets.assets.stage import Stage, running_stage
from recon_assets.configuration import ProcessorConfig
from recon_assets.domain.errors import StoreRefused
from recon_assets.domain.records import Side
from recon_assets.quality.checks import report_totals_agree
from recon_assets.reports.agreement import FIGURES, differences
from recon_assets.reports.csv_report import write_csv_report
from recon_assets.reports.json_report import ReportOrigin, write_json_report
from recon_assets.reports.paths import ReportFiles, report_files
from recon_assets.resources.feeds import Feeds
from recon_assets.resources.record import Record
from recon_assets.resources.storage import Storage


def report_asset(config: ProcessorConfig, days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    """The report of one processor."""
    key = key_of(config, "report")

    @dg.asset(
        key=key,
        deps=[key_of(config, "discrepancies")],
        partitions_def=days,
        check_specs=check_specs(key, ["report_totals_agree"], days),
        description=f"The answer for {config.title} as a JSON and a CSV file, the verdict first.",
        **described(config, kinds={"json", "csv"}, stage="report"),
    )
    def report(
        context: dg.AssetExecutionContext,
        feeds: dg.ResourceParam[Feeds],
        record: dg.ResourceParam[Record],
        storage: dg.ResourceParam[Storage],
    ) -> dg.MaterializeResult:
        with running_stage(context, config, record=record, storage=storage) as stage:
            day = stage.load("discrepancies", ReconciledDay)
            files = _write(
                stage,
                day,
                ReportOrigin(
                    run_id=day.run_id,
                    version=day.version,
                    dagster_run_id=stage.dagster_run_id,
                    processor_feed=feeds.source(config, Side.PROCESSOR),
                    ledger_feed=feeds.source(config, Side.LEDGER),
                ),
            )
            outcomes = [report_totals_agree(differences(files, day.conclusion), figures=len(FIGURES))]
            return stage.result(
                _reported(stage, day, files), outcomes=outcomes, metadata=_metadata(files), run_id=day.run_id
            )

    return report


def _write(stage: Stage, day: ReconciledDay, origin: ReportOrigin) -> ReportFiles:
    """Both files. Refused when the proof did not close, also in a later run of the report alone."""
    if any(proof.residual_minor for proof in day.conclusion.proofs):
        raise StoreRefused(
            "the proof of this day leaves a residual, so a report would mislead",
            where=f"run {day.run_id}",
            remedy="Materialise the discrepancies again; if the residual stays, it is a fault of the matching.",
        )
    files = report_files(stage.storage.reports, processor=stage.day.processor, business_date=stage.day.business_date)
    source = stage.storage.root / day.matching.discrepancies
    write_json_report(files.json, conclusion=day.conclusion, origin=origin, discrepancies=source)
    write_csv_report(files.csv, discrepancies=source)
    return files


def _reported(stage: Stage, day: ReconciledDay, files: ReportFiles) -> ReportedDay:
    root = stage.storage.reports
    return ReportedDay(
        day=day, json=files.json.relative_to(root).as_posix(), csv=files.csv.relative_to(root).as_posix()
    )


def _metadata(files: ReportFiles) -> dict[str, object]:
    return {
        "json": dg.MetadataValue.path(str(files.json)),
        "csv": dg.MetadataValue.path(str(files.csv)),
        "json_bytes": files.json.stat().st_size,
        "csv_bytes": files.csv.stat().st_size,
    }
