"""What the report of a day tells beside its answer, looked up in the record."""

from datetime import date
from uuid import UUID

from recon_assets.assets.handles import ReconciledDay
from recon_assets.assets.stage import Stage
from recon_assets.domain.checks import Severity
from recon_assets.quality.checks import DESCRIPTIONS
from recon_assets.reports.surroundings import TREND_DAYS, ReportedCheck, Surroundings
from recon_assets.store.checks import outcomes_of
from recon_assets.store.history import run_by_id
from recon_assets.store.tenancy import TenantConnection
from recon_assets.store.trend import answered_days, open_discrepancies_by_age


def surroundings_of(stage: Stage, day: ReconciledDay, *, title: str) -> Surroundings:
    """The checks of the run that has the answer and of this one, the days before, and what is still open."""
    processor, business_date = stage.day.processor, stage.day.business_date
    with stage.record.connect() as connection:
        return Surroundings(
            title=title,
            checks=_checks(connection, stage, day, business_date),
            trend=answered_days(connection, processor, until=business_date, days=TREND_DAYS),
            open_discrepancies=open_discrepancies_by_age(connection, processor, on=business_date),
        )


def _checks(
    connection: TenantConnection, stage: Stage, day: ReconciledDay, business_date: date
) -> tuple[ReportedCheck, ...]:
    """Of this run so far; of the run that gave the answer, where the report alone is made again."""
    answer = run_by_id(connection, UUID(day.run_id))
    by_check: dict[tuple[str, str], ReportedCheck] = {}
    for dagster_run_id in dict.fromkeys([answer.dagster_run_id if answer else None, stage.dagster_run_id]):
        for outcome in outcomes_of(
            connection,
            dagster_run_id=dagster_run_id or "",
            processor=stage.day.processor,
            business_date=business_date,
        ):
            of_stage = outcome.asset_key.rpartition("/")[2]
            by_check[of_stage, outcome.check_name] = ReportedCheck(
                stage=of_stage,
                name=outcome.check_name,
                passed=outcome.passed,
                is_warning=outcome.severity == Severity.WARN,
                description=DESCRIPTIONS.get(outcome.check_name, ""),
                failed_rules=outcome.failed_rules,
            )
    return tuple(by_check.values())
