import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from recon_assets.domain.errors import ConfigurationError, StoreRefused
from recon_assets.store.embedded import EmbeddedServer
from recon_assets.store.migrations import migrate

SQL = Path(__file__).resolve().parents[2] / "sql"


@pytest.fixture
def sql_dir(tmp_path: Path) -> Path:
    """Ours, to be tampered with."""
    return Path(shutil.copytree(SQL, tmp_path / "sql"))


@pytest.fixture
def empty(server: EmbeddedServer, new_database: Callable[..., str]) -> Callable[[], psycopg.Connection]:
    """Connects to a database without tables."""
    name = new_database(template="template0")
    host = str(server.socket_dir)
    return lambda: psycopg.connect(host=host, user="postgres", dbname=name, autocommit=True)


def add(sql_dir: Path, name: str, text: str) -> None:
    (sql_dir / "migrations" / name).write_text(text)


def newest(sql_dir: Path) -> Path:
    return max((sql_dir / "migrations").iterdir())


def test_the_second_time_there_is_nothing_to_do_and_one_query_says_so(empty, sql_dir: Path) -> None:
    files = len(list((sql_dir / "migrations").iterdir()))
    with empty() as connection:
        assert migrate(connection, sql_dir=sql_dir) == files + 1
        before = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
        assert migrate(connection, sql_dir=sql_dir) == 0
        assert connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone() == before


def test_a_changed_migration_is_refused_by_name(empty, sql_dir: Path) -> None:
    with empty() as connection:
        migrate(connection, sql_dir=sql_dir)
        with (sql_dir / "migrations" / "0001_record.sql").open("a") as file:
            file.write("-- changed\n")
        with pytest.raises(StoreRefused, match=r"changed after it was applied \(0001_record.sql\)"):
            migrate(connection, sql_dir=sql_dir)


@pytest.mark.parametrize("name", ["9999_gap.sql", "0012-misnamed.sql", "0003_twice.sql"])
def test_a_gap_in_the_numbers_or_a_misnamed_file_is_refused(empty, sql_dir: Path, name: str) -> None:
    add(sql_dir, name, "SELECT 1;")
    with empty() as connection, pytest.raises(ConfigurationError, match="missing or misnamed"):
        migrate(connection, sql_dir=sql_dir)


def test_a_folder_without_migrations_is_refused(empty, tmp_path: Path) -> None:
    with empty() as connection, pytest.raises(ConfigurationError, match="RECON_HOME"):
        migrate(connection, sql_dir=tmp_path)


def test_a_database_that_is_newer_than_the_program_is_refused(empty, sql_dir: Path) -> None:
    with empty() as connection:
        migrate(connection, sql_dir=sql_dir)
        newest(sql_dir).unlink()
        with pytest.raises(StoreRefused, match="newer than this program"):
            migrate(connection, sql_dir=sql_dir)


def test_a_migration_that_fails_leaves_nothing_and_can_be_corrected(empty, sql_dir: Path) -> None:
    with empty() as connection:
        migrate(connection, sql_dir=sql_dir)
        name = f"{int(newest(sql_dir).name[:4]) + 1:04d}_next.sql"
        add(sql_dir, name, "CREATE TABLE next (); SELECT no_such_function();")
        with pytest.raises(StoreRefused, match=rf"no_such_function.*{name}"):
            migrate(connection, sql_dir=sql_dir)
        add(sql_dir, name, "CREATE TABLE next (); SELECT 'a % sign';")
        assert migrate(connection, sql_dir=sql_dir) == 1
        connection.execute("SELECT * FROM next")


def test_a_changed_view_is_made_again(empty, sql_dir: Path) -> None:
    with empty() as connection:
        migrate(connection, sql_dir=sql_dir)
        (sql_dir / "views" / "another.sql").write_text("CREATE OR REPLACE VIEW another AS SELECT 1 AS one;\n")
        assert migrate(connection, sql_dir=sql_dir) == 1
        assert connection.execute("SELECT one FROM another").fetchone() == (1,)


def test_two_processes_that_migrate_together_do_it_once(empty, sql_dir: Path) -> None:
    start, applied = threading.Barrier(3), []

    def run() -> None:
        with empty() as connection:
            start.wait()
            applied.append(migrate(connection, sql_dir=sql_dir))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(applied) == len(list((sql_dir / "migrations").iterdir())) + 1
