"""The files of the day come over byte for byte, or it is said what did not come."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from recon_assets.domain.errors import ConfigurationError, FeedUnavailable, LimitExceeded
from recon_assets.domain.records import Side
from recon_assets.feeds.files import adapter as files_adapter
from recon_assets.feeds.files.adapter import FilesAdapter
from recon_assets.feeds.files.places import PlacedFile, brought
from recon_assets.feeds.raw import RawFeedWriter
from recon_assets_tests.feeds.files.building import DAY, HEADER, SIMPLE, adapter_in, described, fetched, read

RECORDS = f"{HEADER}\nt1,1.00,USD,completed,2025-09-30T00:00:00Z\n".encode()
HEADER_ONLY = f"{HEADER}\n\n".encode()
EMPTY_IS_A_STATEMENT = {"empty_file_means_no_movements": True}
NO_RECORDS = (
    "settlement_2025-09-30 has no records; if that means that nothing happened, "
    "set `empty_file_means_no_movements` in the description"
)
NOT_EVEN_A_HEADER = "settlement_2025-09-30b is empty, not even a header"
JSON_LINES = {"format": "json_lines"}


def test_files_are_kept_unchanged_under_safe_and_unique_names(tmp_path: Path) -> None:
    files = {
        "settlement_2025-09-30.csv": b"\xff\x00 not even text",
        "settlement_2025-09-30 (1).csv": b"1",
        "settlement_2025-09-30_1_.csv": b"2",
        "settlement_2025-09-29.csv": b"of yesterday",
    }
    raw = fetched(tmp_path, adapter_in(tmp_path, described(), files))
    assert [(file.source, file.name) for file in raw.files] == [
        ("settlement_2025-09-30 (1).csv", "settlement_2025-09-30_1_.csv"),
        ("settlement_2025-09-30.csv", "settlement_2025-09-30.csv"),
        ("settlement_2025-09-30_1_.csv", "2_settlement_2025-09-30_1_.csv"),
    ]
    for file in raw.files:
        assert (tmp_path / "storage" / "raw" / file.name).read_bytes() == files[file.source]


def test_a_pattern_may_look_into_folders_of_days(tmp_path: Path) -> None:
    adapter = adapter_in(tmp_path, described(pattern="{date:%Y%m%d}/*.csv"), {"20250930/a b.csv": RECORDS})
    got = read(tmp_path, adapter)
    assert [file.name for file in got.raw.files] == ["20250930_a_b.csv"]
    assert got.rows["raw_file"].to_pylist() == ["20250930_a_b.csv"]


@pytest.mark.parametrize(
    ("files", "changes", "says_empty", "problems"),
    [
        ({}, {}, False, ["no file for 2025-09-30 yet: looked for settlement_2025-09-30* in {folder}"]),
        ({"": b""}, {}, False, ["settlement_2025-09-30 is empty, not even a header"]),
        ({"": b""}, EMPTY_IS_A_STATEMENT, False, ["settlement_2025-09-30 is empty, not even a header"]),
        ({"": HEADER_ONLY}, {}, False, [NO_RECORDS]),
        ({"": HEADER_ONLY}, EMPTY_IS_A_STATEMENT, True, []),
        ({"": HEADER_ONLY, "b": RECORDS}, EMPTY_IS_A_STATEMENT, False, []),
        ({"": HEADER_ONLY, "b": b""}, EMPTY_IS_A_STATEMENT, True, [NOT_EVEN_A_HEADER]),
        ({"": RECORDS, "b": RECORDS}, {}, False, []),
        ({"": b"not a header at all"}, EMPTY_IS_A_STATEMENT, True, []),
        ({"": b"<html></html>"}, EMPTY_IS_A_STATEMENT, False, []),
        ({"": b""}, JSON_LINES | EMPTY_IS_A_STATEMENT, True, []),
        ({"": b"\n"}, JSON_LINES | EMPTY_IS_A_STATEMENT, True, []),
        ({"": b"{}\n"}, JSON_LINES | EMPTY_IS_A_STATEMENT, False, []),
    ],
)  # fmt: skip
def test_a_feed_without_records_says_that_nothing_happened_only_where_that_was_agreed(
    files: Mapping[str, bytes], changes: Mapping[str, object], says_empty: bool, problems: list[str], tmp_path: Path
) -> None:
    named = {f"settlement_2025-09-30{suffix}": content for suffix, content in files.items()}
    adapter = adapter_in(tmp_path, described(**changes), named)
    raw = fetched(tmp_path, adapter)
    assert list(raw.problems) == [problem.format(folder=adapter.place.address) for problem in problems]
    assert raw.says_empty is says_empty


def test_a_missing_folder_is_a_mistake_of_configuration(tmp_path: Path) -> None:
    adapter = FilesAdapter("adyen", Side.LEDGER, described(folder="nowhere"), tmp_path)
    for act in (adapter.probe, lambda: fetched(tmp_path, adapter)):
        with pytest.raises(ConfigurationError) as refused:
            act()
        assert refused.value.where == str(tmp_path / "nowhere")


def growing(path: Path) -> None:
    with path.open("ab") as writer:
        writer.write(b"more")


def replaced(path: Path) -> None:
    path.with_name("new").write_bytes(path.read_bytes())
    os.replace(path.with_name("new"), path)  # noqa: PTH105


@pytest.mark.parametrize("change", [growing, replaced])
@pytest.mark.parametrize("already_read", [False, True])
def test_a_file_that_changes_is_a_problem_and_not_half_a_file(
    tmp_path: Path, change: Callable[[Path], None], already_read: bool
) -> None:
    names = ("settlement_2025-09-30", "settlement_2025-09-30b")
    place = adapter_in(tmp_path, described(), {names[0]: RECORDS, names[1]: HEADER_ONLY}).place
    with (
        place.opened() as files,
        RawFeedWriter(storage_root=tmp_path, folder="raw", day=DAY, side=Side.PROCESSOR, feed_kind="files") as into,
    ):
        first, second = files.listing("*")

        def chunks(file: PlacedFile) -> Iterator[bytes]:
            copying = files.chunks(file)
            if already_read:
                yield next(copying)
            change(Path(place.address, file.path))
            yield from copying

        changing = SimpleNamespace(listing=files.listing, chunks=chunks)
        assert brought(changing, first, "first", max_bytes=1_000, into=into) is None
        assert brought(files, second, "second", max_bytes=1_000, into=into) is not None
        raw = into.finish()
    (problem,) = raw.problems
    assert problem.startswith("settlement_2025-09-30 was being written")
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["second"] == [file.name for file in raw.files]


def test_a_file_that_vanishes_is_tried_again_later(tmp_path: Path) -> None:
    place = adapter_in(tmp_path, described(), {"settlement_2025-09-30": RECORDS}).place
    with place.opened() as files:
        (file,) = files.listing("*")
        Path(place.address, file.path).unlink()
        with pytest.raises(FeedUnavailable, match="could not be read"):
            list(files.chunks(file))


def test_a_file_seen_twice_under_two_names_is_kept_twice_and_used_once(tmp_path: Path) -> None:
    files = {"settlement_2025-09-30": RECORDS, "settlement_2025-09-30b": RECORDS}
    got = read(tmp_path, adapter_in(tmp_path, described(), files))
    assert (len(got.raw.files), got.rows.num_rows, got.raw.problems) == (2, 1, ())
    assert got.raw.facts == ("settlement_2025-09-30b has the same bytes as settlement_2025-09-30: used once",)


def test_too_many_and_too_large_files_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"settlement_2025-09-30_{number}": RECORDS for number in range(3)}
    adapter = adapter_in(tmp_path, described(), files)
    monkeypatch.setattr(files_adapter, "MAX_FILES", 2)
    with pytest.raises(LimitExceeded, match="3 files for one day"):
        fetched(tmp_path, adapter)
    monkeypatch.setattr(files_adapter, "MAX_FILES", 3)
    monkeypatch.setattr(files_adapter, "MAX_FILE_BYTES", 10)
    with pytest.raises(LimitExceeded, match="larger than 10 bytes"):
        fetched(tmp_path, adapter)
    assert not list((tmp_path / "storage").iterdir())


def test_fetching_twice_leaves_the_same_feed(tmp_path: Path) -> None:
    adapter = adapter_in(tmp_path, described(), {"settlement_2025-09-30": RECORDS})
    assert fetched(tmp_path, adapter).files == fetched(tmp_path, adapter).files


def test_the_source_names_folder_and_pattern(tmp_path: Path) -> None:
    adapter = FilesAdapter("adyen", Side.PROCESSOR, described(folder="/mnt/adyen"), tmp_path)
    assert (adapter.kind, adapter.source) == ("files", f"/mnt/adyen/{SIMPLE['pattern']}")
    assert DAY.text not in adapter.source
