"""The plans of what a question runs, whichever code runs it, shortened for people."""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg.abc import Params, Query

from recon_assets.store.tenancy import TenantConnection
from recon_assets_tests.benchmarks.questions import Known, Question

MAX_LINES: Final = 14
_NODE: Final = re.compile(r"^ *(->)?  ?[A-Z]")


class _Remembering(psycopg.Cursor[Any]):
    """Keeps every statement that reads or changes rows, with its parameters."""

    def execute(self, query: Query, params: Params | None = None, **how: Any) -> "_Remembering":  # type: ignore[override]
        text = query.decode() if isinstance(query, bytes) else str(query)
        if " FROM " in f" {' '.join(text.split())} " or text.lstrip().startswith(("UPDATE", "INSERT")):
            self.connection.asked.append((text, params))  # type: ignore[attr-defined]
        return super().execute(query, params, **how)


@contextmanager
def _remembering(connection: TenantConnection) -> Iterator[list[tuple[str, Params | None]]]:
    usual = connection.cursor_factory
    connection.asked = []  # type: ignore[attr-defined]
    connection.cursor_factory = _Remembering
    try:
        yield connection.asked  # type: ignore[attr-defined]
    finally:
        connection.cursor_factory = usual


def statements_of(
    question: Question, connection: TenantConnection, generator: random.Random, known: Known
) -> list[tuple[str, Params | None]]:
    """What the question sends to the server, once each."""
    with _remembering(connection) as asked:
        question.ask(connection, generator, known)
    return list({text: (text, parameters) for text, parameters in asked}.values())


def plan_of(
    connection: TenantConnection, text: str, parameters: Params | None, *, options: str = "COSTS OFF"
) -> list[str]:
    """The plan as PostgreSQL prints it. With ANALYZE among the options it is executed and undone."""
    with connection.transaction(force_rollback=True):
        rows = connection.execute(f"EXPLAIN ({options}) {text}".encode(), parameters, prepare=False).fetchall()
    return [line for (line,) in rows]


def shortened(plan: list[str]) -> list[str]:
    """One of several partitions that are read alike stands for all; what was read but never executed is left out."""
    alike: dict[str, int] = {}
    for line in plan:
        if line.lstrip().startswith(("Buffers", "Planning", "Execution", "Index Searches", "Heap", "Rows Removed")):
            continue
        general = re.sub(r"\d{4}_\d{2}", "YYYY_MM", line)
        general = re.sub(r"_\d+\b", "", general)
        general = re.sub(r" *\(actual [^)]*\)| *\(never executed\)", "", general)
        general = re.sub(r"'[0-9a-f-]{36}'::uuid", "$id", general)
        alike[general] = alike.get(general, 0) + 1
    lines = [line if count == 1 else f"{line}  [{count} times]" for line, count in alike.items()]
    return [*lines[:MAX_LINES], *(["..."] if len(lines) > MAX_LINES else [])]
