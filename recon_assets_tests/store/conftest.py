"""What is decisive runs on PostgreSQL 15, the oldest that is served, as well as on the embedded one, the newest."""

from pathlib import Path

import pytest

ON_BOTH = {
    "test_audit_migration",
    "test_audit_sealing",
    "test_migrations",
    "test_publication",
    "test_roles",
    "test_tenants",
    "test_upgrade",
    "test_views",
}
SERVERS = {"embedded_server": "embedded", "postgresql_15": "15"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if Path(metafunc.module.__file__).stem in ON_BOTH and "server" in metafunc.fixturenames:
        metafunc.parametrize("server", SERVERS, ids=SERVERS.values(), indirect=True, scope="session")
