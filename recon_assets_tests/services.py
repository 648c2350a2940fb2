"""Commands of services that run here as processes, as a deployment's file has them."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

STOP_TIMEOUT_S: Final = 30


@contextmanager
def until_sigterm(
    command: Sequence[str], environment: Mapping[str, str], *, cwd: Path, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """The process until the end of the block, then SIGTERM, which it must obey."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, cwd=cwd, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield process
            process.terminate()
            process.wait(timeout=STOP_TIMEOUT_S)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
