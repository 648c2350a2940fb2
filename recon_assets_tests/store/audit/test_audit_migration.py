"""Data of before the seals is migrated, sealed and verified; and the committed fingerprint is that of today."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from recon_assets.domain.errors import ConfigurationError
from recon_assets.settings import DEFAULT_TENANT_ID
from recon_assets.store import publication
from recon_assets.store.audit import seal_audit
from recon_assets.store.audit_verification import verify_audit, verify_inside
from recon_assets.store.embedded import EmbeddedServer
from recon_assets.store.migrations import migrate
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.store.audit.tampering import SQL, STRANGE, as_superuser
from recon_assets_tests.store.builders import conclusion, missing, proof, publish

LAST_WITHOUT_SEALS = 3


@pytest.fixture
def old(server: EmbeddedServer, new_database: Callable[..., str], tmp_path: Path) -> Iterator[psycopg.Connection]:
    """A database as migrations 0001 to 0003 left it."""
    sql_dir = Path(shutil.copytree(SQL, tmp_path / "sql"))
    for later in sorted((sql_dir / "migrations").iterdir())[LAST_WITHOUT_SEALS:]:
        later.unlink()
    shutil.rmtree(sql_dir / "views")
    (sql_dir / "views").mkdir()
    name = new_database(template="template0")
    with TenantConnection.connect(
        host=str(server.socket_dir), user="postgres", dbname=name, autocommit=True
    ) as connection:
        connection.tenant = DEFAULT_TENANT_ID
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", [str(DEFAULT_TENANT_ID)])
        migrate(connection, sql_dir=sql_dir)
        yield connection


def test_data_of_before_the_seals_is_sealed_and_verified(old, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "seal_what_was_published", lambda _: None)  # that version had none
    old.autocommit = False
    publish(old, tmp_path, key="a", rows=[missing("a"), missing(STRANGE)])
    publish(
        old, tmp_path, key="b", rows=[missing("a")], answer=conclusion([missing("a")], proofs=[proof(), proof("JPY")])
    )
    old.execute("INSERT INTO system_configuration (key, value) VALUES ('a', '1')")
    old.commit()
    before = old.execute("SELECT count(*) FROM audit_log").fetchone()[0]
    old.commit()

    old.autocommit = True
    migrate(old, sql_dir=SQL)
    old.autocommit = False

    assert sum(seal.row_count for seal in seal_audit(old)) == before
    found = verify_audit(old, sql_dir=SQL)
    assert (found.problems, found.unsealed) == ([], 0)
    assert verify_inside(old) == []
    monkeypatch.undo()
    publish(old, tmp_path, key="c", rows=[missing("b")])
    assert verify_audit(old, sql_dir=SQL).problems == verify_inside(old) == []
    as_superuser(old, ["discrepancies"], "UPDATE discrepancies SET priority = 1 WHERE transaction_id = 'a'")
    assert len(verify_audit(old, sql_dir=SQL).problems) == len(verify_inside(old)) == 2


def test_a_column_that_a_later_migration_adds_does_not_make_older_rows_wrong(connection, tmp_path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    for table in ("discrepancies", "reconciliation_proofs", "reconciliation_runs"):
        connection.execute(f"ALTER TABLE {table} ADD COLUMN later uuid NOT NULL DEFAULT gen_random_uuid()".encode())
    connection.commit()
    publish(connection, tmp_path, key="b", rows=[missing("b")])
    found = [problem for problem in verify_audit(connection, sql_dir=SQL).problems if problem.check != "schema"]
    assert found == verify_inside(connection) == []
    as_superuser(connection, ["discrepancies"], "UPDATE discrepancies SET later = id WHERE transaction_id = 'b'")
    assert len(verify_inside(connection)) == 1


def test_the_committed_fingerprint_is_that_of_these_migrations(connection) -> None:
    """When it is not: `python -m recon_assets.store.schema_fingerprint`."""
    assert verify_audit(connection, sql_dir=SQL).problems == []


def test_a_release_without_its_fingerprint_can_not_verify(connection, tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="fingerprint"):
        verify_audit(connection, sql_dir=tmp_path)
