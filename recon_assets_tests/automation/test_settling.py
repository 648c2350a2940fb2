"""When a late file is asked for: rested long enough, once per set of versions, whatever the cursor holds."""

from datetime import UTC, datetime, timedelta

import pytest

from recon_assets.automation.settling import Watched, from_cursor, settled, to_cursor

NOON = datetime(2025, 10, 1, 12, tzinfo=UTC)
REST = timedelta(minutes=3)
DAY, OTHER = "2025-09-30", "2025-09-29"


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def test_a_file_that_is_seen_for_the_first_time_rests() -> None:
    found = settled({}, {DAY: "a"}, at=NOON, rest=REST)
    assert (found.due, dict(found.watched)) == ((), {DAY: Watched("a", NOON)})


@pytest.mark.parametrize(("later", "due"), [(0, ()), (2.99, ()), (3, (DAY,)), (600, (DAY,))])
def test_it_is_due_once_it_rested_and_not_before(later: float, due: tuple[str, ...]) -> None:
    found = settled({DAY: Watched("a", NOON)}, {DAY: "a"}, at=minutes(later), rest=REST)
    assert found.due == due
    assert found.watched[DAY].since == NOON


def test_without_a_rest_it_is_due_at_once() -> None:
    assert settled({}, {DAY: "a"}, at=NOON, rest=timedelta()).due == (DAY,)


def test_another_version_or_a_further_file_waits_anew_also_after_a_run_was_asked_for() -> None:
    for asked in (False, True):
        before = {DAY: Watched("a", NOON, asked)}
        found = settled(before, {DAY: "b"}, at=minutes(10), rest=REST)
        assert (found.due, found.watched[DAY]) == ((), Watched("b", minutes(10)))


def test_a_run_is_asked_for_once_per_set_of_versions() -> None:
    found = settled({DAY: Watched("a", NOON)}, {DAY: "a"}, at=minutes(5), rest=REST)
    remembered = found.asked_for(frozenset(found.due))
    assert remembered == {DAY: Watched("a", NOON, asked=True)}
    assert settled(remembered, {DAY: "a"}, at=minutes(500), rest=REST).due == ()


def test_what_was_due_and_not_asked_for_stays_due() -> None:
    found = settled({DAY: Watched("a", NOON)}, {DAY: "a"}, at=minutes(5), rest=REST)
    assert settled(found.asked_for(frozenset()), {DAY: "a"}, at=minutes(6), rest=REST).due == (DAY,)


def test_days_are_judged_each_by_itself_in_their_order() -> None:
    before = {DAY: Watched("a", NOON), OTHER: Watched("c", NOON), "2025-09-28": Watched("d", minutes(4))}
    late = {DAY: "a", OTHER: "c", "2025-09-28": "d"}
    found = settled(before, late, at=minutes(5), rest=REST)
    assert found.due == (OTHER, DAY)
    assert found.asked_for(frozenset({OTHER}))[DAY].asked is False


def test_a_day_whose_files_were_used_is_forgotten() -> None:
    assert dict(settled({DAY: Watched("a", NOON, asked=True)}, {}, at=minutes(5), rest=REST).watched) == {}


def test_a_clock_that_was_set_back_begins_anew() -> None:
    found = settled({DAY: Watched("a", minutes(60))}, {DAY: "a"}, at=NOON, rest=REST)
    assert (found.due, found.watched[DAY].since) == ((), NOON)


def test_a_cursor_comes_back_as_it_was_written() -> None:
    watched = {DAY: Watched("a", NOON), OTHER: Watched("b", minutes(1), asked=True)}
    assert from_cursor(to_cursor(watched)) == watched
    assert to_cursor(watched) == to_cursor(dict(reversed(watched.items())))


@pytest.mark.parametrize(
    "cursor",
    [None, "", "x", "[]", "7", '{"2025-09-30": 1}', '{"2025-09-30": {"versions": "a"}}', "{" * 9_000,
     '{"2025-09-30": {"versions": "a", "since": "2025-10-01T12:00:00"}}'],
)  # fmt: skip
def test_a_cursor_that_is_not_ours_only_makes_files_wait_anew(cursor: str | None) -> None:
    assert from_cursor(cursor) == {}
