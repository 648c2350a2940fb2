"""The schema against what this release's migrations make: one hash per object, in `sql/schema_fingerprint.json`.

A replaced function, a dropped trigger or a new view changes no row, so no seal can show it. The file is committed and
has one line per object: a review of a migration shows which objects it changed, and a database need not be made anew
to be checked. Renew it after a change of `sql/`:

    python -m recon_assets.store.schema_fingerprint

The monthly partitions count as one table, `discrepancies_(month)`: they must be alike; how many there are may differ.
Retired months count as another one, `recon_retired.discrepancies_(retired)`, which need not be there.
Names of owners and grantees are compared with the owner of `audit_log`, written `(owner)`: deployments name it freely.
"""

import hashlib
import json
import re
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import psycopg
from psycopg.types.json import Jsonb

from recon_assets.domain.errors import ConfigurationError
from recon_assets.store.audit_findings import Problem, Verification

FILE_NAME: Final = "schema_fingerprint.json"
FORMAT: Final = "recon-schema-v1"
QUERY_NAME: Final = "schema_objects.sql"
_GONE: Final = ""


@dataclass(frozen=True, slots=True)
class _Alike:
    """Tables that must be alike: their names and those of their parts with the number, and what stands for any."""

    pattern: re.Pattern[str]
    any_number: str

    def general(self, text: str) -> str:
        return self.pattern.sub(rf"\1{self.any_number}", text)


_RETIRED: Final = _Alike(
    re.compile(r"\b(recon_retired\.discrepancies_|retired_)(\d{4}_\d{2}(?:_\d{1,3})?)(?!\d)"), "(retired)"
)
_MONTHS: Final = _Alike(re.compile(r"(?<!recon_retired\.)\b(discrepancies_)(\d{4}_\d{2})"), "(month)")


def check_schema(connection: psycopg.Connection, found: Verification, *, sql_dir: Path) -> None:
    """Every object as in the release: none changed, none missing, none that the release does not know."""
    expected = _read(sql_dir / FILE_NAME)
    objects = schema_objects(connection, sql_dir=sql_dir)
    if not any(_RETIRED.any_number in name for name in objects):
        expected = {name: text for name, text in expected.items() if _RETIRED.any_number not in name}
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
        definitions.setdefault(name, []).append(_MONTHS.general(_RETIRED.general(definition)))
    objects = {
        name: hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest() for name, parts in definitions.items()
    }
    for alike in (_RETIRED, _MONTHS):
        objects = _as_one(objects, alike)
    return objects


def _as_one(objects: dict[str, str], alike: _Alike) -> dict[str, str]:
    numbers: set[str] = set()
    parts: dict[str, dict[str, str]] = defaultdict(dict)
    result = {}
    for name, found in objects.items():
        if match := alike.pattern.search(name):
            numbers.add(match[2])
            parts[alike.general(name)][name] = found
        else:
            result[name] = found
    for general, found_by_name in sorted(parts.items()):
        for number in sorted(numbers):
            name = general.replace(alike.any_number, number)
            found = found_by_name.get(name, _GONE)
            if result.setdefault(general, found) != found:
                result[name] = found
    return result


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
            _retire_an_empty_month(connection)
            connection.execute("SET search_path = pg_catalog")
            objects = schema_objects(connection, sql_dir=sql_dir)
    (sql_dir / FILE_NAME).write_text(
        json.dumps({"format": FORMAT, "objects": objects}, indent=1, sort_keys=True) + "\n"
    )
    return len(objects)


def _retire_an_empty_month(connection: psycopg.Connection) -> None:
    """So that the file has what a retired month is like."""
    month = date(2001, 1, 1)
    archived = Jsonb({"row_count": 0, "file": "none", "sha256": hashlib.sha256().hexdigest()})
    connection.execute("SELECT ensure_month(%s)", [month])
    connection.execute("SELECT retire_month(%s, 'discrepancies_2001_01', %s)", [month, archived])


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
