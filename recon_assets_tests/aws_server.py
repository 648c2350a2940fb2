"""AWS on loopback, for tests: moto's server, and the environment in which AWS's tools find it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEY_ID, SECRET = "AKIACANARYCANARY0000", "canary-secret-of-aws"
UNSET = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3")
"""What the environment of whoever runs the tests might say."""


@contextmanager
def moto_server() -> Iterator[str]:
    """Yields its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def aws_environment(folder: Path) -> dict[str, str]:
    """Credentials of the tests and nothing of this machine's own."""
    return {
        "AWS_CONFIG_FILE": str(folder / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
