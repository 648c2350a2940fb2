"""The ledger in a SQLite file: exact rows, kept evidence, no write, and errors that name no secret."""

import json
import sqlite3
import tempfile
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from recon_assets.domain.business_day import business_day
from recon_assets.domain.errors import ConfigurationError, FeedNotUnderstood, FeedUnavailable, LimitExceeded
from recon_assets.domain.money import MAX_MINOR, decimal_from_minor
from recon_assets.feeds.credentials import Credentials
from recon_assets.ledger.sql.description import SqlLimits
from recon_assets.ledger.sql.session import read_only_session
from recon_assets.schemas.currencies import exponents
from recon_assets_tests.feeds.kept import Kept
from recon_assets_tests.ledger.sql.building import DAY, ENTRY, QUERY, URL_ENV, ledger, read, sqlite_file

CANARY = "canary-7f3a"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "ledger.db"
    monkeypatch.setenv(URL_ENV, sqlite_file(path, [ENTRY]))
    return path


def entry(**changes: Any) -> tuple[Any, ...]:
    names = ("id", "amount", "currency", "state", "at", "processor")
    return tuple((dict(zip(names, ENTRY, strict=True)) | changes).values())


def test_a_row_is_an_entry(file: Path) -> None:
    (row,) = read(ledger()).rows
    assert (row["transaction_id"], row["amount_minor"], row["currency"], row["status"]) == (
        "a", 1_230, "USD", "completed",
    )  # fmt: skip
    assert row["occurred_at"] == datetime(2025, 9, 30, 10, tzinfo=UTC)
    assert (row["raw_file"], row["record_number"], row["fee_minor"]) == ("rows.jsonl", 1, None)


def test_the_url_may_lie_in_a_store_of_secrets(file: Path) -> None:
    url = sqlite_file(file, [ENTRY])
    adapter = replace(ledger(url_env="KEPT_URL"), credentials=Credentials(Kept(KEPT_URL=url)))
    adapter.probe()
    assert len(read(adapter).rows) == 1
    with pytest.raises(ConfigurationError, match=r"KEPT_URL has no value"):
        ledger(url_env="KEPT_URL").probe()


def test_what_came_and_what_was_asked_are_the_evidence(file: Path) -> None:
    reading = read(ledger())
    query, rows = map(json.loads, reading.bodies)
    assert query == {
        "query": QUERY,
        "parameters": {"ends_at": "2025-10-01 00:00:00", "processor": "stripe", "starts_at": "2025-09-30 00:00:00"},
    }
    assert rows == {
        "entry_id": "a", "amount": "12.30", "currency": "USD", "state": "posted", "booked_at": "2025-09-30 10:00:00",
    }  # fmt: skip
    assert {raw.source for raw in reading.raw.files} == {f"SQL query on the database of {URL_ENV}"}


def test_the_same_day_twice_is_the_same_bytes(file: Path) -> None:
    assert read(ledger()).bodies == read(ledger()).bodies


def test_the_window_is_half_open_and_days_with_a_clock_change_meet(file: Path) -> None:
    hours = [f"2025-{month_day} {hour:02}:30:00" for month_day in ("11-01", "11-02", "11-03") for hour in range(24)]
    sqlite_file(file, [entry(id=at, at=at) for at in hours])
    days = [
        business_day("stripe", date(2025, month, day), time_zone="America/Los_Angeles", day_starts_at=time(17))
        for month, day in ((11, 1), (11, 2))
    ]
    first, second = (read(ledger(), day).column("transaction_id") for day in days)
    assert (len(first), len(second)) == (25, 23)
    assert first[-1] == "2025-11-03 00:30:00" and not set(first) & set(second)


def test_no_rows_are_a_problem_unless_they_are_a_statement(file: Path) -> None:
    sqlite_file(file, [])
    silent = read(ledger()).raw
    assert "empty_result_means_no_movements" in silent.problems[0] and not silent.says_empty
    stated = read(ledger(empty_result_means_no_movements=True)).raw
    assert stated.problems == () and stated.says_empty


@pytest.mark.parametrize("amount_type", ["REAL", "NUMERIC", "DECIMAL(20, 2)"])
def test_money_that_is_a_float_is_refused(file: Path, amount_type: str) -> None:
    sqlite_file(file, [entry(amount=12.3)], amount_type=amount_type)
    with pytest.raises(FeedNotUnderstood, match="amount holds floating point numbers") as refused:
        read(ledger())
    assert refused.value.remedy == "Cast it to numeric, or to text, in the query." and "12.3" not in str(refused.value)


def test_a_float_among_exact_numbers_is_found(file: Path) -> None:
    rows = [entry(id=str(number), amount=1230) for number in range(100)]
    sqlite_file(file, [*rows, entry(amount=12.3)], amount_type="NUMERIC")
    with pytest.raises(FeedNotUnderstood, match="floating point"):
        read(ledger(amounts={"unit": "minor"}))


def test_a_float_in_a_column_that_is_not_used_is_kept_for_the_eye(file: Path) -> None:
    query = QUERY.replace("amount,", "amount, 0.5 AS rate, x'00ff' AS scan,")
    reading = read(ledger(query=query))
    assert (json.loads(reading.bodies[1])["rate"], len(reading.rows)) == ("0.5", 1)


def test_bytes_in_a_column_that_is_used_are_refused(file: Path) -> None:
    with pytest.raises(FeedNotUnderstood, match="entry_id holds values of the type bytes"):
        read(ledger(query=QUERY.replace("entry_id,", "CAST(entry_id AS BLOB) AS entry_id,")))


def test_integer_minor_units_are_read(file: Path) -> None:
    sqlite_file(file, [entry(amount=-1_230)], amount_type="INTEGER")
    assert read(ledger(amounts={"unit": "minor"})).column("amount_minor") == [-1_230]


def test_constants_movements_and_signs_are_those_of_files(file: Path) -> None:
    columns = {
        "transaction_id": "entry_id",
        "amount": "amount",
        "occurred_at": "booked_at",
        "transaction_type": "state",
    }
    (row,) = read(
        ledger(
            columns=columns,
            constants={"currency": "KWD", "status": "completed"},
            movements={"posted": "payment"},
            signs={"amount": "reversed"},
        )
    ).rows
    assert (row["amount_minor"], row["currency"], row["movement"]) == (-12_300, "KWD", "payment")


def test_a_row_that_is_no_movement_is_rejected_by_the_name_of_the_rule(file: Path) -> None:
    bad = [
        entry(amount="12.345"), entry(amount="abc"), entry(amount=None), entry(currency="ZZZ"), entry(state="odd"),
        entry(id=""), entry(id=None),
    ]  # fmt: skip
    sqlite_file(file, [*bad, entry(id="good")])
    reading = read(ledger(query=QUERY.replace("ORDER BY entry_id", "ORDER BY rowid")))
    assert [row.column for row in reading.rejected] == [
        "amount", "amount", "amount", "currency", "status", "transaction_id", "transaction_id",
    ]  # fmt: skip
    assert reading.column("transaction_id") == ["good"]


def test_a_time_without_a_zone_is_not_guessed(file: Path) -> None:
    assert [row.column for row in read(ledger(times={})).rejected] == ["occurred_at"]


def test_batches_are_bounded_and_in_order(file: Path) -> None:
    ids = [f"{number:04}" for number in range(1_005)]
    sqlite_file(file, [entry(id=name) for name in ids])
    assert read(ledger(limits={"batch_rows": 100})).column("transaction_id") == ids


def test_more_rows_than_the_limit_are_refused(file: Path) -> None:
    sqlite_file(file, [ENTRY] * 11)
    with pytest.raises(LimitExceeded, match=r"more than 10 rows \(max_rows\)"):
        read(ledger(limits={"max_rows": 10, "batch_rows": 5}))


def test_a_query_that_never_ends_is_stopped(file: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) " + QUERY.replace(
        "WHERE", "WHERE (SELECT max(i) FROM n) > 0 AND"
    )
    with pytest.raises(FeedUnavailable, match=r"within 1 s \(time_limit_s\)"):
        read(ledger(query=endless, limits={"time_limit_s": 1}))


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"query": QUERY.replace("amount", "amout")}, ConfigurationError, "no such column: amout"),
        ({"query": QUERY.replace("FROM entries", "FROM entry")}, ConfigurationError, "no such table: entry"),
        ({"query": QUERY.replace("FROM", "FROM FROM")}, ConfigurationError, "syntax error"),
        ({"query": QUERY.replace("amount", "amount AS total")}, FeedNotUnderstood, "no column amount, .* for amount"),
        ({"query": QUERY.replace("amount", "amount, amount")}, FeedNotUnderstood, "two columns of the name amount"),
    ],
)
def test_a_query_that_does_not_fit_is_told_what_is_wrong(
    file: Path, changes: dict[str, Any], error: type[Exception], says: str
) -> None:
    for asked in (ledger(**changes).probe, lambda: read(ledger(**changes))):
        with pytest.raises(error, match=says) as refused:
            asked()
        assert refused.value.where == f"SQL query on the database of {URL_ENV}"
        assert refused.value.__cause__ is None


def test_columns_that_are_there_are_listed(file: Path) -> None:
    with pytest.raises(FeedNotUnderstood, match="Columns that are there: entry_id, total, currency, state, booked_at"):
        ledger(query=QUERY.replace("amount", "amount AS total")).probe()


def test_the_file_can_not_be_written_and_is_not_made(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with read_only_session(URL_ENV, SqlLimits()) as session:
        for statement in ("DELETE FROM entries", "PRAGMA query_only = OFF; ", "DELETE FROM entries"):
            with pytest.raises(DBAPIError, match="readonly") if "DELETE" in statement else nullcontext():
                session._connection.execute(text(statement))
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM entries").fetchone() == (1,)
    monkeypatch.setenv(URL_ENV, f"sqlite:///{file}-{CANARY}.db")
    with pytest.raises(ConfigurationError, match="does not exist") as refused:
        ledger().probe()
    assert CANARY not in str(refused.value) and not Path(f"{file}-{CANARY}.db").exists()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_no_ledger(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(URL_ENV, url)
    with pytest.raises(ConfigurationError, match="does not exist"):
        ledger().probe()


def test_a_file_that_is_no_database_is_refused(file: Path) -> None:
    file.write_bytes(b"entry_id,amount\n" * 100)
    with pytest.raises((ConfigurationError, FeedNotUnderstood, FeedUnavailable)) as refused:
        ledger().probe()
    assert URL_ENV in str(refused.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"{CANARY}", "is no database URL"),
        (f"postgresql://user:{CANARY}/x@host:port/db", "is no database URL"),
        (f"nosuchdatabase://user:{CANARY}@host/db", "knows no database or driver"),
        (f"postgresql+nosuchdriver://user:{CANARY}@host/db", "knows no database or driver"),
        (f"mysql+pymysql://user:{CANARY}@host/db", r"is not installed \(package pymysql\)"),
        (f"postgresql+asyncpg://user:{CANARY}@host/db", "is not installed|asynchronous"),
        (f"postgresql+psycopg://user:{CANARY}@127.0.0.1:1/db", "can't be reached"),
        (f"postgresql+psycopg://user:{CANARY}@127.0.0.1:1/db?{CANARY}=1", "a part that its driver does not take"),
    ],
)
def test_a_url_that_leads_nowhere_is_told_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, url: str, says: str
) -> None:
    monkeypatch.setenv(URL_ENV, url)
    with pytest.raises((ConfigurationError, FeedUnavailable), match=says) as refused:
        ledger().probe()
    assert URL_ENV in str(refused.value) and CANARY not in str(refused.value) and refused.value.__suppress_context__


def test_an_unset_variable_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(URL_ENV, raising=False)
    with pytest.raises(ConfigurationError, match=f"the environment variable {URL_ENV} has no value"):
        ledger().probe()


@dataclass(frozen=True)
class Booked:
    minor: int
    currency: str

    @property
    def text(self) -> str:
        return f"{decimal_from_minor(self.minor, exponent=exponents()[self.currency]):f}"


BEYOND = MAX_MINOR + 1
MINOR = st.one_of(
    st.integers(-(10**9), 10**9),
    st.integers(-MAX_MINOR, MAX_MINOR),
    st.sampled_from([MAX_MINOR, -MAX_MINOR, BEYOND, -BEYOND - 1, BEYOND * 100]),
)
BOOKED = st.lists(st.builds(Booked, MINOR, st.sampled_from(["JPY", "USD", "KWD", "CLF"])), max_size=20)


@settings(deadline=None, max_examples=60)
@given(BOOKED, st.integers(1, 7))
def test_random_entries_come_back_with_their_exact_total(booked: list[Booked], batch_rows: int) -> None:
    entries = [entry(id=f"{n:03}", amount=b.text, currency=b.currency) for n, b in enumerate(booked)]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        environment.setenv(URL_ENV, sqlite_file(Path(folder) / "ledger.db", entries))
        reading = read(ledger(limits={"batch_rows": batch_rows}), DAY)
    fitting = [b for b in booked if abs(b.minor) <= MAX_MINOR]
    assert list(zip(reading.column("amount_minor"), reading.column("currency"), strict=True)) == [
        (b.minor, b.currency) for b in fitting
    ]
    assert [row.column for row in reading.rejected] == ["amount"] * (len(booked) - len(fitting))
