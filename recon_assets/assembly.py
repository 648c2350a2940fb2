"""Puts the parts of the Dagster code location together, from settings that tests may replace."""

import warnings

import dagster as dg

from recon_assets.assets.factory import processor_assets
from recon_assets.automation.jobs import job_name, reconcile_job
from recon_assets.configuration import Configuration, ProcessorConfig
from recon_assets.resources.evidence_bucket import EvidenceBucket
from recon_assets.resources.feeds import Feeds
from recon_assets.resources.notifications import Notifier
from recon_assets.resources.record import Record
from recon_assets.resources.record_verifier import RecordVerifier
from recon_assets.resources.report_links import DagsterUi
from recon_assets.resources.storage import Storage
from recon_assets.settings import Settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """Assets, checks, jobs, schedules, sensors and resources of every configured processor. Contacts nothing.

    Runs are in-process: an interpreter per step costs a hundred times more than a step (docs/decisions/0001).
    """
    from recon_assets.automation.archive_shipping import archive_shipping_sensor
    from recon_assets.automation.audit import (
        audit_log_asset,
        record_is_as_written_check,
        verify_audit_job,
        verify_audit_schedule,
    )
    from recon_assets.automation.completeness import (
        business_days_asset,
        completeness_sensor,
        every_day_is_answered_check,
    )
    from recon_assets.automation.late_files import late_files_sensors
    from recon_assets.automation.late_records import late_records_schedules
    from recon_assets.automation.notifications import notifications_sensor
    from recon_assets.automation.schedules import daily_schedule

    configuration = Configuration.load(settings)
    processors = list(configuration.processors.values())
    assets = [asset for config in processors for asset in _assets(config, configuration)]
    return dg.Definitions(
        assets=[*assets, *(business_days_asset(config) for config in processors), audit_log_asset(processors)],
        asset_checks=[*(every_day_is_answered_check(config) for config in processors), record_is_as_written_check()],
        jobs=[*(reconcile_job(config) for config in processors), verify_audit_job()],
        schedules=[
            *(daily_schedule(config) for config in processors),
            *(schedule for config in processors for schedule in late_records_schedules(config)),
            verify_audit_schedule(),
        ],
        sensors=[
            *(sensor for config in processors for sensor in late_files_sensors(config)),
            notifications_sensor(),
            archive_shipping_sensor(),
            completeness_sensor(processors),
        ],
        resources=build_resources(settings, configuration),
        executor=dg.in_process_executor,
    )


def build_job(processor: str, configuration: Configuration, resources: dict[str, object]) -> dg.JobDefinition:
    """One processor's job as it is in the definitions, to run it here: without what else a deployment has."""
    config = configuration.processors[processor]
    return dg.Definitions(
        assets=_assets(config, configuration),
        jobs=[reconcile_job(config)],
        resources=resources,
        executor=dg.in_process_executor,
    ).resolve_job_def(job_name(processor))


def build_resources(settings: Settings, configuration: Configuration) -> dict[str, object]:
    """What assets, sensors and schedules are given by name. Nothing is contacted before it is used."""
    record = Record(settings)
    return {
        "feeds": Feeds(settings, record),
        "notifier": Notifier(settings, record, configuration),
        "record": record,
        "record_verifier": RecordVerifier(settings),
        "storage": Storage.from_settings(settings),
        "evidence_bucket": EvidenceBucket(settings),
        "dagster_ui": DagsterUi(settings.dagster_url),
    }


def _assets(config: ProcessorConfig, configuration: Configuration) -> list[dg.AssetsDefinition]:
    with warnings.catch_warnings():
        # Partitions on check specs are in preview since Dagster 1.13; a test pins the behaviour we rely on.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return processor_assets(config, configuration.risk, configuration.matching_rules(config.name))
