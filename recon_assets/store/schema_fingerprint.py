"""The schema against what this release's migrations make: one hash per object, in `sql/schema_fingerprint.json`.

A replaced function, a dropped trigger or a new view changes no row, so no seal can show it. The file is committed and
has one line per object: a review of a migration shows which objects it changed, and a database need not be made anew
to be checked. Renew it after a change of `sql/`:

    python -m recon_assets.store.schema_fingerprint

The monthly partitions count as one table, `discrepancies_(month)`: they must be alike; how many there are may differ.
Names of owners and grantees are compared with the owner of `audit_log`, written `(owner)`: deployments name it freely.
"""

import hashlib
import json
import re
import tempfile
from pathlib import Path
from typing import Final

import psycopg

from recon_assets.domain.errors import ConfigurationError
from recon_assets.store.audit_findings import Problem, Verification

FILE_NAME: Final = "schema_fingerprint.json"
FORMAT: Final = "recon-schema-v1"
QUERY_NAME: Final = "schema_objects.sql"
_MONTH: Final = re.compile(r"\bdiscrepancies_(\d{4}_\d{2})")
_ANY_MONTH: Final = "discrepancies_(month)"
_GONE: Final = ""


def check_schema(connection: psycopg.Connection, found: Verification, *, sql_dir: Path) -> None:
    """Every object as in the release: none changed, none missing, none that the release does not know."""
    expected = _read(sql_dir / FILE_NAME)
    objects = schema_objects(connection, sql_dir=sql_dir)
    found.checked["schema objects"] = len(objects)
    for name in sorted(expected.keys() | objects.keys()):
        if objects.get(name, _GONE) == _GONE:
            found.problems.append(Problem("schema", f"{name} is gone"))
        elif name not in expected:
            found.problems.append(Problem("schema", f"{name} is not of this release"))
        elif objects[name] != expected[name]:
            found.problems.append(Problem("schema", f"{name} is not as this release makes it"))


def schema_objects(connection: psycopg.Connection, *, sql_dir: Path) -> dict[str, str]:
    """Every object and the SHA-256 of its definition, from PostgreSQL's catalogue.

    What a month has otherwise than the first of them, or has not, stands under the month's own name.
    """
    definitions: dict[str, list[str]] = {}
    for name, definition in connection.execute((sql_dir / QUERY_NAME).read_bytes()):
        definitions.setdefault(name, []).append(_MONTH.sub(_ANY_MONTH, definition))
    hashes = {
        name: hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest() for name, parts in definitions.items()
    }
    months = sorted({month for name in hashes for month in _MONTH.findall(name)})
    objects = {name: found for name, found in hashes.items() if not _MONTH.search(name)}
    for general in sorted({_MONTH.sub(_ANY_MONTH, name) for name in hashes.keys() - objects.keys()}):
        for month in months:
            name = general.replace(_ANY_MONTH, f"discrepancies_{month}")
            found = hashes.get(name, _GONE)
            if objects.setdefault(general, found) != found:
                objects[name] = found
    return objects


def renew(sql_dir: Path) -> int:
    """Migrate a new database on a server of its own and write what it has; returns the number of objects."""
    from recon_assets.store.embedded import EmbeddedServer
    from recon_assets.store.migrations import migrate

    with tempfile.TemporaryDirectory(prefix="recon-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        with (
            EmbeddedServer(Path(folder) / "data", durable=False) as server,
            psycopg.connect(
                host=str(server.socket_dir), user="postgres", dbname="postgres", autocommit=True
            ) as connection,
        ):
            migrate(connection, sql_dir=sql_dir)
            connection.execute("SET search_path = pg_catalog")
            objects = schema_objects(connection, sql_dir=sql_dir)
    (sql_dir / FILE_NAME).write_text(
        json.dumps({"format": FORMAT, "objects": objects}, indent=1, sort_keys=True) + "\n"
    )
    return len(objects)


def _read(file: Path) -> dict[str, str]:
    try:
        content = json.loads(file.read_text())
        assert content["format"] == FORMAT, "written by this module"
        return dict(content["objects"])
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            "the fingerprint of the schema can't be read",
            where=str(file),
            remedy="It is part of the release: restore it, and set RECON_HOME to the project's folder.",
        ) from error


if __name__ == "__main__":
    renew(Path("sql"))
