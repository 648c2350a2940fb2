"""The SQL of the stages is taken apart into statements as DuckDB takes it apart."""

import duckdb
import pytest

from recon_assets.matching.runner import STAGES, tables_of


@pytest.mark.parametrize("stage", sorted(file.stem for file in STAGES.glob("*.sql")))
def test_a_stage_has_the_tables_that_duckdb_finds_in_it(stage: str) -> None:
    text = (STAGES / f"{stage}.sql").read_text(encoding="utf-8")
    found = [_bare(statement.query) for statement in duckdb.extract_statements(text)]

    made = [f"CREATE OR REPLACE TEMPORARY TABLE {table.name} AS {table.query}" for table in tables_of(stage)]

    assert [_bare(statement) for statement in made] == found


def _bare(statement: str) -> str:
    """What says something, beside comments and the semicolon of the end."""
    lines = [line.partition("--")[0].strip() for line in statement.splitlines()]
    return " ".join(filter(None, lines)).rstrip("; ")
