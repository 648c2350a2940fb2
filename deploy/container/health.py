"""Is the service of this container well? Exit code 0, or 1 with the reason.

    python /app/health.py webserver|code|daemon

For HEALTHCHECK, compose, and probes by command of Kubernetes and ECS. It runs often, so it imports only what it needs.
"""

import os
import sys
from collections.abc import Callable

WEBSERVER_PORT = 3000
CODE_PORT = 4000
TIMEOUT_S = 5.0


class Unwell(Exception):
    """The reason."""


def port_of(name: str, usual: int) -> int:
    """Named by the environment. Where Kubernetes has a Service recon-code, it says RECON_CODE_PORT=tcp://10.96.0.7:4000."""
    said = os.environ.get(name, "")
    return int(said) if said.isdecimal() else usual


def webserver() -> None:
    """It answers by HTTP."""
    from urllib.error import URLError
    from urllib.request import urlopen

    address = f"http://127.0.0.1:{port_of('RECON_WEBSERVER_PORT', WEBSERVER_PORT)}/server_info"
    try:
        with urlopen(address, timeout=TIMEOUT_S) as answer:
            answer.read()
    except (URLError, TimeoutError, OSError) as error:
        raise Unwell(f"the webserver gives no answer on {address}: {error}") from error


def code() -> None:
    """The code location says by gRPC that it serves."""
    import grpc
    from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
    from grpc_health.v1.health_pb2_grpc import HealthStub

    address = f"127.0.0.1:{port_of('RECON_CODE_PORT', CODE_PORT)}"
    with grpc.insecure_channel(address) as channel:
        try:
            answer = HealthStub(channel).Check(HealthCheckRequest(service="DagsterApi"), timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            raise Unwell(f"the code location gives no answer on {address}: {error.code().name}") from error
    if answer.status != HealthCheckResponse.SERVING:
        raise Unwell(f"the code location on {address} does not serve yet")


def daemon() -> None:
    """Each of Dagster's daemons wrote its heartbeat within Dagster's own limit."""
    from dagster import DagsterInstance
    from dagster._daemon.controller import all_daemons_live

    with DagsterInstance.get() as instance:
        if not all_daemons_live(instance):
            raise Unwell("a daemon of Dagster has no fresh heartbeat")


SERVICES: dict[str, Callable[[], None]] = {"webserver": webserver, "code": code, "daemon": daemon}


def main() -> None:
    """The service that the command line names."""
    if len(sys.argv) != 2 or sys.argv[1] not in SERVICES:
        sys.exit(f"health.py: name one service: {', '.join(SERVICES)}")
    try:
        SERVICES[sys.argv[1]]()
    except Unwell as reason:
        sys.exit(f"health.py: {reason}")


if __name__ == "__main__":
    main()
