"""The last days of a processor, and what is still open by its age."""

from datetime import date, timedelta
from pathlib import Path

from recon_assets.domain.trend import AGEING_BUCKETS, AnsweredDay, OpenDiscrepancies
from recon_assets.domain.verdict import Verdict
from recon_assets.store.tenancy import TenantConnection
from recon_assets.store.trend import OLDEST_OPEN_DAYS, answered_days, open_discrepancies_by_age
from recon_assets_tests.store.builders import DAY, begin, conclusion, missing, publish, quiet_proof


def published(connection: TenantConnection, folder: Path, day: date, *amounts: int, processor: str = "stripe") -> None:
    rows = [missing(f"{day} {n}", amount_minor=amount) for n, amount in enumerate(amounts)]
    answer = conclusion(rows, day=day, processor=processor, proofs=None if rows else [quiet_proof()])
    publish(connection, folder, key=f"{processor} {day}", rows=rows, answer=answer)


def test_the_answers_of_the_last_days_come_by_date_with_their_money(
    connection: TenantConnection, tmp_path: Path
) -> None:
    published(connection, tmp_path, DAY - timedelta(days=30), 5)
    published(connection, tmp_path, DAY - timedelta(days=29))
    published(connection, tmp_path, DAY, 100, -250)
    published(connection, tmp_path, DAY + timedelta(days=1), 7)
    published(connection, tmp_path, DAY, 9, processor="square")

    assert answered_days(connection, "stripe", until=DAY, days=30) == (
        AnsweredDay(DAY - timedelta(days=29), Verdict.RECONCILED, 0, {"USD": 0}),
        AnsweredDay(DAY, Verdict.DISCREPANCIES, 2, {"USD": 350}),
    )


def test_an_attempt_without_an_answer_is_no_day(connection: TenantConnection) -> None:
    begin(connection, "attempt")

    assert answered_days(connection, "stripe", until=DAY, days=30) == ()


def test_what_is_open_is_counted_by_its_age_on_the_day(connection: TenantConnection, tmp_path: Path) -> None:
    for age, amounts in {0: (1, -2), 1: (4,), 2: (8,), 7: (16,), 8: (32,), 30: (64,), 31: (128,)}.items():
        published(connection, tmp_path, DAY - timedelta(days=age), *amounts)
    published(connection, tmp_path, DAY + timedelta(days=1), 1_000)
    published(connection, tmp_path, DAY, 2_000, processor="square")

    assert open_discrepancies_by_age(connection, "stripe", on=DAY) == (
        OpenDiscrepancies("0-1", "USD", 3, 7),
        OpenDiscrepancies("2-7", "USD", 2, 24),
        OpenDiscrepancies("8-30", "USD", 2, 96),
        OpenDiscrepancies("over 30", "USD", 1, 128),
    )
    assert [of_age.bucket for of_age in open_discrepancies_by_age(connection, "stripe", on=DAY)] == list(AGEING_BUCKETS)


def test_days_long_ago_are_not_looked_at(connection: TenantConnection, tmp_path: Path) -> None:
    published(connection, tmp_path, DAY - timedelta(days=OLDEST_OPEN_DAYS + 1), 5)

    assert open_discrepancies_by_age(connection, "stripe", on=DAY) == ()
