"""What is decisive runs on PostgreSQL 15, the oldest that is served, as well as on the embedded one, the newest.

Where 15 is not installed, `test_postgresql_15` is skipped and says so; the others then know the embedded one only.
"""

from pathlib import Path

import pytest

from recon_assets_tests.store.clusters import postgresql_15_binaries

ON_BOTH = {
    "test_audit_migration",
    "test_across_days",
    "test_applying",
    "test_audit_sealing",
    "test_auditor_verifies",
    "test_migrations",
    "test_publication",
    "test_roles",
    "test_tenants",
    "test_upgrade",
    "test_verifying",
    "test_views",
}
EMBEDDED_ONLY = {"test_the_application_cannot", "test_who_reads_writes_nothing"}
"""A database for each of many statements; that the rights are the same on both is shown by the schema's fingerprint."""
HAS_15 = postgresql_15_binaries() is not None
SERVERS = {"embedded": "embedded_server"} | ({"15": "postgresql_15"} if HAS_15 else {})


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    is_on_both = Path(metafunc.module.__file__).stem in ON_BOTH and metafunc.function.__name__ not in EMBEDDED_ONLY
    if is_on_both and "server" in metafunc.fixturenames:
        metafunc.parametrize("server", SERVERS.values(), ids=SERVERS, indirect=True, scope="session")
