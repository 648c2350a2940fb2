"""The archive: whole, hashed, and never written again."""

import hashlib
import os
import shutil
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from recon_assets.archive.local import AUDIT_HEAD, ArchivedDay, AuditHead, archive_day, remembered_heads
from recon_assets.archive.manifest import MANIFEST, MANIFEST_HASH, read_manifest
from recon_assets.domain.errors import ArchiveUnreadable
from recon_assets.domain.verdict import Verdict

STATEMENT = {"run_id": "run-1", "verdict": Verdict.DISCREPANCIES, "versions": {"duckdb": "2.0"}, "total": 2**63 - 1}


def evidence(folder: Path) -> dict[str, Path]:
    """A folder of raw pages, one of them deep, and two files."""
    raw = folder / "raw"
    (raw / "deep").mkdir(parents=True)
    (raw / "page-00001.json").write_bytes(b'{"a": 1}')
    (raw / "deep" / "page-00002.json").write_bytes(b"")
    (folder / "report.json").write_bytes(b"\x00\xff" * 70_000)
    (folder / "discrepancies.parquet").write_bytes(b"PAR1")
    return {
        "raw_processor_feed": raw,
        "report/report.json": folder / "report.json",
        "discrepancies.parquet": folder / "discrepancies.parquet",
    }


def archived(folder: Path, sources: dict[str, Path | bytes] | dict[str, Path], *, run_id: str = "run-1") -> ArchivedDay:
    return archive_day(
        folder / "archive",
        processor="stripe",
        business_date=date(2025, 9, 30),
        run_id=run_id,
        sources=sources,
        statement=STATEMENT,
    )


def contents(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Bytes, time of change and inode of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_day_lies_below_its_date_processor_and_run(tmp_path: Path) -> None:
    assert archived(tmp_path, evidence(tmp_path)).folder == tmp_path / "archive/reports/2025-09-30/stripe/run-1"


def test_the_manifest_lists_every_file_with_its_size_and_sha256(tmp_path: Path) -> None:
    day = archived(tmp_path, evidence(tmp_path))

    listed = msgspec.json.decode((day.folder / MANIFEST).read_bytes())["files"]
    found = contents(day.folder)
    del found[MANIFEST], found[MANIFEST_HASH]
    assert sorted(found) == [
        "discrepancies.parquet",
        "raw_processor_feed/deep/page-00002.json",
        "raw_processor_feed/page-00001.json",
        "report/report.json",
    ]
    assert listed == [
        {"path": path, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for path, (data, _, _) in sorted(found.items())
    ]
    assert list(msgspec.to_builtins(day.files)) == listed


def test_what_is_archived_is_what_was_there_byte_for_byte(tmp_path: Path) -> None:
    sources = evidence(tmp_path)

    day = archived(tmp_path, sources)

    assert (day.folder / "report/report.json").read_bytes() == sources["report/report.json"].read_bytes()
    assert (day.folder / "raw_processor_feed/page-00001.json").read_bytes() == b'{"a": 1}'


def test_the_statement_is_in_the_manifest_and_the_manifest_has_a_hash(tmp_path: Path) -> None:
    day = archived(tmp_path, evidence(tmp_path))

    manifest = (day.folder / MANIFEST).read_bytes()
    assert msgspec.json.decode(manifest)["statement"] == STATEMENT | {"verdict": "discrepancies"}
    assert day.manifest_sha256 == hashlib.sha256(manifest).hexdigest()


def test_the_hash_of_the_manifest_lies_beside_it_as_sha256sum_writes_it(tmp_path: Path) -> None:
    day = archived(tmp_path, evidence(tmp_path))

    assert (day.folder / MANIFEST_HASH).read_text() == f"{day.manifest_sha256}  manifest.json\n"
    done = subprocess.run(["sha256sum", "--check", MANIFEST_HASH], cwd=day.folder, capture_output=True, check=False)
    assert done.returncode == 0


def test_bytes_are_archived_as_a_file(tmp_path: Path) -> None:
    day = archived(tmp_path, {"deep/checks.json": b"[]\n"})
    assert (day.folder / "deep/checks.json").read_bytes() == b"[]\n"
    assert [file.path for file in day.files] == ["deep/checks.json"]


@pytest.mark.parametrize("damaged", [b"{", b"[]", b'{"statement": {}}', b'{"statement": {}, "files": [{"path": 1}]}'])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(damaged)
    with pytest.raises(ArchiveUnreadable, match="not what this program writes"):
        read_manifest(tmp_path)


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveUnreadable, match=r"has no manifest.*Restore the folder from a copy"):
        read_manifest(tmp_path)


def test_equal_evidence_gives_an_equal_manifest(tmp_path: Path) -> None:
    sources = evidence(tmp_path)

    first, second = archived(tmp_path, sources), archived(tmp_path, dict(reversed(sources.items())), run_id="run-2")

    assert first.folder != second.folder
    assert first.manifest_sha256 == second.manifest_sha256


def test_the_same_run_again_changes_nothing_even_when_its_sources_did(tmp_path: Path) -> None:
    sources = evidence(tmp_path)
    first = archived(tmp_path, sources)
    before = contents(first.folder)
    sources["report/report.json"].write_bytes(b"another answer")
    sources["new"] = sources["discrepancies.parquet"]

    again = archived(tmp_path, sources)

    assert again == first
    assert contents(first.folder) == before


def test_the_same_run_again_needs_no_sources(tmp_path: Path) -> None:
    sources = evidence(tmp_path)
    first = archived(tmp_path, sources)
    shutil.rmtree(tmp_path / "raw")

    assert archived(tmp_path, sources) == first


def test_another_run_of_the_day_lies_beside_the_first(tmp_path: Path) -> None:
    sources = evidence(tmp_path)
    first = archived(tmp_path, sources)
    before = contents(first.folder)

    archived(tmp_path, sources, run_id="run-2")

    assert contents(first.folder) == before
    assert sorted(path.name for path in first.folder.parent.iterdir()) == ["run-1", "run-2"]


@pytest.mark.parametrize("process_id", [os.getpid(), 4_000_000], ids=["same process", "another process"])
def test_what_a_killed_attempt_left_is_removed_and_not_archived(tmp_path: Path, process_id: int) -> None:
    left_over = tmp_path / f"archive/reports/2025-09-30/stripe/.run-1.{process_id}"
    left_over.mkdir(parents=True)
    (left_over / "half.json").write_bytes(b"{")

    day = archived(tmp_path, evidence(tmp_path))

    assert [path.name for path in day.folder.parent.iterdir()] == ["run-1"]
    assert not (day.folder / "half.json").exists()


def test_what_another_run_has_not_finished_is_left_alone(tmp_path: Path) -> None:
    unfinished = tmp_path / "archive/reports/2025-09-30/stripe/.run-10.7"
    unfinished.mkdir(parents=True)

    archived(tmp_path, evidence(tmp_path))

    assert unfinished.exists()


def test_evidence_that_is_not_there_is_an_error_and_leaves_no_archive(tmp_path: Path) -> None:
    sources = evidence(tmp_path) | {"rejected.parquet": tmp_path / "rejected.parquet"}

    with pytest.raises(FileNotFoundError):
        archived(tmp_path, sources)

    assert list((tmp_path / "archive/reports/2025-09-30/stripe").iterdir()) == []


def test_times_in_the_statement_are_text(tmp_path: Path) -> None:
    day = archive_day(
        tmp_path,
        processor="stripe",
        business_date=date(2025, 9, 30),
        run_id="run-1",
        sources={},
        statement={"at": datetime(2025, 9, 30, 1, tzinfo=UTC)},
    )

    manifest = msgspec.json.decode((day.folder / MANIFEST).read_bytes())
    assert manifest == {"statement": {"at": "2025-09-30T01:00:00Z"}, "files": []}


def with_head(folder: Path, run_id: str, head: AuditHead | None) -> ArchivedDay:
    return archive_day(
        folder / "archive",
        processor="stripe",
        business_date=date(2025, 9, 30),
        run_id=run_id,
        sources={},
        statement=STATEMENT | {AUDIT_HEAD: head},
    )


def test_the_heads_of_the_audit_log_are_remembered_by_the_manifests(tmp_path: Path) -> None:
    first, second = AuditHead(1, "ab" * 32), AuditHead(12, "cd" * 32)
    for number, head in enumerate((second, first, None, first)):
        with_head(tmp_path, f"run-{number}", head)
    archived(tmp_path, evidence(tmp_path), run_id="of-before")
    assert remembered_heads(tmp_path / "archive") == (first, second)


def test_without_an_archive_nothing_is_remembered(tmp_path: Path) -> None:
    assert remembered_heads(tmp_path / "archive") == ()


@pytest.mark.parametrize(
    "damaged", [b"", b"{", b"[]", b"{}", b'{"statement": 1}', b'{"statement": {"audit_head": {"seal_no": "1"}}}']
)
def test_a_damaged_manifest_is_said_and_not_passed_over(tmp_path: Path, damaged: bytes) -> None:
    day = with_head(tmp_path, "run-1", AuditHead(1, "ab" * 32))
    (day.folder / MANIFEST).chmod(0o644)
    (day.folder / MANIFEST).write_bytes(damaged)
    with pytest.raises(ArchiveUnreadable, match=r"run-1/manifest\.json"):
        remembered_heads(tmp_path / "archive")
