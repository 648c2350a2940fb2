"""The same run in the database, JSON, CSV, XLSX and HTML: the same figures, for every class of discrepancy."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from recon_assets.domain.causes import Cause, CauseKind
from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.money import decimal_from_minor
from recon_assets.reports.agreement import differences
from recon_assets.reports.figures import Figures, figures_of
from recon_assets.reports.figures_in_files import figures_in_csv, figures_in_html, figures_in_json, figures_in_xlsx
from recon_assets.store.history import Run, run_by_id
from recon_assets.store.publication import publish_run
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.reports.days import DATE, Day, reconciled, reported, sample_day
from recon_assets_tests.reports.every_class import OF_OTHER_DAYS, PENDING, every_class_day, pending_day
from recon_assets_tests.store.builders import begin

MAKERS = {
    "every class": every_class_day,
    "pending": pending_day,
    "sample": lambda folder: reconciled(folder, *sample_day()),
    "incomplete": lambda folder: reconciled(folder, *sample_day(), problem="page 2 did not come"),
    "reconciled": lambda folder: reconciled(folder, sample_day()[1], sample_day()[1]),
    "empty": lambda folder: reconciled(folder, [], [], says_empty=True),
}


def published(connection: TenantConnection, day: Day) -> Run:
    run = begin(connection, "figures", processor="stripe", day=DATE)
    publish_run(
        connection,
        run_id=run.run_id,
        conclusion=day.conclusion,
        discrepancies=day.discrepancies,
        input_fingerprint="inputs",
    )
    found = run_by_id(connection, run.run_id)
    assert found is not None
    return found


def figures_in_database(connection: TenantConnection, run: Run) -> Figures:
    """The run's own, and the sums of its published rows."""
    signed = {proof.currency: Decimal(0) for proof in run.proofs}
    places = {proof.currency: proof.exponent for proof in run.proofs}
    with connection.transaction():  # which sets the tenant
        rows = connection.execute(
            "SELECT currency, ledger_currency, class, amount, ledger_amount_minor FROM discrepancies WHERE run_id = %s",
            [run.id],
        ).fetchall()
    for currency, other, kind, amount, ledger_minor in rows:
        signed[currency] += amount
        if kind == "currency_mismatch":
            signed[other] -= decimal_from_minor(ledger_minor, exponent=places[other])
    assert run.verdict is not None
    totals = {
        proof.currency: {
            name: decimal_from_minor(minor, exponent=proof.exponent)
            for name, minor in (
                ("processor_total", proof.processor_total_minor),
                ("ledger_total", proof.ledger_total_minor),
                ("difference", proof.processor_total_minor - proof.ledger_total_minor),
                ("explained_by_discrepancies", proof.signed_discrepancies_minor),
                ("residual", proof.residual_minor),
            )
        }
        for proof in run.proofs
    }
    counts = {str(kind): count for kind, count in run.count_by_class.items()}
    return Figures(verdict=run.verdict.value, count_by_class=counts, signed=signed, proof=totals)


@pytest.mark.parametrize("name", MAKERS)
def test_the_database_and_every_file_say_the_same(name: str, tmp_path: Path, connection: TenantConnection) -> None:
    day = MAKERS[name](tmp_path)
    recorded = figures_of(day.conclusion)
    run = published(connection, day)
    files = reported(tmp_path / "reports", day)
    report = msgspec.json.Decoder(float_hook=Decimal).decode(files.json.read_bytes())

    assert figures_in_database(connection, run) == recorded
    assert figures_in_json(report) == recorded
    assert figures_in_xlsx(files.xlsx) == recorded
    assert figures_in_html(files.html.read_text(encoding="utf-8")) == recorded
    of_rows = figures_in_csv(files.csv, currencies=recorded.proof or ())
    assert (of_rows.count_by_class, of_rows.signed) == (recorded.count_by_class, recorded.signed)
    assert differences(files, day.conclusion) == ()


def test_these_days_have_every_class_that_one_day_can_have(tmp_path: Path) -> None:
    def classes(conclusion: Conclusion) -> set[DiscrepancyClass]:
        return {kind for kind, count in conclusion.count_by_class.items() if count}

    alone, pending = (classes(make(tmp_path / make.__name__).conclusion) for make in (every_class_day, pending_day))

    assert alone == set(DiscrepancyClass) - OF_OTHER_DAYS - PENDING
    assert pending >= PENDING


def test_what_is_found_in_the_record_is_what_was_concluded(tmp_path: Path, connection: TenantConnection) -> None:
    day = reconciled(tmp_path, *sample_day())
    causes = (
        Cause(CauseKind.FEED_STOPS, "the ledger feed stops at 14:05 UTC: …", 4, 8_000, {"USD": 1_596}),
        Cause(CauseKind.ONE_MERCHANT, "all 5 belong to one merchant, ACME", 5, 10_000, {"USD": 1_995}),
    )

    run = published(connection, replace(day, conclusion=replace(day.conclusion, causes=causes)))

    assert run.causes == causes
