"""`recon audit` as a terminal calls it: what it prints, and that exit code 1 means that something is wrong."""

from pathlib import Path

import psycopg
import pytest

from recon_assets.archive.local import AUDIT_HEAD, AuditHead, archive_day
from recon_assets.store import roles
from recon_assets.store.database import Database
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.cli.commands import recon_on
from recon_assets_tests.store.audit.tampering import as_superuser
from recon_assets_tests.store.builders import DAY, begin, missing, publish


@pytest.fixture
def run(settings, database: Database):
    """`recon audit` on the test's database."""
    return recon_on(settings, "audit")


@pytest.fixture
def connection(superuser_session: TenantConnection) -> TenantConnection:
    """Who may tamper."""
    return superuser_session


def test_a_sound_record_is_verified_against_the_head_that_was_printed(run, connection, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    head = run("head").out.strip()
    verified = run("verify", "--head", head)
    assert verified.exit_code == 0, verified.out
    for checked in (
        "seals",
        "events",
        "discrepancies rows",
        "schema objects",
        "remembered heads",
        "inside the database",
    ):
        assert checked in verified.out
    assert "wrong" not in verified.out


def test_the_auditors_login_verifies_and_has_the_head_where_nobody_migrates(run, connection, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    roles.admit(connection, user=roles.EMBEDDED_AUDITOR.user, groups=(roles.AUDITOR,))
    connection.commit()
    as_auditor = {"DB_MIGRATION_USER": "", "DB_AUDITOR_USER": roles.EMBEDDED_AUDITOR.user}
    head = run("head", **as_auditor).out.strip()
    verified = run("verify", "--head", head, **as_auditor)
    assert verified.exit_code == 0, verified.err
    assert "Verified as recon_auditor, who may only read; so not again inside the database." in verified.out
    as_superuser(connection, ["discrepancies"], "UPDATE discrepancies SET amount_minor = 1")
    assert run("verify", **as_auditor).exit_code == 1


def test_a_changed_row_is_exit_code_1_and_says_where(run, connection: psycopg.Connection, tmp_path: Path) -> None:
    published = publish(connection, tmp_path, key="a", rows=[missing("a")])
    as_superuser(connection, ["discrepancies"], "UPDATE discrepancies SET amount_minor = 1")
    verified = run("verify")
    assert verified.exit_code == 1
    assert f"event 2, run {published.run_id}: rows do not hash to what the event says" in verified.out
    assert run("verify", "--no-inside").exit_code == 1


def test_another_head_is_exit_code_1(run, connection: psycopg.Connection, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    verified = run("verify", "--head", "1:" + "0" * 64, "--head", "2:" + "0" * 64)
    assert verified.exit_code == 1
    assert "seal 1: has another hash" in verified.out
    assert "seal 2: the remembered seal is not there" in verified.out


def test_what_is_not_sealed_is_said_and_sealed(run, connection: psycopg.Connection) -> None:
    assert run("head").exit_code == 1
    begin(connection, "a")
    assert "1 events are not sealed yet" in run("verify").out
    sealed = run("seal")
    assert sealed.exit_code == 0
    assert "Sealed 1 events in 1 seals." in sealed.err
    assert sealed.out == run("head").out


def test_a_head_of_another_form_is_wrong_usage(run) -> None:
    assert run("verify", "--head", "1").exit_code == 2


def test_a_history_rewritten_to_its_end_is_found_by_the_manifests_of_the_archive(
    run, settings, connection, tmp_path: Path
) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    number, _, kept = run("head").out.strip().partition(":")
    archive_day(
        settings.archive_dir,
        processor="stripe",
        business_date=DAY,
        run_id="run",
        sources={},
        statement={AUDIT_HEAD: AuditHead(int(number), kept)},
    )
    assert run("verify").exit_code == 0
    as_superuser(connection, ["audit_seals"], "DELETE FROM audit_seals")
    run("seal")
    found = run("verify")
    assert (found.exit_code, "history was rewritten" in found.out) == (1, True)
    assert run("verify", "--no-archive").exit_code == 0
