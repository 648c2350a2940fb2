"""`.ci/server`, `.ci/release-notes` and the scan for secrets, each with what it accepts and what it refuses."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.store.clusters import embedded_binaries, postgresql_15_binaries, short_folder
from recon_assets_tests.store.containers import DAGSTER_PASSWORD, PASSWORD, Container, server_of_containers
from recon_assets_tests.workflows import secret_scan

KEY = "AKIA" + "QWERTYUIOPASDFGH"
"""In two parts: the scan of this file shall not find it."""


@pytest.fixture
def container() -> Iterator[Container]:
    """PostgreSQL 15, where there is one: that is what CI's service is."""
    with short_folder() as folder:
        binaries = postgresql_15_binaries() or embedded_binaries(folder / "data")
        with server_of_containers(binaries, folder) as cluster:
            prepared = Container(cluster, "recon")
            with prepared.connect("postgres") as keeper:
                keeper.execute("CREATE DATABASE recon")
            assert prepared.run(RECON_AUDITOR_PASSWORD="murmured").returncode == 0
            yield prepared


def test_the_sample_day_on_a_server_is_told_from_another_answer(container: Container, tmp_path: Path) -> None:
    variables = {
        "RECON_DATA_DIR": str(tmp_path / "data"),
        "LOCAL_REPORTS_DIR": str(tmp_path / "reports"),
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(container.cluster.port),
        "DB_NAME": container.database,
        "DB_USER": container.application_login,
        "DB_PASSWORD": PASSWORD,
        "DAGSTER_DB_NAME": container.dagster_database,
        "DAGSTER_DB_USER": container.dagster_login,
        "DAGSTER_DB_PASSWORD": DAGSTER_PASSWORD,
        "DB_AUDITOR_USER": "recon_audit",
        "DB_AUDITOR_PASSWORD": "murmured",
        "RECON_FREE_DISK_MIB": "0",
    }
    done = _script("server", **variables, RECON=shutil.which("recon") or "")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "stripe 2025-09-30" in done.stdout
    assert "Verified as recon_auditor" in done.stdout
    assert container.query("SELECT status FROM reconciliation_runs") == [("completed",)]

    other = tmp_path / "recon"
    other.write_text('#!/bin/sh\necho " stripe   2025-09-30   discrepancies   30   25   24   6   29.95 USD   LOW"\n')
    other.chmod(0o755)
    told = _script("server", **variables, RECON=str(other))
    assert (told.returncode, "25 matched, 5 that differ and 19.95 USD at stake" in told.stderr) == (1, True)


def test_without_a_server_the_sample_day_is_not_tried_on_the_embedded_one() -> None:
    refused = _script("server", RECON="/bin/false")
    assert (refused.returncode, "DB_HOST is not set: name the server" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    ("tag", "changelog", "notes"),
    [
        ("v1.2.3", "# Changelog\n\n## 1.2.3 (2026-12-01)\n\n- New.\n\n## 1.2.2\n\n- Old.\n", "\n- New."),
        ("v1.2.3", "## 1.2.30\n\n- Another.\n\n## 1.2.3\n- New.\n", "- New."),
    ],
)
def test_the_notes_of_a_release_are_the_changelogs(tmp_path: Path, tag: str, changelog: str, notes: str) -> None:
    told = _release_notes(tmp_path, tag, changelog)
    assert (told.returncode, told.stdout.rstrip("\n"), told.stderr) == (0, notes, "")


@pytest.mark.parametrize(
    ("tag", "changelog", "complaint"),
    [
        ("v1.2.4", "## 1.2.4\n\n- New.\n", "the tag is v1.2.4 and pyproject.toml says 1.2.3: set its version"),
        ("v1.2.3", "## Unreleased\n\n- New.\n", "CHANGELOG.md has no section ## 1.2.3"),
        ("v1.2.3", "## 1.2.3\n\n## 1.2.2\n\n- Old.\n", "CHANGELOG.md has no section ## 1.2.3, or nothing in it"),
        ("1.2.3", "## 1.2.3\n\n- New.\n", "a release is tagged v0.2.0 or the like, not 1.2.3"),
        ("", "## 1.2.3\n\n- New.\n", "not nothing"),
    ],
)
def test_a_release_that_is_not_written_down_is_refused(
    tmp_path: Path, tag: str, changelog: str, complaint: str
) -> None:
    told = _release_notes(tmp_path, tag, changelog)
    assert (told.returncode, told.stdout) == (1, "")
    assert complaint in told.stderr


def _release_notes(folder: Path, tag: str, changelog: str) -> subprocess.CompletedProcess[str]:
    (folder / ".ci").mkdir()
    shutil.copy(PROJECT / ".ci" / "release-notes", folder / ".ci")
    (folder / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1.2.3"\n')
    (folder / "CHANGELOG.md").write_text(changelog)
    return _script("release-notes", tag, root=folder)


def _script(name: str, *arguments: str, root: Path = PROJECT, **variables: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DB_", "DAGSTER_", "RECON"))}
    command = ["bash", str(root / ".ci" / name), *arguments]
    return subprocess.run(command, env=inherited | variables, capture_output=True, text=True, check=False, timeout=300)


def test_a_key_is_found_until_it_is_reviewed_or_gone(tmp_path: Path) -> None:
    (tmp_path / "settings.txt").write_text(f"first line\naws = {KEY}\n")
    (tmp_path / "picture.png").write_bytes(bytes(range(256)))
    found = secret_scan.found_in(["settings.txt", "picture.png", "gone.txt"], root=tmp_path)

    assert [(secret.filename, secret.line_number) for secret in found] == [("settings.txt", 2)]
    (complaint,) = secret_scan.complaints(found, {})
    assert complaint == "settings.txt:2: looks like a secret (AWS Access Key) and was not reviewed"
    reviewed = secret_scan.as_reviewed(found)
    assert secret_scan.complaints(found, reviewed) == []
    assert KEY not in str(reviewed)
    assert secret_scan.complaints([], reviewed) == [
        "settings.txt: a reviewed text (AWS Access Key) is no longer there: write the list anew"
    ]


def test_digests_that_are_not_scanned_are_files_of_ours() -> None:
    assert [name for name in secret_scan.NOT_SCANNED if not (PROJECT / name).is_file()] == []
    assert not set(secret_scan.NOT_SCANNED) & set(secret_scan.tracked_files())
    assert {"README.md", ".github/workflows/ci.yml"} <= set(secret_scan.tracked_files())
