"""`paypal`: a server that behaves, with credentials in the environment."""

import pytest
from pytest_httpserver import HTTPServer

from recon_assets_tests.processors.paypal.api import CLIENT_ID, SECRET, PayPal


@pytest.fixture
def paypal(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> PayPal:
    monkeypatch.setenv("PAYPAL_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("PAYPAL_CLIENT_SECRET", SECRET)
    return PayPal(httpserver)
