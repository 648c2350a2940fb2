"""Turns that all processes and machines of a deployment take one after the other, such as requests to one API.

Not here: what a turn is for. Nothing is stored: who holds the lock of a name waits for the interval and lets go. So two
turns of a name are never closer, and a killed process gives its place back with its connection.
"""

import time
from collections.abc import Callable
from typing import Final

from recon_assets.domain.errors import StoreUnavailable
from recon_assets.store.runs import session_lock
from recon_assets.store.tenancy import TenantConnection

TURN_WAIT_S: Final = 300
"""How long a turn is waited for in all."""

_SEED: Final = 20_260_704


def take_turn(
    connection: TenantConnection,
    name: str,
    *,
    interval_s: float,
    wait_s: float = TURN_WAIT_S,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when it is this caller's turn: `interval_s` after the one before, whoever had it, in order of asking.

    Of one database, whatever the tenant. Raises `StoreUnavailable` after `wait_s`.
    """
    busy = StoreUnavailable(
        f"{name} has more requests waiting than its rate lets through in {wait_s:g} s",
        where="the turns of requests",
        remedy="Start fewer commands at once, or raise RECON_HTTP_REQUESTS_PER_S if the other side allows it.",
    )
    with session_lock(connection, name, seed=_SEED, wait_s=wait_s, busy=busy):
        sleep(interval_s)
