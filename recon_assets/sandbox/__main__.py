"""`python -m recon_assets.sandbox --port 8765`: the sandbox alone, until Ctrl-C."""

import argparse

import uvicorn

from recon_assets.sandbox.app import sandbox_app

DEFAULT_PORT = 8765


def main() -> None:
    """Serve in the foreground; uvicorn announces the address."""
    parser = argparse.ArgumentParser(prog="python -m recon_assets.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    arguments = parser.parse_args()
    uvicorn.run(sandbox_app(), host=arguments.host, port=arguments.port, access_log=False)


if __name__ == "__main__":
    main()
