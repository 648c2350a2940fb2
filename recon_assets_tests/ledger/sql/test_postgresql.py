"""The ledger in a real PostgreSQL: its types exactly, a session that can't write, limits, and refusals."""

import gc
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recon_assets.domain.business_day import business_day
from recon_assets.domain.errors import ConfigurationError, FeedNotUnderstood, FeedRefused, FeedUnavailable
from recon_assets.domain.money import MAX_MINOR
from recon_assets.ledger.sql import session
from recon_assets.ledger.sql.query import values_of
from recon_assets.ledger.sql.session import read_only_session
from recon_assets_tests.ledger.sql.building import DAY, QUERY, URL_ENV, described, ledger, read
from recon_assets_tests.ledger.sql.silent_server import silent_after

TABLE = """\
CREATE TABLE entries (
    entry_id text, amount numeric, currency text, state text, booked_at timestamptz, processor text,
    key uuid DEFAULT 'a7e0f1f4-0c3b-4d62-9d6e-0f6b0b7a1c11', cleared boolean DEFAULT true,
    note jsonb DEFAULT '{"a": [1]}', rate double precision DEFAULT 0.1, cents bigint,
    day date DEFAULT '2025-09-30', wall timestamp DEFAULT '2025-09-30 12:00'
)
"""
ROW = ("a", Decimal("12.30"), "USD", "posted", datetime(2025, 9, 30, 10, tzinfo=UTC), "stripe", 1_230)
INSERT = (
    "INSERT INTO entries (entry_id, amount, currency, state, booked_at, processor, cents)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s)"
)


@pytest.fixture(scope="module")
def ledger_database(
    server: Any, new_database: Callable[..., str]
) -> Iterator[tuple[psycopg.Connection, Callable[[str], str]]]:
    name = new_database(template="template0")
    with psycopg.connect(host=str(server.socket_dir), user="postgres", dbname=name, autocommit=True) as admin:
        admin.execute(TABLE)
        yield admin, lambda driver: f"postgresql{driver}://postgres@/{name}?host={server.socket_dir}"


@pytest.fixture
def admin(
    ledger_database: tuple[psycopg.Connection, Callable[[str], str]], monkeypatch: pytest.MonkeyPatch
) -> psycopg.Connection:
    admin, url = ledger_database
    monkeypatch.setenv(URL_ENV, url(""))
    admin.execute("TRUNCATE entries")
    admin.execute(INSERT, ROW)
    return admin


@pytest.mark.parametrize("driver", ["", "+psycopg", "+psycopg2"])
def test_a_row_is_an_entry_with_either_driver(
    admin: psycopg.Connection,
    ledger_database: tuple[psycopg.Connection, Callable[[str], str]],
    monkeypatch: pytest.MonkeyPatch,
    driver: str,
) -> None:
    monkeypatch.setenv(URL_ENV, ledger_database[1](driver))
    (row,) = read(ledger(times={})).rows
    assert (row["transaction_id"], row["amount_minor"], row["status"]) == ("a", 1_230, "completed")
    assert row["occurred_at"] == ROW[4]


def test_every_type_is_kept_by_its_exact_text(admin: psycopg.Connection) -> None:
    admin.execute("UPDATE entries SET amount = 12345678901234567890.120")
    everything = QUERY.replace("booked_at\n", "booked_at, key, cleared, note, rate, cents, day, wall\n")
    reading = read(ledger(query=everything))
    assert json.loads(reading.bodies[1]) == {
        "entry_id": "a",
        "amount": "12345678901234567890.120",
        "currency": "USD",
        "state": "posted",
        "booked_at": "2025-09-30T10:00:00+00:00",
        "key": str(UUID("a7e0f1f4-0c3b-4d62-9d6e-0f6b0b7a1c11")),
        "cleared": "true",
        "note": '{"a": [1]}',
        "rate": "0.1",
        "cents": 1_230,
        "day": "2025-09-30",
        "wall": "2025-09-30T12:00:00",
    }
    assert [row.column for row in reading.rejected] == ["amount"]


def test_the_evidence_is_the_same_whatever_zone_the_server_speaks(admin: psycopg.Connection) -> None:
    before = read(ledger()).bodies
    admin.execute(f"ALTER DATABASE \"{admin.info.dbname}\" SET timezone = 'Asia/Kolkata'")  # type: ignore[arg-type]
    assert read(ledger()).bodies == before


def test_a_wall_time_needs_and_has_its_zone(admin: psycopg.Connection) -> None:
    columns = ledger().description.columns.mapped() | {"occurred_at": "wall"}
    query = QUERY.replace("booked_at\n", "wall\n")
    (row,) = read(ledger(query=query, columns=columns, times={"time_zone": "Europe/Madrid"})).rows
    assert row["occurred_at"] == datetime(2025, 9, 30, 10, tzinfo=UTC)


def test_minor_units_dates_and_the_business_date(admin: psycopg.Connection) -> None:
    columns = ledger().description.columns.mapped() | {"amount": "cents", "occurred_at": "day", "status": "cleared"}
    query = "SELECT entry_id, cents, currency, cleared, day FROM entries WHERE day = :business_date ORDER BY entry_id"
    (row,) = read(ledger(query=query, columns=columns, amounts={"unit": "minor"}, statuses={"true": "completed"})).rows
    assert (row["amount_minor"], row["occurred_at"]) == (1_230, datetime(2025, 9, 30, tzinfo=UTC))


def test_a_day_with_25_hours_is_read_whole(admin: psycopg.Connection) -> None:
    admin.execute(
        "INSERT INTO entries (entry_id, amount, currency, state, booked_at, processor) "
        "SELECT to_char(at AT TIME ZONE 'UTC', 'MMDDHH24'), 1, 'USD', 'posted', at, 'stripe' "
        "FROM generate_series('2025-11-01 00:00Z'::timestamptz, '2025-11-04 00:00Z', '1 hour') AS at"
    )
    day = business_day("stripe", date(2025, 11, 2), time_zone="America/New_York")
    ids = read(ledger(), day).column("transaction_id")
    assert (len(ids), ids[0], ids[-1]) == (25, "110204", "110304")


@pytest.mark.parametrize("kind", ["real", "double precision"])
def test_money_that_is_a_float_is_refused(admin: psycopg.Connection, kind: str) -> None:
    with pytest.raises(FeedNotUnderstood, match="amount holds floating point numbers"):
        read(ledger(query=QUERY.replace("amount", f"amount::{kind} AS amount")))


def test_nan_and_infinity_are_rejected_rows(admin: psycopg.Connection) -> None:
    for number in ("NaN", "Infinity"):
        admin.execute(INSERT, (number, Decimal(number), *ROW[2:]))
    reading = read(ledger())
    assert [row.column for row in reading.rejected] == ["amount"] * 2 and reading.column("transaction_id") == ["a"]


def test_batches_come_while_the_rest_has_not_been_computed(admin: psycopg.Connection) -> None:
    endless = "SELECT generate_series(1, 2000000000)::text AS entry_id, :business_date AS day"
    limits = described(limits={"batch_rows": 10, "time_limit_s": 20}).limits
    with read_only_session(URL_ENV, limits) as session:
        _, batches = session.rows(endless, values_of(endless, DAY, times_as_text=False))
        assert [row[0] for row in next(batches)] == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize(
    "write",
    ["nextval('numbers')", "(SELECT count(*) FROM written())", "set_config('transaction_read_only', 'off', true)"],
)
def test_nothing_can_be_written_not_even_by_a_function(admin: psycopg.Connection, write: str) -> None:
    admin.execute("CREATE SEQUENCE IF NOT EXISTS numbers")
    admin.execute(
        "CREATE OR REPLACE FUNCTION written() RETURNS SETOF text LANGUAGE sql"
        " AS $$ DELETE FROM entries RETURNING entry_id $$"
    )
    with pytest.raises(FeedRefused, match="tries to write"):
        read(ledger(query=QUERY.replace("entry_id,", f"{write} AS written, entry_id,", 1)))
    assert admin.execute("SELECT count(*) FROM entries").fetchone() == (1,)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("amount", "amout", 'column "amout" does not exist'),
        ("FROM entries", "FROM entry", 'relation "entry" does not exist'),
        ("FROM", "FROM FROM", "syntax error"),
        ("FROM entries", "FROM pg_catalog.pg_authid AS entries", "does not exist"),
    ],
)
def test_a_query_that_does_not_fit_is_told_what_is_wrong(
    admin: psycopg.Connection, old: str, new: str, says: str
) -> None:
    for asked in (ledger(query=QUERY.replace(old, new)).probe, lambda: read(ledger(query=QUERY.replace(old, new)))):
        with pytest.raises(ConfigurationError, match=says):
            asked()


def test_a_failure_on_the_data_does_not_tell_the_data(admin: psycopg.Connection) -> None:
    admin.execute("UPDATE entries SET entry_id = 'secret-amount'")
    with pytest.raises(FeedNotUnderstood, match="SQLSTATE 22P02") as refused:
        read(ledger(query=QUERY.replace("amount", "entry_id::numeric AS amount")))
    assert "secret-amount" not in str(refused.value) and refused.value.__suppress_context__


def test_a_query_that_takes_too_long_is_stopped_by_the_server(admin: psycopg.Connection) -> None:
    slow = QUERY.replace("WHERE", "WHERE pg_sleep(60) IS NOT NULL AND")
    with pytest.raises(FeedUnavailable, match=r"within 1 s \(time_limit_s\)"):
        read(ledger(query=slow, limits={"time_limit_s": 1}))


@pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")  # SQLAlchemy leaves a lost cursor
@pytest.mark.parametrize("driver", ["+psycopg", "+psycopg2"])
@pytest.mark.parametrize("word", [b"FROM entries", b"READ ONLY", b"pg_catalog.version()"])
def test_a_server_that_goes_silent_is_left_when_the_time_is_up(
    admin: psycopg.Connection, server: Any, monkeypatch: pytest.MonkeyPatch, driver: str, word: bytes
) -> None:
    monkeypatch.setattr(session, "_SERVER_KEEPS_TIME_S", 0)
    with silent_after(word, socket_dir=server.socket_dir) as port:
        name = admin.info.dbname
        url = f"postgresql{driver}://postgres@127.0.0.1:{port}/{name}?sslmode=disable&gssencmode=disable"
        monkeypatch.setenv(URL_ENV, url)
        with pytest.raises(FeedUnavailable, match=r"went silent and was left after 1 s \(time_limit_s\)"):
            read(ledger(limits={"time_limit_s": 1}))
    gc.collect()


def test_a_connection_that_is_cut_is_a_feed_that_may_come_later(admin: psycopg.Connection) -> None:
    cut = QUERY.replace("entry_id,", "pg_terminate_backend(pg_backend_pid()) AS cut, entry_id,", 1)
    with pytest.raises(FeedUnavailable, match="broke off the query"):
        read(ledger(query=cut))


@pytest.mark.parametrize(("part", "wrong"), [("postgres@", "nobody:canary-7f3a@"), ("/test_", "/nothing_")])
def test_a_login_that_is_refused_names_the_variable_and_no_secret(
    admin: psycopg.Connection,
    ledger_database: tuple[psycopg.Connection, Callable[[str], str]],
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    wrong: str,
) -> None:
    url = ledger_database[1]("")
    assert part in url
    monkeypatch.setenv(URL_ENV, url.replace(part, wrong, 1))
    with pytest.raises(FeedRefused, match=f"refused the login of {URL_ENV}") as refused:
        ledger().probe()
    assert "canary" not in str(refused.value) and "nobody" not in str(refused.value)


def test_no_connection_is_left(admin: psycopg.Connection) -> None:
    read(ledger())
    ledger().probe()
    for _ in range(200):  # a server process ends a moment after its connection
        others = admin.execute(
            "SELECT (SELECT pg_sleep(0.02)), count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
        if others is not None and others[1] == 0:
            return
    pytest.fail("a connection of the ledger's is still open")


MINOR = st.one_of(st.integers(-MAX_MINOR, MAX_MINOR), st.sampled_from([MAX_MINOR, -MAX_MINOR, MAX_MINOR + 1]))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(MINOR, st.sampled_from([("JPY", 0), ("USD", 2), ("KWD", 3), ("CLF", 4)])), max_size=12))
def test_random_numerics_come_back_with_their_exact_total(
    admin: psycopg.Connection, booked: list[tuple[int, tuple[str, int]]]
) -> None:
    admin.execute("TRUNCATE entries")
    with admin.cursor() as cursor:
        cursor.executemany(
            INSERT,
            [
                (f"{number:03}", Decimal(minor).scaleb(-places), currency, *ROW[3:])
                for number, (minor, (currency, places)) in enumerate(booked)
            ],
        )
    reading = read(ledger(limits={"batch_rows": 5}))
    fitting = [(minor, currency) for minor, (currency, _) in booked if abs(minor) <= MAX_MINOR]
    assert list(zip(reading.column("amount_minor"), reading.column("currency"), strict=True)) == fitting
    assert len(reading.rejected) == len(booked) - len(fitting)
