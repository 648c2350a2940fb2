"""Times come out as the same instant by the fast and by the careful way, or not at all."""

from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recon_assets.feeds.files.description_values import Times
from recon_assets.feeds.files.times import TimeReader

OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=OFFSETS)  # noqa: DTZ001
ISO_LIKE = st.from_regex(
    r"2025-(09|02)-(30|28|31) ?T?[0-9]{2}(:[0-6][0-9])?(:[0-6][0-9])?(\.[0-9]{1,10})?(Z|\+0[0-9]:?[03]0|-07)?",
    fullmatch=True,
)


def read(times: Times, *texts: str | None) -> list[datetime | None]:
    values: list[datetime | None] = TimeReader(times).read(pa.array(texts, pa.string())).to_pylist()
    return values


@settings(deadline=None)
@given(st.lists(INSTANTS, min_size=1, max_size=5), st.booleans())
def test_iso_times_with_offset_are_their_instant(instants: list[datetime], mixed: bool) -> None:
    texts = [instant.isoformat() for instant in instants]
    expected: list[datetime | None] = [instant.astimezone(UTC) for instant in instants]
    assert read(Times(), *texts, *(["soon"] if mixed else [])) == expected + ([None] if mixed else [])


@settings(deadline=None)
@given(ISO_LIKE)
def test_a_text_is_read_alike_alone_and_among_bad_ones(text: str) -> None:
    times = Times(time_zone="America/Los_Angeles")
    assert read(times, text) == read(times, text, "bad")[:1]


@settings(deadline=None)
@given(st.lists(INSTANTS, min_size=1, max_size=5))
def test_a_pattern_with_offset_is_its_instant(instants: list[datetime]) -> None:
    whole = [instant.replace(microsecond=0) for instant in instants]
    pattern = "%Y/%m/%d %H:%M:%S %z"
    assert read(Times(format=pattern), *[instant.strftime(pattern) for instant in whole]) == whole


@pytest.mark.parametrize(
    ("time_format", "text", "expected"),
    [
        ("%d/%m/%Y %H:%M:%S", "30/09/2025 00:00:00", "2025-09-30T07:00:00"),
        ("%d/%m/%Y", "30/09/2025", "2025-09-30T07:00:00"),
        ("%d/%m/%Y", "9/4/2025", "2025-04-09T07:00:00"),
        ("%m/%d/%y %I:%M %p", "09/30/25 11:30 PM", "2025-10-01T06:30:00"),
        ("%d %b %Y %H:%M", "30 Sep 2025 01:00", "2025-09-30T08:00:00"),
        ("%d/%m/%Y", "31/02/2025", None),
        ("%d/%m/%Y", "30/09/25", None),
        ("%d/%m/%Y", "2025-09-30", None),
        ("%d/%m/%Y", "30/09/2025 x", None),
        ("%d/%m/%Y %H:%M:%S", "30/09/2025 23:59:60", None),
        ("iso8601", "2025-09-30 00:00:00", "2025-09-30T07:00:00"),
        ("iso8601", "2025-09-30T00:00:00Z", "2025-09-30T00:00:00"),
        ("iso8601", "2025-02-31T00:00:00Z", None),
        ("iso8601", "30.09.2025", None),
        ("iso8601", "2025-03-09 02:30:00", None),
        ("iso8601", "2025-11-02 01:30:00", "2025-11-02T08:30:00"),
        ("unix_seconds", "1759190400", "2025-09-30T00:00:00"),
        ("unix_seconds", "1759190400.5", None),
        ("unix_seconds", "99999999999999", None),
    ],
)
def test_local_times_are_of_the_described_zone(time_format: str, text: str, expected: str | None) -> None:
    got = read(Times(format=time_format, time_zone="America/Los_Angeles"), text)
    assert got == [datetime.fromisoformat(expected).replace(tzinfo=UTC) if expected else None]


def test_a_time_without_offset_is_no_time_when_no_zone_is_described() -> None:
    assert read(Times(), "2025-09-30T00:00:00", "2025-09-30T00:00:00Z") == [None, datetime(2025, 9, 30, tzinfo=UTC)]


def test_an_absent_time_stays_absent_among_others() -> None:
    zone = Times(format="%d/%m/%Y", time_zone="UTC")
    assert read(zone, None, "30/09/2025") == [None, datetime(2025, 9, 30, tzinfo=UTC)]
    assert read(Times(), None, None) == [None, None]
