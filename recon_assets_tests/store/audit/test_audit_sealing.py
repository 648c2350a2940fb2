"""Sealing: everything committed is sealed once, whoever writes meanwhile; a publication stands without it."""

import threading
import time
from pathlib import Path

import psycopg
import pytest

from recon_assets.domain.errors import StoreUnavailable
from recon_assets.store.audit import last_seal, seal_audit
from recon_assets.store.audit_verification import verify_audit, verify_inside
from recon_assets.store.database import Database
from recon_assets_tests.conftest import session_as_superuser
from recon_assets_tests.store.builders import begin, missing, publish

SQL = Path(__file__).resolve().parents[3] / "sql"
WRITERS = 6
SECONDS = 2.0


def unsealed(connection: psycopg.Connection) -> int:
    with connection.transaction():
        row = connection.execute(
            "SELECT count(*) FROM audit_log WHERE seq > (SELECT coalesce(max(to_seq), 0) FROM audit_seals)"
        ).fetchone()
    assert row is not None
    return row[0]


def test_a_publication_is_sealed_and_the_next_seal_links_to_it(connection, tmp_path: Path) -> None:
    publish(connection, tmp_path, key="a", rows=[missing("a")])
    first = last_seal(connection)
    assert first is not None
    assert (first.seal_no, first.from_seq, unsealed(connection)) == (1, 1, 0)
    publish(connection, tmp_path, key="b", rows=[])
    second = last_seal(connection)
    assert second is not None
    assert (second.seal_no, second.prev_hash, second.from_seq) == (2, first.seal_hash, first.to_seq + 1)


def test_with_nothing_new_there_is_no_seal(connection) -> None:
    begin(connection, "a")
    assert [seal.row_count for seal in seal_audit(connection)] == [1]
    assert seal_audit(connection) == []


def test_many_events_are_sealed_in_several_seals(connection) -> None:
    connection.execute("INSERT INTO audit_log (action) SELECT 'x' FROM generate_series(1, 25)")
    connection.execute("SELECT seal_audit(1000, 10)")
    connection.commit()
    counts = connection.execute("SELECT row_count, from_seq, to_seq FROM audit_seals ORDER BY seal_no").fetchall()
    connection.commit()
    assert counts == [(10, 1, 10), (10, 11, 20), (5, 21, 25)]
    assert verify_audit(connection, sql_dir=SQL).problems == verify_inside(connection) == []


def test_an_open_writer_is_waited_for_and_then_sealing_gives_up(database: Database, connection) -> None:
    begin(connection, "a")
    with session_as_superuser(database) as writer:
        writer.execute("INSERT INTO audit_log (action) VALUES ('late')")
        with pytest.raises(StoreUnavailable, match=r"sealing the audit log.*55P03"):
            seal_audit(connection, wait_ms=100)
        assert last_seal(connection) is None
        writer.commit()
    assert [seal.row_count for seal in seal_audit(connection)] == [2]
    assert connection.execute("SHOW lock_timeout").fetchone() == ("1min",)


def test_a_publication_stands_when_it_can_not_be_sealed(database: Database, connection, tmp_path, caplog) -> None:
    with session_as_superuser(database) as writer:
        writer.execute("INSERT INTO audit_log (action) VALUES ('open')")
        assert not publish(connection, tmp_path, key="a", rows=[missing("a")]).already_published
        assert last_seal(connection) is None
    assert "not sealed yet" in caplog.text
    publish(connection, tmp_path, key="b", rows=[])
    assert unsealed(connection) == 0


def test_writers_do_not_wait_while_the_sealer_hashes(database: Database, connection) -> None:
    """The frontier is known at once; the lock is given back before the hashing."""
    connection.execute("INSERT INTO audit_log (action) VALUES ('x')")
    connection.commit()
    connection.execute("SELECT seal_audit()")  # its transaction is still open
    with session_as_superuser(database) as writer:
        writer.execute("SET lock_timeout = '500ms'")
        writer.execute("INSERT INTO audit_log (action) VALUES ('meanwhile')")
    connection.commit()


def test_an_older_snapshot_may_not_seal(connection) -> None:
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with pytest.raises(psycopg.errors.ActiveSqlTransaction, match="READ COMMITTED"):
        connection.execute("SELECT seal_audit()")


def test_whom_a_policy_hides_events_from_may_not_seal_a_part_of_them(connection) -> None:
    begin(connection, "a")
    connection.execute("CREATE ROLE narrow_sealer")
    connection.execute("GRANT SELECT, INSERT ON audit_log, audit_seals TO narrow_sealer")
    connection.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO narrow_sealer")
    connection.execute("ALTER FUNCTION seal_audit OWNER TO narrow_sealer")
    connection.execute("ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY")
    connection.execute("CREATE POLICY part ON audit_log USING (action <> 'INSERT')")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
        connection.execute("SELECT seal_audit()")
    connection.rollback()


@pytest.mark.parametrize("column", ["seal_no = 2", "seal_hash = sha256('')", "sealed_at = now()"])
def test_seals_are_append_only(connection, column: str) -> None:
    begin(connection, "a")
    seal_audit(connection)
    for statement in (
        f"UPDATE audit_seals SET {column}",
        "DELETE FROM audit_seals WHERE false",
        "TRUNCATE audit_seals",
    ):
        for role in ("origin", "replica"):
            connection.execute(f"SET LOCAL session_replication_role = {role}".encode())
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
                connection.execute(statement.encode())
            connection.rollback()


class Writers:
    """Transactions that write one event, stay open for a moment and commit, until they are stopped."""

    def __init__(self, database: Database) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=[database, n]) for n in range(WRITERS)]

    def _write(self, database: Database, number: int) -> None:
        with session_as_superuser(database) as connection:
            while not self._stop.is_set():
                connection.execute("INSERT INTO audit_log (action) VALUES ('x')")
                time.sleep(0.001 * (number % 4))
                connection.commit()

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_with_concurrent_writers_no_event_is_left_unsealed(database: Database, connection) -> None:
    seals, until = 0, time.monotonic() + SECONDS
    with Writers(database):
        while time.monotonic() < until:
            seals += len(seal_audit(connection))
    seals += len(seal_audit(connection))
    found = verify_audit(connection, sql_dir=SQL)
    assert (found.problems, found.unsealed) == ([], 0)
    assert found.checked["seals"] == seals > 5
    assert found.checked["events"] > 200


def test_a_sealer_that_only_reads_what_is_there_leaves_events_unsealed(database: Database, connection) -> None:
    """The control: the same writers, without the lock. What commits late lies behind a frontier that has moved on."""
    connection.execute("ALTER TABLE audit_log DISABLE TRIGGER enter_audit")
    connection.commit()
    last, sealed, until = 0, 0, time.monotonic() + SECONDS
    naive = "SELECT count(*), coalesce(max(seq), %(last)s) FROM audit_log WHERE seq > %(last)s"
    with Writers(database):
        while time.monotonic() < until:
            count, last = connection.execute(naive, {"last": last}).fetchone()
            connection.commit()
            sealed += count
    sealed += connection.execute(naive, {"last": last}).fetchone()[0]
    (written,) = connection.execute("SELECT count(*) FROM audit_log").fetchone()
    assert written - sealed > 0
