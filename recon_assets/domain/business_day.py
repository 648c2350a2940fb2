"""The business date and the half-open instant window it covers in a processor's time zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class BusinessDay:
    """One processor-day. `starts_at <= instant < ends_at`, both in UTC.

    24 hours long, or 23 or 25 where clocks change (23.5 or 24.5 on Lord Howe).
    """

    processor: str
    business_date: date
    starts_at: datetime
    ends_at: datetime

    @property
    def text(self) -> str:
        """The business date as `YYYY-MM-DD`: the partition key."""
        return self.business_date.isoformat()


def business_day(
    processor: str, business_date: date, *, time_zone: str = "UTC", day_starts_at: time = time()
) -> BusinessDay:
    """The window of `business_date`: from `day_starts_at` local time to the same wall time a day later.

    A wall time that clocks skip on that day is taken as much later as they skip; of one that they repeat, the first.

    Raises `zoneinfo.ZoneInfoNotFoundError` for an unknown zone; configuration is checked before it gets here.
    """
    zone = ZoneInfo(time_zone)

    def instant(day: date) -> datetime:
        return datetime.combine(day, day_starts_at, tzinfo=zone).astimezone(UTC)

    return BusinessDay(
        processor=processor,
        business_date=business_date,
        starts_at=instant(business_date),
        ends_at=instant(business_date + timedelta(days=1)),
    )
