"""The peers: their versions, how far they are taken, and an environment of its own for each.

What they found is held against the same truth. They get integers of minor units and the tolerance as an integer, which
is their best case; how each is called is in `peers/`.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PEERS_FOLDER: Final = Path(__file__).parent / "peers"
INSTALL_TIMEOUT_S: Final = 900


@dataclass(frozen=True, slots=True)
class Peer:
    """One tool. `largest_rows` is the largest day it is given: beyond it, it would take minutes or all memory."""

    name: str
    packages: tuple[str, ...]
    script: str
    largest_rows: int
    environment: str
    is_keyless: bool = False


_DATACOMPY: Final = ("datacompy==1.1.0", "pandas==3.0.6", "polars==1.44.2", "pyarrow==26.0.1")

PEERS: Final = (
    Peer("datacompy, polars", _DATACOMPY, "run_datacompy_polars.py", 1_000_000, "datacompy"),
    Peer("datacompy, pandas", _DATACOMPY, "run_datacompy_pandas.py", 1_000_000, "datacompy"),
    Peer(
        "fastrecon", ("fastrecon==0.9.3", "duckdb==2.0.1", "polars==2.1.0"), "run_fastrecon.py", 1_000_000, "fastrecon"
    ),
    Peer(
        "datarecon", ("datarecon==0.1.1", "pandas==3.1.1", "pyarrow==26.0.1"), "run_datarecon.py", 100_000, "datarecon"
    ),
    Peer("ReconSI", ("reconsi==0.1.0", "pandas==3.1.1", "pyarrow==26.0.1"), "run_reconsi.py", 100_000, "reconsi"),
    Peer("settleflow", ("settleflow==0.7.6", "pyarrow==26.0.1"), "run_settleflow.py", 100_000, "settleflow"),
    Peer(
        "bankstatementparser",
        ("bankstatementparser==0.0.29", "pandas==2.3.3", "pyarrow==26.0.1"),
        "run_bankstatementparser.py",
        10_000,
        "bankstatementparser",
    ),
    Peer(
        "splink",
        ("splink==5.0.0", "duckdb==2.0.1", "pyarrow==26.0.1"),
        "run_splink.py",
        50_000,
        "splink",
        is_keyless=True,
    ),
)


def install(peer: Peer, cache: Path) -> str | None:
    """Make the peer's environment if it is not there yet. What pip said last, when it could not; else None."""
    environment = cache / peer.environment
    ready = environment / "ready"
    wanted = "\n".join(peer.packages)
    if ready.exists() and ready.read_text() == wanted:
        return None
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
    pip = [str(python_of(peer, cache)), "-m", "pip", "install", "--quiet", "--only-binary", ":all:", *peer.packages]
    try:
        done = subprocess.run(pip, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"pip took longer than {INSTALL_TIMEOUT_S} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["pip failed without a word"])[-1]
    ready.write_text(wanted)
    return None


def python_of(peer: Peer, cache: Path) -> Path:
    """The interpreter of the peer's environment."""
    return cache / peer.environment / "bin" / "python"
