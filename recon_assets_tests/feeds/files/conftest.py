"""Fixtures for files from elsewhere."""

import socket

import pytest


@pytest.fixture
def unused_port() -> int:
    """A port on loopback that nobody listens to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
