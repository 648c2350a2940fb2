"""Tests that share a server, a demo or a Spark are given to one process: else each process would start its own."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = """
import os
from pathlib import Path
import pytest

@pytest.mark.xdist_group("one server")
@pytest.mark.parametrize("number", range(12))
def test_it(number):
    (Path(__file__).parent / f"{number}.txt").write_text(os.environ["PYTEST_XDIST_WORKER"])
"""


def test_tests_of_a_group_run_in_one_process(tmp_path: Path) -> None:
    """pytest 9.2 has other ids of tests, with which pytest-xdist 3.8 forgets the groups and says nothing."""
    (tmp_path / "test_group.py").write_text(TESTS)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", str(tmp_path)],
        env=inherited, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    processes = [file.read_text() for file in tmp_path.glob("*.txt")]
    assert (len(processes), len(set(processes))) == (12, 1)
