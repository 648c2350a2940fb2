"""The SQL of the stages is taken apart into statements as DuckDB takes it apart."""

import duckdb
import pytest

from recon_assets.matching.duckdb_runner import _statements
from recon_assets.matching.runner import STAGES, stage_text


@pytest.mark.parametrize("stage", sorted(file.stem for file in STAGES.glob("*.sql")))
def test_a_stage_has_the_statements_that_duckdb_finds_in_it(stage: str) -> None:
    found = [statement.query for statement in duckdb.extract_statements(stage_text(stage))]

    assert [_bare(statement) for statement in _statements(stage)] == [_bare(statement) for statement in found]


def _bare(statement: str) -> str:
    """What says something, beside comments and the semicolon of the end."""
    lines = [line.partition("--")[0].strip() for line in statement.splitlines()]
    return " ".join(filter(None, lines)).rstrip("; ")
