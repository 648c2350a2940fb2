"""What the YAML of a ledger by SQL may say, and that every mistake is named before anything is asked."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from recon_assets.domain.errors import ConfigurationError
from recon_assets.ledger.sql.query import checked_query, values_of
from recon_assets_tests.ledger.sql.building import DAY, DESCRIPTION, QUERY, described

DAILY = "WHERE booked_on = :business_date ORDER BY entry_id"


def without(*fields: str) -> dict[str, Any]:
    return {name: value for name, value in DESCRIPTION.items() if name not in fields}


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT * FROM entries {DAILY}",
        f"select * from entries {DAILY} ;\n",
        f"WITH booked AS (SELECT 1) SELECT * FROM booked {DAILY}",
        f"-- the day's entries; not more\n/* DELETE */ SELECT 'a; b', \"update\" FROM entries {DAILY}",
        f"SELECT amount::text, $tag$ ; insert $tag$, 'it''s; 12\\:30' FROM entries {DAILY}",
    ],
)
def test_one_select_of_a_day_in_an_order_is_accepted(text: str) -> None:
    assert checked_query(text).rstrip().endswith("ORDER BY entry_id")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must be a SELECT"),
        (f"DELETE FROM entries {DAILY}", "must be a SELECT"),
        (f"EXPLAIN SELECT * FROM entries {DAILY}", "must be a SELECT"),
        (f"SELECT 1; SELECT * FROM entries {DAILY}", "more than one statement"),
        (f"SELECT * FROM entries {DAILY}; DROP TABLE entries", "more than one statement"),
        (f"WITH gone AS (DELETE FROM entries RETURNING *) SELECT * FROM gone {DAILY}", "the word DELETE"),
        (f"SELECT * INTO copy FROM entries {DAILY}", "the word INTO"),
        ("SELECT * FROM entries WHERE booked_on = :business_date", "needs an ORDER BY"),
        (f"SELECT * FROM entries WHERE tenant = :tenant AND booked_on = :business_date {DAILY}", "parameter :tenant"),
        ("SELECT * FROM entries ORDER BY entry_id", "limited to the day"),
        ("SELECT * FROM entries WHERE booked_at >= :starts_at ORDER BY entry_id", "limited to the day"),
        (f"SELECT {'x' * 100_001} FROM entries {DAILY}", "longer than 100000 characters"),
    ],
)
def test_anything_else_is_refused_with_what_to_change(text: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        described(query=text)


def test_only_the_parameters_that_the_query_names_are_bound() -> None:
    assert set(values_of(QUERY, DAY, times_as_text=False)) == {"processor", "starts_at", "ends_at"}
    assert values_of(QUERY, DAY, times_as_text=False)["ends_at"] == DAY.ends_at


def test_sqlite_gets_times_as_its_own_functions_write_them() -> None:
    values = values_of(f"{QUERY} -- :business_date", DAY, times_as_text=True)
    assert values["starts_at"] == "2025-09-30 00:00:00" and values["business_date"] == "2025-09-30"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"url_env": "postgresql://user:secret@host/db"}, "url_env"),
        ({"query_file": "ledger.sql"}, "not both"),
        ({"columns": DESCRIPTION["columns"] | {"fee": "a.fee"}}, "has no dot"),
        ({"constants": {"currency": "USD"}}, "not in both"),
        ({"statuses": {"posted": "fine"}}, "statuses"),
        ({"limits": {"time_limit_s": 0}}, "time_limit_s"),
        ({"url": "sqlite://"}, "Extra inputs"),
    ],
)
def test_a_description_that_contradicts_itself_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        described(**changes)


def test_a_query_is_needed() -> None:
    with pytest.raises(ValidationError, match="either `query` or `query_file`"):
        described(query=None)


def test_a_query_can_be_a_file_below_the_configuration_folder(tmp_path: Path) -> None:
    (tmp_path / "ledger.sql").write_text(f"{QUERY.strip()};\n", encoding="utf-8")
    assert described(query=None, query_file="ledger.sql").query_text(tmp_path) == QUERY.strip()


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "can't be read"), (b"\xff\xfe", "can't be read"), (b"DROP TABLE entries", "must be a SELECT")],
)
def test_a_file_that_is_no_query_is_named(tmp_path: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "ledger.sql").write_bytes(content)
    with pytest.raises(ConfigurationError, match=says) as refused:
        described(query=None, query_file="ledger.sql").query_text(tmp_path)
    assert refused.value.where == str(tmp_path / "ledger.sql")
