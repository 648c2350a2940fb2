"""A record with an old month and a young one, and who may retire: tests act as the migrating login."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from recon_assets.store.database import Database
from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.store.builders import missing
from recon_assets_tests.store.retention.months import OLD_DAY, STRANGE, publish_on


@pytest.fixture
def migrator(database: Database) -> Iterator[TenantConnection]:
    with database.connect_as_migrator() as connected:
        yield connected


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def old_run(connection: TenantConnection, tmp_path: Path) -> UUID:
    """A run of an old month with two discrepancies, and one of a young month."""
    publish_on(connection, tmp_path, day=date(2025, 9, 30), key="young", rows=[missing("y")])
    rows = [missing("a", merchant_id=""), missing(STRANGE, fee_minor=-7)]
    return publish_on(connection, tmp_path, day=OLD_DAY, key="old", rows=rows).run_id


@pytest.fixture
def keeper(superuser: psycopg.Connection) -> Iterator[str]:
    """A login that owns nothing, is no superuser, and may act as the owners."""
    superuser.execute("CREATE ROLE keeper LOGIN BYPASSRLS IN ROLE recon_owner, recon_audit_owner")
    yield "keeper"
    superuser.execute("DROP ROLE keeper")
