"""The files of the day come over byte for byte, or it is said what did not come."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from recon_assets.domain.errors import ConfigurationError, FeedUnavailable, LimitExceeded
from recon_assets.domain.records import Side
from recon_assets.feeds.files import adapter as files_adapter
from recon_assets.feeds.files.adapter import FilesAdapter
from recon_assets_tests.feeds.files.building import DAY, HEADER, SIMPLE, adapter_in, described, fetched, read

RECORDS = f"{HEADER}\nt1,1.00,USD,completed,2025-09-30T00:00:00Z\n".encode()
HEADER_ONLY = f"{HEADER}\n\n".encode()
EMPTY_IS_A_STATEMENT = {"empty_file_means_no_movements": True}
NO_RECORDS = (
    "settlement_2025-09-30 has no records; if that means that nothing happened, "
    "set `empty_file_means_no_movements` in the description"
)
NOT_EVEN_A_HEADER = "settlement_2025-09-30b is empty, not even a header"
TWICE = "settlement_2025-09-30b has the same bytes as settlement_2025-09-30"
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
        ({"": RECORDS, "b": RECORDS}, {}, False, [TWICE]),
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
    assert list(raw.problems) == [problem.format(folder=adapter.folder) for problem in problems]
    assert raw.says_empty is says_empty


def test_a_missing_folder_is_a_mistake_of_configuration(tmp_path: Path) -> None:
    adapter = FilesAdapter("adyen", Side.LEDGER, described(folder="nowhere"), tmp_path)
    for act in (adapter.probe, lambda: fetched(tmp_path, adapter)):
        with pytest.raises(ConfigurationError) as refused:
            act()
        assert refused.value.where == str(tmp_path / "nowhere")


def test_a_file_that_grows_while_it_is_copied_is_tried_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_adapter, "_COPY_BYTES", 10)
    path = adapter_in(tmp_path, described(), {"settlement_2025-09-30": RECORDS}).folder / "settlement_2025-09-30"
    copying = files_adapter._bytes_of(path)
    next(copying)
    with path.open("ab") as writer:
        writer.write(b"more")
    with pytest.raises(FeedUnavailable, match="changed while it was copied"):
        list(copying)


def test_a_file_that_is_replaced_while_it_is_copied_is_tried_again_later(tmp_path: Path) -> None:
    path = adapter_in(tmp_path, described(), {"settlement_2025-09-30": RECORDS}).folder / "settlement_2025-09-30"
    copying = files_adapter._bytes_of(path)
    next(copying)
    path.with_name("new").write_bytes(RECORDS)
    os.replace(path.with_name("new"), path)  # noqa: PTH105
    with pytest.raises(FeedUnavailable):
        list(copying)


def test_a_file_that_vanishes_is_tried_again_later(tmp_path: Path) -> None:
    with pytest.raises(FeedUnavailable, match="could not be read"):
        list(files_adapter._bytes_of(tmp_path / "gone"))


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
