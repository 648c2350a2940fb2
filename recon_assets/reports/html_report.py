"""The HTML report: one file that needs nothing else, for people who decide; the verdict first."""

from datetime import UTC, datetime
from typing import Any, Final

from recon_assets.atomic_files import replaced_whole
from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.discrepancies import Outcome
from recon_assets.domain.plain_words import heading, plain_verdict
from recon_assets.reports.class_totals import class_totals
from recon_assets.reports.dagster_pages import DagsterPages
from recon_assets.reports.html_content import (
    COLOUR_OF_VERDICT,
    ageing_of,
    classes_of,
    proofs_of,
    row_content,
    tiles_of,
    trend_of,
)
from recon_assets.reports.json_report import ReportOrigin, pages_of
from recon_assets.reports.page_templates import page_template
from recon_assets.reports.paths import ReportFiles, raw_files_name
from recon_assets.reports.rows import Discrepancies, iterate_rows, report_rows
from recon_assets.reports.surroundings import Surroundings
from recon_assets.schemas.currencies import money_text

LISTED_ROWS: Final = 200
"""More are in the CSV and the XLSX file."""

_LISTED: Final = (
    "ORDER BY priority, abs(CAST(amount AS DECIMAL(38, 4))) DESC, transaction_id, occurrence, side, discrepancy_id"
    f" LIMIT {LISTED_ROWS}"
)


def write_html_report(
    files: ReportFiles,
    *,
    conclusion: Conclusion,
    origin: ReportOrigin,
    surroundings: Surroundings,
    discrepancies: Discrepancies,
) -> None:
    """Write `files.html`, which names the other files of the day."""
    with report_rows(discrepancies) as connection:
        totals = class_totals(connection)
        where = f"outcome = '{Outcome.DISCREPANCY}'"
        rows = [row_content(row) for row in iterate_rows(connection, where=where, tail=_LISTED)]
    page = page_template("report.html").render(
        conclusion=conclusion,
        origin=origin,
        title=surroundings.title or conclusion.processor.capitalize(),
        day=f"{conclusion.business_date:%A}, {conclusion.business_date.day} {conclusion.business_date:%B %Y}",
        colour=COLOUR_OF_VERDICT[conclusion.verdict],
        verdict_words=heading(conclusion.verdict),
        sentence=plain_verdict(conclusion),
        causes=[_cause(cause.sentence, cause.share_basis_points, cause.amounts) for cause in conclusion.causes],
        tiles=tiles_of(conclusion),
        proofs=proofs_of(conclusion, totals),
        classes=classes_of(totals, [Outcome.DISCREPANCY]),
        other_classes=classes_of(totals, [Outcome.PENDING, Outcome.OK]),
        rows=rows,
        more_rows=conclusion.discrepancy_count - len(rows),
        trend=trend_of(conclusion, surroundings),
        ageing=ageing_of(surroundings),
        checks=surroundings.checks,
        pages=pages_of(origin, conclusion),
        page_of_discrepancies=dict(pages_of(origin, conclusion)).get("discrepancies"),
        checks_pages=_check_pages(origin, conclusion, surroundings),
        files={
            **{kind: getattr(files, kind).name for kind in ("csv", "xlsx", "json")},
            "raw_files": raw_files_name(processor=conclusion.processor, business_date=conclusion.business_date),
        },
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )
    with replaced_whole(files.html) as unfinished:
        unfinished.write_text(page, encoding="utf-8")


def _check_pages(origin: ReportOrigin, conclusion: Conclusion, surroundings: Surroundings) -> dict[str, str]:
    """The page of each check by its stage and name; empty without a UI."""
    if origin.dagster_url is None:
        return {}
    pages = DagsterPages(origin.dagster_url)
    return {
        f"{check.stage}/{check.name}": pages.check(conclusion.processor, check.stage, check.name)
        for check in surroundings.checks
    }


def _cause(sentence: str, share_basis_points: int, amounts: Any) -> dict[str, str]:
    return {
        "sentence": sentence[:1].upper() + sentence[1:],
        "share": f"{share_basis_points // 100} % of all",
        "money": ", ".join(money_text(minor, currency) for currency, minor in amounts.items()),
    }
