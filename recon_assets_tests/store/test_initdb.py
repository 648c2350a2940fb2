"""`sql/initdb.d` as the official image's entrypoint runs it, on real servers of PostgreSQL 15 and the embedded one."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from pydantic import SecretStr

from recon_assets.domain.errors import StoreRefused
from recon_assets.store.audit_verification import verify_audit
from recon_assets.store.history import current_run
from recon_assets.store.migrations import migrate
from recon_assets.store.roles import LOGIN_LIMITS, Login, powers_beyond
from recon_assets.store.schema_fingerprint import schema_objects
from recon_assets_tests.cli.commands import recon
from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.store.builders import DAY, missing, publish
from recon_assets_tests.store.clusters import Cluster, embedded_binaries, postgresql_15_binaries, short_folder
from recon_assets_tests.store.containers import KEEPER, PASSWORD, Container, server_of_containers

SQL = PROJECT / "sql"
STEPS = len(list((SQL / "migrations").glob("*.sql"))) + 1
APPLIED = "SELECT version, name, sha256 FROM schema_migrations ORDER BY version"
TOUCHED = "SELECT xmin::text, * FROM schema_migrations ORDER BY version"
IS_UNTOUCHED = "SELECT count(*) = 0 FROM pg_class WHERE relnamespace = 'public'::regnamespace"


pytestmark = pytest.mark.xdist_group("initdb")  # one server of each kind

PROGRAMS = ["embedded", *(["15"] if postgresql_15_binaries() else [])]
on_both = pytest.mark.parametrize("cluster", PROGRAMS, indirect=True, scope="module")
"""The programs of that PostgreSQL: server and psql."""


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    with short_folder() as folder:
        is_15 = getattr(request, "param", "embedded") == "15"
        binaries = postgresql_15_binaries() if is_15 else embedded_binaries(folder / "data")
        with server_of_containers(binaries, folder) as running:
            yield running


@pytest.fixture
def container(cluster: Cluster) -> Container:
    fresh = Container(cluster, f"record_{next(_numbers)}")
    with fresh.connect("postgres") as keeper:
        keeper.execute(f"CREATE DATABASE {fresh.database}".encode())
    return fresh


@pytest.fixture
def sql_dir(tmp_path: Path) -> Path:
    """Ours, to be tampered with."""
    return Path(shutil.copytree(SQL, tmp_path / "sql"))


@on_both
def test_the_program_finds_nothing_to_do_and_works_without_the_superuser(
    container: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = container.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{container.database} is ready for the login {container.application_login}" in done.stdout

    application = container.as_application()
    before = container.query(TOUCHED)
    application.prepare(sql_dir=SQL)
    with container.connect() as keeper, application.connect_as_migrator() as its_own:
        assert migrate(keeper, sql_dir=SQL) == migrate(its_own, sql_dir=SQL) == 0
    assert container.query(TOUCHED) == before

    with application.connect() as connection:
        published = publish(connection, tmp_path, key="a", rows=[missing("a")])
        assert current_run(connection, "stripe", DAY).id == published.run_id
        with connection.transaction():
            assert connection.execute("SELECT transaction_id FROM missing_transactions").fetchall() == [("a",)]
        assert powers_beyond(connection) == ()
    with application.connect_to_dagster() as dagster:
        dagster.execute("CREATE TABLE runs ()")
    assert container.query(
        "SELECT count(*) FROM pg_shdepend AS d JOIN pg_roles AS r ON r.oid = d.refobjid "
        f"WHERE d.deptype = 'o' AND r.rolname = '{container.application_login}'"
    ) == [(0,)]

    for name, value in {
        "RECON_HOME": PROJECT,
        "RECON_DATA_DIR": tmp_path,
        "DB_HOST": container.cluster.socket_dir,
        "DB_PORT": container.cluster.port,
        "DB_NAME": container.database,
        "DB_USER": container.application_login,
        "DB_MIGRATION_USER": KEEPER,
        "DAGSTER_DB_NAME": container.dagster_database,
    }.items():
        monkeypatch.setenv(name, str(value))
    verified = recon("audit", "verify", monkeypatch=monkeypatch, capsys=capsys)
    assert (verified.exit_code, "schema objects" in verified.out) == (0, True)


@on_both
def test_the_auditors_login_is_made_where_it_has_a_password_and_verifies(container: Container, tmp_path: Path) -> None:
    login = f"audit_{container.database}"
    assert container.run(RECON_AUDITOR_USER=login, RECON_AUDITOR_PASSWORD="").returncode == 0
    assert container.query(f"SELECT FROM pg_roles WHERE rolname = '{login}'") == []

    done = container.run(RECON_AUDITOR_USER=login, RECON_AUDITOR_PASSWORD="murmured")

    assert (done.returncode, done.stderr) == (0, "")
    assert "murmured" not in container.cluster.log
    groups = "SELECT roleid::regrole::text FROM pg_auth_members WHERE member = "
    assert container.query(f"{groups} '{login}'::regrole") == [("recon_auditor",)]
    powers = "rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication"
    assert container.query(f"SELECT {powers} FROM pg_roles WHERE rolname = '{login}'") == [(False,)]
    assert container.query(f"SELECT useconfig FROM pg_user WHERE usename = '{login}'") == [
        ([f"{name}={value}" for name, value in LOGIN_LIMITS.items()],)
    ]
    database = replace(container.as_application(), auditor=Login(login, SecretStr("murmured")))
    with database.connect() as connection:
        publish(connection, tmp_path, key="a", rows=[missing("a")])
    with database.connect_to_verify() as connection:
        assert connection.info.user == login
        found = verify_audit(connection, sql_dir=SQL)
    assert (found.problems, found.checked["discrepancies rows"]) == ([], 1)


@on_both
def test_the_record_is_that_of_the_programs_own_migrations(container: Container) -> None:
    assert container.run().returncode == 0
    own = f"own_{container.database}"
    with container.connect() as keeper:
        keeper.execute(f"CREATE DATABASE {own}".encode())
        with container.connect(own) as connection:
            assert migrate(connection, sql_dir=SQL) == STEPS
            assert keeper.execute(APPLIED).fetchall() == connection.execute(APPLIED).fetchall()
            for each in (keeper, connection):
                each.execute("SET search_path = pg_catalog")
            assert schema_objects(keeper, sql_dir=SQL) == schema_objects(connection, sql_dir=SQL)


@on_both
def test_the_applications_password_is_asked_for_and_its_time_is_limited(container: Container) -> None:
    assert container.run().returncode == 0
    with pytest.raises(StoreRefused, match="password"):
        container.as_application("wrong").connect()
    settings = container.query(f"SELECT useconfig FROM pg_user WHERE usename = '{container.application_login}'")
    assert settings == [([f"{name}={value}" for name, value in LOGIN_LIMITS.items()],)]


@on_both
def test_run_again_it_changes_the_passwords_and_nothing_else(container: Container) -> None:
    assert container.run().returncode == 0
    before = container.query(TOUCHED)
    assert container.run(RECON_APP_PASSWORD="renewed").returncode == 0
    assert container.query(TOUCHED) == before
    container.as_application("renewed").connect().close()
    with pytest.raises(StoreRefused, match="password"):
        container.as_application().connect()


def test_what_a_later_release_adds_is_applied_when_it_is_run_again(container: Container, sql_dir: Path) -> None:
    newest = max((sql_dir / "migrations").iterdir())
    content = newest.read_bytes()
    newest.unlink()
    for view in (sql_dir / "views").iterdir():
        if view.name != "v_daily_reconciliation_metrics.sql":  # the others may need what the newest migration makes
            view.unlink()
    assert container.run(RECON_SQL_DIR=sql_dir).returncode == 0
    newest.write_bytes(content)
    shutil.copytree(SQL / "views", sql_dir / "views", dirs_exist_ok=True)
    assert container.run(RECON_SQL_DIR=sql_dir).returncode == 0
    with container.connect() as keeper:
        assert migrate(keeper, sql_dir=SQL) == 0


def test_views_that_a_migration_dropped_are_made_again(container: Container, sql_dir: Path) -> None:
    assert container.run(RECON_SQL_DIR=sql_dir).returncode == 0
    text = "DROP VIEW v_check_history; DELETE FROM schema_migrations WHERE version = 0;\n"
    (sql_dir / "migrations" / f"{STEPS:04d}_next.sql").write_text(text)
    assert container.run(RECON_SQL_DIR=sql_dir).returncode == 0
    assert container.query("SELECT count(*) FROM v_check_history") == [(0,)]
    with container.connect() as keeper:
        assert migrate(keeper, sql_dir=sql_dir) == 0


def test_sourced_by_the_entrypoint_it_leaves_nothing_behind_and_its_failure_ends_it(container: Container) -> None:
    what_is_set = "{ compgen -v; compgen -A function; shopt -po; trap; echo $PWD $LC_ALL $PGHOST $PGOPTIONS; } || true"
    empty = subprocess.run(
        ["bash", "-Eeo", "pipefail", "-c", what_is_set],
        env=container.environment,
        cwd="/",
        check=True,
        capture_output=True,
    )
    sourced = container.run(then=what_is_set)
    assert sourced.returncode == 0
    left = set(sourced.stdout.splitlines()) - set(empty.stdout.decode().splitlines())
    assert {line for line in left if not line.startswith("recon: ")} <= {"recon_initdb", "_", "PIPESTATUS"}
    failed = container.run(then="echo the entrypoint went on", RECON_APP_PASSWORD=None)
    assert (failed.returncode, failed.stdout) == (1, "")


@on_both
def test_no_password_is_in_the_servers_log(container: Container) -> None:
    assert container.run(RECON_APP_PASSWORD="whispered", RECON_DAGSTER_PASSWORD="murmured").returncode == 0
    assert f'GRANT recon_app, recon_reader TO "{container.application_login}"' in container.cluster.log
    assert "whispered" not in container.cluster.log
    assert "murmured" not in container.cluster.log


def test_a_password_may_come_from_a_file(container: Container, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    assert container.run(RECON_APP_PASSWORD=None, RECON_APP_PASSWORD_FILE=secret).returncode == 0
    container.as_application("from a file").connect().close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"RECON_APP_PASSWORD": None}, "RECON_APP_PASSWORD is not set"),
        ({"RECON_APP_PASSWORD": ""}, "RECON_APP_PASSWORD is not set"),
        ({"RECON_DAGSTER_PASSWORD": None}, "RECON_DAGSTER_PASSWORD is not set"),
        ({"RECON_APP_PASSWORD": "of the superuser"}, "RECON_APP_PASSWORD is the superuser's password"),
        ({"RECON_APP_PASSWORD": "two\nlines"}, "RECON_APP_PASSWORD has more than one line"),
        ({"RECON_APP_PASSWORD_FILE": "/dev/null"}, "RECON_APP_PASSWORD and RECON_APP_PASSWORD_FILE are both set"),
        ({"RECON_APP_PASSWORD": None, "RECON_APP_PASSWORD_FILE": "/dev/null"}, "RECON_APP_PASSWORD is not set"),
        ({"RECON_APP_PASSWORD": None, "RECON_APP_PASSWORD_FILE": "/none"}, "can't read: /none"),
        ({"RECON_APP_USER": KEEPER}, "RECON_APP_USER is a superuser"),
        ({"RECON_DAGSTER_USER": KEEPER}, "RECON_DAGSTER_USER is a superuser"),
        ({"RECON_APP_USER": "recon_owner"}, "RECON_APP_USER is a group of the record"),
        ({"RECON_APP_USER": 'a"; DROP TABLE x'}, "RECON_APP_USER is not a name for a login"),
        ({"RECON_APP_USER": "one", "RECON_DAGSTER_USER": "one"}, "are the same"),
        ({"RECON_AUDITOR_PASSWORD": "of the superuser"}, "RECON_AUDITOR_PASSWORD is the superuser's password"),
        ({"RECON_AUDITOR_PASSWORD_FILE": "/none"}, "RECON_AUDITOR_PASSWORD_FILE names a file"),
        ({"RECON_AUDITOR_PASSWORD": "x", "RECON_AUDITOR_USER": KEEPER}, "RECON_AUDITOR_USER is a superuser"),
        ({"RECON_AUDITOR_PASSWORD": "x", "RECON_AUDITOR_USER": "recon_auditor"}, "RECON_AUDITOR_USER is a group of"),
        (
            {"RECON_AUDITOR_PASSWORD": "x", "RECON_AUDITOR_USER": "one", "RECON_APP_USER": "one"},
            "RECON_AUDITOR_USER is the login of another",
        ),
        ({"RECON_SQL_DIR": "/nowhere"}, "no migrations in /nowhere"),
        ({"POSTGRES_DB": "nowhere"}, 'database "nowhere" does not exist'),
    ],
)
def test_what_is_wrong_in_the_environment_is_said_before_anything_is_done(
    container: Container, changes: dict[str, object], message: str
) -> None:
    done = container.run(**changes)
    assert done.returncode != 0
    assert message in done.stderr
    assert "correct the cause" in done.stderr
    assert PASSWORD not in done.stderr
    assert container.query(IS_UNTOUCHED) == [(True,)]


def test_dagsters_database_is_not_that_of_the_record(container: Container) -> None:
    assert "choose another name" in container.run(RECON_DAGSTER_DB=container.database).stderr
    assert container.query(IS_UNTOUCHED) == [(True,)]


def test_a_migration_that_fails_leaves_nothing_of_it_and_can_be_corrected(container: Container, sql_dir: Path) -> None:
    broken = sql_dir / "migrations" / "0002_audit.sql"
    broken.write_text("CREATE TABLE half (); SELECT no_such_function();")
    failed = container.run(RECON_SQL_DIR=sql_dir)
    assert failed.returncode != 0
    assert "no_such_function" in failed.stderr
    assert "0002_audit.sql was not applied" in failed.stderr
    assert container.query("SELECT version FROM schema_migrations") == [(1,)]
    assert container.query("SELECT to_regclass('half')") == [(None,)]
    assert container.run().returncode == 0
    with container.connect() as keeper:
        assert migrate(keeper, sql_dir=SQL) == 0


def test_a_changed_migration_a_gap_and_a_newer_database_are_refused(container: Container, sql_dir: Path) -> None:
    assert container.run().returncode == 0
    newest = max((sql_dir / "migrations").iterdir())
    with newest.open("a") as file:
        file.write("-- changed\n")
    assert f"{newest.name} was changed after it was applied" in container.run(RECON_SQL_DIR=sql_dir).stderr
    newest.unlink()
    assert "the database is newer than this release" in container.run(RECON_SQL_DIR=sql_dir).stderr
    (sql_dir / "migrations" / "0002_audit.sql").unlink()
    gap = container.run(RECON_SQL_DIR=sql_dir)
    assert (gap.returncode, "migration 0002 is missing or misnamed" in gap.stderr) == (1, True)


def test_together_with_the_program_each_step_is_applied_once(container: Container) -> None:
    applied, done = [], []

    def run_program() -> None:
        with container.connect() as keeper:
            applied.append(migrate(keeper, sql_dir=SQL))

    threads = [threading.Thread(target=run_program)]
    threads += [threading.Thread(target=lambda: done.append(container.run())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(each.returncode, each.stderr) for each in done] == [(0, ""), (0, "")]
    assert len(applied) == 1
    assert container.query("SELECT count(*) FROM schema_migrations") == [(STEPS,)]


_numbers = count(1)
