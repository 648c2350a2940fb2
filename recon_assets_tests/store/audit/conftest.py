"""Tests of the audit act as the superuser, who may tamper with and read everything; rights are tested elsewhere."""

import pytest

from recon_assets.store.tenancy import TenantConnection


@pytest.fixture
def connection(superuser_session: TenantConnection) -> TenantConnection:
    return superuser_session
