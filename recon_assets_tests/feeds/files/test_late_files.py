"""Which days have files that were not used: by path, version and size, for any place, without reading a byte."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from itertools import permutations
from pathlib import Path

import pytest
from pydantic import ValidationError

from recon_assets.domain.errors import LimitExceeded
from recon_assets.domain.records import Side
from recon_assets.feeds.adapter import Surroundings
from recon_assets.feeds.files import adapter as files_adapter
from recon_assets.feeds.files.late import (
    LateFiles,
    days_in_look_back,
    late_by_day,
    not_used,
    versions_of,
)
from recon_assets.feeds.files.places import OpenPlace, PlacedFile, fits
from recon_assets.feeds.raw import RawFile
from recon_assets.processors.paypal.settlement_feed import PayPalSettlementFeed
from recon_assets_tests.feeds.files.building import DAY, HEADER, adapter_in, described, fetched

FIRST, SECOND = date(2025, 9, 29), date(2025, 9, 30)
A, B = PlacedFile("a.csv", 10, "1"), PlacedFile("b.csv", 10, "1")


def used(file: PlacedFile, *, version: str | None = "1") -> RawFile:
    return RawFile(file.path, source=file.path, size_bytes=file.size_bytes, sha256="0" * 64, version=version)


@pytest.mark.parametrize(
    ("listed", "before", "late"),
    [
        pytest.param([], [], [], id="nothing anywhere"),
        pytest.param([A], [], [A], id="the first file of a day"),
        pytest.param([A], [used(A)], [], id="the file that was used"),
        pytest.param([A, B], [used(A)], [B], id="a further file"),
        pytest.param([A], [used(A), used(B)], [], id="a file that is gone"),
        pytest.param([PlacedFile("a.csv", 10, "2")], [used(A)], [PlacedFile("a.csv", 10, "2")], id="written again"),
        pytest.param([PlacedFile("a.csv", 11, "1")], [used(A)], [PlacedFile("a.csv", 11, "1")], id="grown in a second"),
        pytest.param([PlacedFile("A.csv", 10, "1")], [used(A)], [PlacedFile("A.csv", 10, "1")], id="another name"),
        pytest.param([A], [used(A, version=None)], [], id="used before versions were kept"),
        pytest.param(
            [PlacedFile("a.csv", 11, "1")], [used(A, version=None)], [PlacedFile("a.csv", 11, "1")], id="then grown"
        ),
    ],
)
def test_a_file_is_late_unless_it_was_used_in_the_version_that_it_has(
    listed: list[PlacedFile], before: list[RawFile], late: list[PlacedFile]
) -> None:
    assert not_used(listed, before) == late


def test_the_days_looked_at_end_with_the_last_one_that_is_over_and_begin_with_the_start_date_at_the_earliest() -> None:
    week = LateFiles()
    assert days_in_look_back(week, last_ended=SECOND, start_date=date(2025, 1, 1)) == [
        date(2025, 9, number) for number in range(24, 31)
    ]
    assert days_in_look_back(week, last_ended=SECOND, start_date=FIRST) == [FIRST, SECOND]
    assert days_in_look_back(week, last_ended=SECOND, start_date=date(2025, 10, 1)) == []
    assert days_in_look_back(LateFiles(look_back_days=1), last_ended=SECOND, start_date=FIRST) == [SECOND]


@pytest.mark.parametrize(
    "said",
    [{"look_back_days": 0}, {"look_back_days": 63}, {"look_back_days": 1.5}, {"look_back_days": "7"}, {"days": 7},
     {"settle_minutes": -1}, {"settle_minutes": 1441}, {"settle_minutes": True}],
)  # fmt: skip
def test_a_description_may_not_ask_for_more_than_the_bounds(said: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        described(late_files=said)
    with pytest.raises(ValidationError):
        PayPalSettlementFeed.model_validate({"folder": "paypal", "late_files": said})


def test_both_kinds_of_files_have_a_week_and_three_minutes_unless_they_say_otherwise(tmp_path: Path) -> None:
    said = {"look_back_days": 62, "settle_minutes": 0}
    paypal = PayPalSettlementFeed.model_validate({"folder": "paypal", "late_files": said})
    assert described().late_files == LateFiles(look_back_days=7, settle_minutes=3)
    assert described(late_files=said).late_files == paypal.late_files == LateFiles(look_back_days=62, settle_minutes=0)


@dataclass
class Listed:
    """A place of which only the listing is there, and a feed of it. Counts how often it was connected to."""

    files: Sequence[PlacedFile] = ()
    connections: int = 0
    late_files: LateFiles = field(default_factory=LateFiles)
    address: str = "there"

    @property
    def place(self) -> "Listed":
        return self

    def probe(self) -> None: ...

    def opened(self) -> AbstractContextManager["Listed"]:
        self.connections += 1
        return nullcontext(self)

    def listing(self, pattern: str) -> list[PlacedFile]:
        return [file for file in self.files if fits(file.path, pattern)]

    def chunks(self, file: PlacedFile) -> Iterator[bytes]:
        raise AssertionError(f"{file.path} was read")

    def listed(self, files: OpenPlace, business_date: date) -> list[PlacedFile]:
        return files.listing(f"{business_date}*")


def test_only_days_with_late_files_are_named_over_one_connection() -> None:
    old, new = PlacedFile(f"{FIRST}.csv", 1, "1"), PlacedFile(f"{SECOND}.csv", 1, "1")
    feed = Listed([old, new])
    assert late_by_day(feed, {FIRST: [used(old)], SECOND: []}) == {SECOND: [new]}
    assert late_by_day(feed, {FIRST: [used(old)], SECOND: [used(new)]}) == {}
    assert feed.connections == 2


def test_a_feed_without_a_day_to_look_at_is_not_connected_to() -> None:
    feed = Listed()
    assert late_by_day(feed, {}) == {} and feed.connections == 0


def test_a_set_of_versions_has_one_name_in_any_order_and_another_set_another() -> None:
    changed = [PlacedFile("a.csv", 10, "2"), PlacedFile("a.csv", 11, "1"), PlacedFile("c.csv", 10, "1")]
    sets: list[Mapping[Side, Sequence[PlacedFile]]] = [
        {Side.PROCESSOR: [A]}, {Side.LEDGER: [A]}, {Side.PROCESSOR: [A], Side.LEDGER: [A]}, {Side.PROCESSOR: [A, B]},
        *({Side.PROCESSOR: [file]} for file in changed), {},
    ]  # fmt: skip
    assert len({versions_of(late) for late in sets}) == len(sets)
    assert len({versions_of({Side.PROCESSOR: order}) for order in permutations([A, B, *changed])}) == 1
    assert versions_of({Side.PROCESSOR: [A], Side.LEDGER: [B]}) == versions_of({Side.LEDGER: [B], Side.PROCESSOR: [A]})


RECORDS = f"{HEADER}\nt1,1.00,USD,completed,2025-09-30T00:00:00Z\n".encode()
TRAILER = {"pattern": "{date}.trl", "totals": {"count": "Entries"}}


def test_what_a_fetch_used_is_not_late_until_it_is_written_again(tmp_path: Path) -> None:
    name = f"settlement_{DAY.text}"
    adapter = adapter_in(tmp_path, described(), {f"{name}.csv": RECORDS, f"{name}_again.csv": RECORDS})
    raw = fetched(tmp_path, adapter)
    assert len(raw.files) == 2 and len(raw.facts) == 1
    assert late_by_day(adapter, {DAY.business_date: raw.files}) == {}

    (Path(adapter.place.address) / f"{name}.csv").write_bytes(RECORDS + b"\n")
    ((day, late),) = late_by_day(adapter, {DAY.business_date: raw.files}).items()
    assert (day, [file.path for file in late]) == (DAY.business_date, [f"{name}.csv"])


def test_a_trailer_is_late_too_but_not_without_the_files_it_speaks_of(tmp_path: Path) -> None:
    adapter = adapter_in(tmp_path, described(trailer=TRAILER), {f"{DAY.text}.trl": b"Entries\n1\n"})
    assert late_by_day(adapter, {DAY.business_date: []}) == {}
    (Path(adapter.place.address) / f"settlement_{DAY.text}.csv").write_bytes(RECORDS)
    raw = fetched(tmp_path, adapter)
    assert late_by_day(adapter, {DAY.business_date: raw.files}) == {}
    (late,) = late_by_day(adapter, {DAY.business_date: raw.files[:1]}).values()
    assert [file.path for file in late] == [f"{DAY.text}.trl"]


def test_a_settlement_report_of_paypal_is_late_by_the_same_rule(tmp_path: Path) -> None:
    (tmp_path / "paypal").mkdir()
    adapter = PayPalSettlementFeed(folder="paypal").adapter(Surroundings(processor="paypal", feeds_dir=tmp_path))
    assert late_by_day(adapter, {DAY.business_date: []}) == {}  # type: ignore[arg-type] - an Adapter that is more
    (tmp_path / "paypal" / "STL-20250930.01.009.CSV").write_bytes(b"x")
    (tmp_path / "paypal" / "STL-20250929.01.009.CSV").write_bytes(b"x")
    ((day, late),) = late_by_day(adapter, {DAY.business_date: []}).items()  # type: ignore[arg-type]
    assert (day, [file.path for file in late]) == (DAY.business_date, ["STL-20250930.01.009.CSV"])


def test_more_files_than_a_day_may_have_are_refused_by_the_look_as_by_the_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_adapter, "MAX_FILES", 1)
    names = [f"settlement_{DAY.text}.{number}" for number in range(2)]
    adapter = adapter_in(tmp_path, described(), dict.fromkeys(names, RECORDS))
    with pytest.raises(LimitExceeded, match="2 files for one day"):
        late_by_day(adapter, {DAY.business_date: []})
