"""A ledger entry that comes a day late clears yesterday's item, through assets, matching and record."""

from datetime import date
from pathlib import Path

import pytest

from recon_assets.domain.verdict import Verdict
from recon_assets.settings import Settings
from recon_assets_tests.integration.deployments import HEADER, Deployment, with_configuration

MONDAY, TUESDAY = date(2025, 9, 29), date(2025, 9, 30)
ROWS = """
    SELECT d.business_date, d.class, d.counterpart_date
    FROM discrepancies AS d INNER JOIN reconciliation_runs AS r ON r.id = d.run_id WHERE r.is_current
"""
OPEN = "SELECT business_date, class FROM v_open_discrepancies ORDER BY 1"
LIFE = "SELECT business_date, event FROM discrepancy_events ORDER BY event_time"
LIVE = "SELECT processor_date, ledger_date, pass FROM prior_day_matches WHERE ended_by IS NULL"


def file_of(*rows: str) -> str:
    return "\n".join([HEADER, *rows])


@pytest.fixture
def shop(settings: Settings, tmp_path: Path) -> Deployment:
    """A charge of Monday that the ledger books on Tuesday, and one that both know on their day."""
    late, monday = "late,5.00,USD,completed,2025-09-{day}T23:50:00Z", "m,1.00,USD,completed,2025-09-29T10:00:00Z"
    tuesday = "t,2.00,USD,completed,2025-09-30T10:00:00Z"
    deployment = with_configuration(settings, tmp_path)
    deployment.files_processor(
        "shop", processor=file_of(monday, late.format(day=29)), ledger=file_of(monday), day=MONDAY
    )
    return deployment.files_processor(
        "shop", processor=file_of(tuesday), ledger=file_of(tuesday, late.format(day=30)), day=TUESDAY
    )


@pytest.mark.parametrize("order", [(MONDAY, TUESDAY), (TUESDAY, MONDAY)], ids=["in order", "the later day first"])
def test_a_late_entry_clears_the_item_of_the_day_before_in_whatever_order_days_run(
    shop: Deployment, order: tuple[date, date]
) -> None:
    first, second = (shop.run("shop", day) for day in order)

    assert (first.verdict, second.verdict) == (Verdict.DISCREPANCIES, Verdict.RECONCILED)
    assert shop.query(LIVE) == [(MONDAY, TUESDAY, "transaction_id")]
    assert shop.query(OPEN) == []
    assert shop.query(LIFE) == [(order[0], "resolved")]
    stands, superseded = shop.run("shop", order[0]), first
    assert (stands.verdict, stands.version, superseded.version) == (Verdict.RECONCILED, 2, 1)
    assert sorted(shop.query(ROWS)) == [
        (MONDAY, "matched_prior_day", TUESDAY),
        (TUESDAY, "matched_prior_day", MONDAY),
    ]
    assert {proof.residual_minor for proof in stands.proofs} == {0}


def test_a_day_that_loses_its_conclusion_lets_go_and_what_it_cleared_is_open_again(shop: Deployment) -> None:
    shop.run("shop", MONDAY)
    shop.run("shop", TUESDAY)
    (shop.settings.feeds_dir / "shop_ledger" / f"{TUESDAY}.csv").unlink()

    assert shop.run("shop", TUESDAY).verdict is Verdict.INCOMPLETE

    assert shop.query(LIVE) == []
    assert (MONDAY, "missing_in_ledger") in shop.query(OPEN)
    assert shop.query(LIFE) == [(MONDAY, "resolved"), (MONDAY, "reopened")]


def test_within_grace_an_item_waits_and_is_missed_once_a_later_day_has_an_answer(shop: Deployment) -> None:
    (shop.settings.config_dir / "matching.yaml").write_text("grace: {ledger: 1}\n")
    (shop.settings.feeds_dir / "shop_ledger" / f"{TUESDAY}.csv").write_text(
        file_of("t,2.00,USD,completed,2025-09-30T10:00:00Z")
    )

    waits = shop.run("shop", MONDAY)
    shop.run("shop", TUESDAY)
    missed = shop.run("shop", MONDAY)

    assert (waits.verdict, waits.pending_count, waits.discrepancy_count) == (Verdict.RECONCILED_WITH_PENDING, 1, 0)
    assert (missed.verdict, missed.pending_count, missed.missing_count) == (Verdict.DISCREPANCIES, 0, 1)


def test_a_record_that_the_processor_changed_after_the_day_was_concluded_is_told(shop: Deployment) -> None:
    shop.run("shop", TUESDAY)
    for side in ("processor", "ledger"):
        file = shop.settings.feeds_dir / f"shop_{side}" / f"{TUESDAY}.csv"
        file.write_text(file.read_text().replace("t,2.00", "t,3.00"))

    shop.run("shop", TUESDAY)

    found = shop.query("SELECT class, transaction_id, differs FROM discrepancies WHERE class = 'restated'")
    assert found == [("restated", "t", "amount")]
