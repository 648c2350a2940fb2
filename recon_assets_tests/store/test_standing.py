"""How the days of a range stand, by one statement."""

from datetime import UTC, datetime, timedelta

import pytest

from recon_assets.store.runs import record_failure
from recon_assets.store.standing import StandingDay, standing_days
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.store.builders import DAY, OTHER_RULES, RULES, begin, conclusion, publish

NEXT, LAST = DAY + timedelta(days=1), DAY + timedelta(days=2)


@pytest.fixture
def publish_day(connection: TenantConnection, tmp_path):
    def publish_it(day, *, key="first", processor="stripe", inputs=None, **said):
        answer = conclusion([], day=day, processor=processor, **said)
        return publish(connection, tmp_path, key=f"{processor} {day} {key}", rows=[], answer=answer, inputs=inputs)

    return publish_it


def stand(connection: TenantConnection, *processors: str, until=LAST) -> dict:
    return standing_days(connection, processors=processors or ["stripe"], since=DAY, until=until)


def fail(connection: TenantConnection, day) -> None:
    record_failure(
        connection,
        processor="stripe",
        business_date=day,
        idempotency_key=f"failed {day}",
        dagster_run_id="dagster-failed",
        stage="transactions",
        reason="it did not answer",
        started_at=datetime.now(UTC),
    )


def test_days_that_were_never_attempted_are_not_there_and_others_say_their_rules(connection, publish_day) -> None:
    first, other = publish_day(DAY), publish_day(NEXT, rule_version=OTHER_RULES)
    publish_day(DAY, processor="paypal")
    publish_day(DAY - timedelta(days=1))

    assert stand(connection) == {
        (DAY, "stripe"): StandingDay("stripe", DAY, "completed", first.run_id, True, RULES, False),
        (NEXT, "stripe"): StandingDay("stripe", NEXT, "completed", other.run_id, True, OTHER_RULES, False),
    }
    assert set(stand(connection, "paypal", "stripe", until=DAY)) == {(DAY, "paypal"), (DAY, "stripe")}


def test_an_answer_found_again_is_confirmed_and_a_failed_or_running_attempt_says_so_beside_it(
    connection, publish_day
) -> None:
    standing = [publish_day(day, inputs="same").run_id for day in (DAY, NEXT, LAST)]
    assert publish_day(DAY, key="again", inputs="same").unchanged
    fail(connection, NEXT)
    begin(connection, "at work", day=LAST)

    found = stand(connection).values()
    assert [day.newest_status for day in found] == ["unchanged", "failed", "running"]
    assert [day.run_id for day in found] == standing
    assert all(day.is_concluded for day in found)


def test_an_incomplete_or_failed_day_has_no_conclusion(connection, publish_day) -> None:
    incomplete = publish_day(DAY, reasons=("it came short",))
    fail(connection, NEXT)

    first, second = stand(connection).values()
    assert (first.run_id, first.is_concluded, first.newest_status) == (incomplete.run_id, False, "incomplete")
    assert (second.run_id, second.is_concluded, second.newest_status) == (None, False, "failed")


def test_an_archived_answer_says_so(connection, publish_day) -> None:
    run_id = publish_day(DAY).run_id
    with connection.transaction():
        connection.execute("UPDATE reconciliation_runs SET manifest_sha256 = %s WHERE id = %s", ["a" * 64, run_id])

    assert stand(connection)[DAY, "stripe"].is_archived
