"""TLS to the database: what is demanded is had or refused, on every way to it, and the refusal says what to do."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from recon_assets.domain.errors import ConfigurationError, StoreRefused
from recon_assets.settings import Settings
from recon_assets.store.database import Database, open_database
from recon_assets.store.embedded import EmbeddedServer
from recon_assets.store.pool import Pool, room_for
from recon_assets.store.transport import Protection, Transport, protection_of
from recon_assets_tests.integration.deployments import Deployment, with_configuration
from recon_assets_tests.store.tls_server import PASSWORD, Authority, TlsServer, programs, tls_server

PROJECT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.xdist_group("tls")  # one server
needs_a_server = pytest.mark.skipif(
    shutil.which("openssl") is None or programs() is None,
    reason="needs the openssl program and a PostgreSQL built with OpenSSL (on Debian: apt-get install postgresql)",
)


@pytest.fixture(scope="module")
def secure() -> Iterator[TlsServer]:
    with tls_server() as server:
        with open_database(settings_for(server, server.place.pgdata.parent)):
            pass
        yield server


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("tls") / "stranger")


def settings_for(server: TlsServer, folder: Path, **changes: object) -> Settings:
    return Settings(
        _env_file=None,
        RECON_HOME=PROJECT,
        RECON_DATA_DIR=folder / "data",
        LOCAL_REPORTS_DIR=folder / "local_reports",
        **{
            "DB_HOST": "localhost",
            "DB_PORT": server.port,
            "DB_PASSWORD": PASSWORD,
            "DAGSTER_DB_NAME": "recon_dagster",
            "DB_SSLMODE": "verify-full",
            "DB_SSLROOTCERT": server.authority.certificate,
        }
        | changes,
    )


def verifying(authority: Authority, mode: str = "verify-full") -> Transport:
    return Transport(mode, authority.certificate)


def ask_by_url(database: Database, query: str) -> object:
    """As psql does with what `recon dsn` prints."""
    with psycopg.connect(database.dsn) as connection:
        return connection.execute(query.encode()).fetchone()[0]


def ask_as_dagster(database: Database, query: str) -> object:
    engine = sqlalchemy.create_engine(database.dagster_url)
    try:
        with engine.connect() as connection:
            return connection.execute(sqlalchemy.text(query)).scalar()
    finally:
        engine.dispose()


IS_ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@needs_a_server
def test_with_the_right_authority_every_way_to_the_server_is_encrypted(secure: TlsServer, tmp_path: Path) -> None:
    database = Database.from_settings(settings_for(secure, tmp_path))
    for connection in (database.connect(), database.connect_as_migrator(), database.connect_to_dagster()):
        assert connection.pgconn.ssl_in_use
        connection.close()
    assert ask_by_url(database, "SELECT current_user") == "recon_reader"
    assert f"sslmode=verify-full&sslrootcert={secure.authority.certificate}" in database.dsn
    assert f"sslmode=verify-full&sslrootcert={secure.authority.certificate}" in database.auditor_dsn
    assert ask_as_dagster(database, IS_ENCRYPTED) is True
    with psycopg.connect(database.dsn.replace("role%3Drecon_reader", "role%3Dnone")) as connection:
        assert connection.execute(IS_ENCRYPTED).fetchone() == (True,)


@needs_a_server
def test_a_server_that_another_authority_signed_is_refused_on_every_way(secure: TlsServer, stranger: Authority) -> None:
    database = secure.database(verifying(stranger))
    with pytest.raises(StoreRefused) as refused:
        database.connect()
    assert refused.value.what.startswith("the database server is not trusted: ")
    assert "certificate verify failed" in refused.value.what
    assert refused.value.where == f"localhost:{secure.port}"
    assert "DB_SSLROOTCERT" in refused.value.remedy
    assert PASSWORD not in f"{refused.value} {refused.value.__cause__}"
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        ask_by_url(database, "SELECT 1")
    with pytest.raises(sqlalchemy.exc.OperationalError, match="certificate verify failed"):
        ask_as_dagster(database, "SELECT 1")


@needs_a_server
def test_a_wrong_host_name_is_refused_by_verify_full_and_only_by_it(secure: TlsServer) -> None:
    with pytest.raises(StoreRefused) as refused:
        secure.database(verifying(secure.authority), host="127.0.0.1").connect()
    assert 'does not match host name "127.0.0.1"' in refused.value.what
    assert refused.value.remedy == (
        "Set DB_HOST to a name that the certificate bears; if it already is, somebody else answers there."
    )
    with secure.database(verifying(secure.authority, "verify-ca"), host="127.0.0.1").connect() as connection:
        assert connection.pgconn.ssl_in_use


@needs_a_server
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_server_without_tls_is_refused(secure: TlsServer, mode: str) -> None:
    transport = Transport("require") if mode == "require" else verifying(secure.authority, mode)
    with secure.without_tls(), pytest.raises(StoreRefused) as refused:
        secure.database(transport).connect()
    assert "server does not support SSL, but SSL was required" in refused.value.what
    assert "Turn `ssl` on" in refused.value.remedy


@needs_a_server
def test_who_does_not_encrypt_is_told_how_when_the_server_demands_it(secure: TlsServer) -> None:
    with pytest.raises(StoreRefused, match="demands encryption") as refused:
        secure.database(Transport("disable")).connect()
    assert refused.value.remedy == "Set DB_SSLMODE=verify-full and DB_SSLROOTCERT."


@needs_a_server
def test_a_file_that_is_no_certificate_is_named(secure: TlsServer, tmp_path: Path) -> None:
    (tmp_path / "authority.pem").write_text("not a certificate")
    with pytest.raises(StoreRefused, match="PEM file") as refused:
        secure.database(Transport("verify-full", tmp_path / "authority.pem")).connect()
    assert "root certificate" in refused.value.what


@needs_a_server
def test_without_our_setting_libpqs_own_variables_hold(
    secure: TlsServer, stranger: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    monkeypatch.setenv("PGSSLROOTCERT", str(stranger.certificate))
    with pytest.raises(StoreRefused, match="is not trusted"):
        secure.database(Transport()).connect()
    monkeypatch.setenv("PGSSLROOTCERT", str(secure.authority.certificate))
    with secure.database(Transport()).connect() as connection:
        assert protection_of(connection).mode == "verify-full"


@needs_a_server
def test_a_connection_tells_how_it_is_protected(secure: TlsServer, connection) -> None:
    told = {}
    for transport in (Transport(), verifying(secure.authority, "verify-ca"), verifying(secure.authority)):
        with secure.database(transport).connect(read_only=True) as encrypted:
            cipher, told[transport.mode] = str(protection_of(encrypted)).split(", ")
            assert re.fullmatch(r"TLSv1\.[23] [A-Z0-9_-]+", cipher)
    assert told == {
        None: "the server is not verified",
        "verify-ca": "only the server's authority is verified",
        "verify-full": "the server is verified",
    }
    assert str(protection_of(connection)) == "local, not encrypted"


@needs_a_server
def test_a_pooled_connection_is_encrypted_and_as_good_as_new_on_an_older_server_too(secure: TlsServer) -> None:
    pool = Pool(secure.database(verifying(secure.authority)), size=1)
    with pool.connection() as connection:
        pid = connection.info.backend_pid
        assert connection.pgconn.ssl_in_use
        assert room_for(connection) > 0
        connection.execute("SELECT pg_advisory_lock(7)")
        connection.execute("SET ROLE NONE")
    with pool.connection() as connection:
        assert connection.info.backend_pid == pid
        assert connection.execute("SELECT current_user, session_user").fetchone() == ("recon_app", "recon")
        assert connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)
    pool.close()


@pytest.mark.parametrize(
    ("encrypted", "mode", "leaves_the_machine", "is_good"),
    [
        (True, "verify-full", True, True),
        (True, "verify-ca", True, False),
        (True, "require", True, False),
        (True, "prefer", True, False),
        (False, "prefer", True, False),
        (False, "verify-full", True, False),
        (False, "prefer", False, True),
        (True, "prefer", False, True),
    ],
)
def test_only_a_verified_server_is_good_enough_on_another_machine(
    encrypted: bool, mode: str, leaves_the_machine: bool, is_good: bool
) -> None:
    protection = Protection(encrypted=encrypted, mode=mode, cipher="", leaves_the_machine=leaves_the_machine)
    assert (protection.warning is None) == is_good
    assert is_good or "DB_SSLMODE=verify-full" in protection.warning


@pytest.mark.parametrize(
    ("variables", "what", "remedy"),
    [
        ({"DB_SSLMODE": "verify-full"}, "needs the certificate", "PEM file"),
        ({"DB_SSLMODE": "verify-ca"}, "needs the certificate", "PEM file"),
        ({"DB_SSLMODE": "verify-full", "DB_SSLROOTCERT": "/nowhere/ca.pem"}, "is not there", "Correct"),
        ({"DB_SSLROOTCERT": __file__}, "nothing is verified with it", "DB_SSLMODE=verify-full"),
        ({"DB_SSLMODE": "require", "DB_SSLROOTCERT": __file__}, "nothing is verified with it", "DB_SSLMODE"),
        ({"DB_SSLMODE": "require", "DB_HOST": "/var/run"}, "a socket", "DB_HOST"),
    ],
)
def test_a_demand_that_can_not_be_met_is_a_wrong_configuration(
    variables: dict[str, str], what: str, remedy: str, tmp_path: Path
) -> None:
    settings = Settings(_env_file=None, RECON_HOME=tmp_path, **({"DB_HOST": "db.internal"} | variables))
    with pytest.raises(ConfigurationError) as refused:
        Database.from_settings(settings)
    assert what in refused.value.what
    assert "DB_SSL" in refused.value.where
    assert remedy in refused.value.remedy


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_the_embedded_server_is_not_started_for_who_demands_tls(mode: str, own_server_settings: Settings) -> None:
    settings = own_server_settings.model_copy(update={"db_sslmode": mode, "db_sslrootcert": Path(__file__)})
    with pytest.raises(ConfigurationError, match="demands TLS, which a socket"), open_database(settings):
        pass
    assert not EmbeddedServer(settings.data_dir).is_running()


@pytest.mark.parametrize("mode", [None, "disable", "prefer"])
def test_who_demands_nothing_may_use_a_socket(mode: str | None, settings: Settings) -> None:
    database = Database.from_settings(settings.model_copy(update={"db_sslmode": mode}))
    with database.connect() as connection:
        assert not connection.pgconn.ssl_in_use
    assert "ssl" not in database.dsn


def test_a_relative_certificate_is_the_same_file_for_who_gets_the_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "our ca.pem").touch()
    settings = Settings(
        _env_file=None, RECON_HOME=tmp_path, DB_HOST="db", DB_SSLMODE="verify-full", DB_SSLROOTCERT="our ca.pem"
    )
    url = f"sslrootcert={tmp_path}/our%20ca.pem"
    database = Database.from_settings(settings)
    assert url in database.dsn
    assert url in database.dagster_url


@needs_a_server
def test_the_command_prints_a_url_that_verifies_and_the_doctor_tells_the_protection(
    secure: TlsServer, tmp_path: Path
) -> None:
    deployment: Deployment = with_configuration(settings_for(secure, tmp_path), tmp_path).http_processor("good")
    variables = {
        "DB_PORT": str(secure.port),
        "DB_PASSWORD": PASSWORD,
        "DB_SSLMODE": "verify-full",
        "DB_SSLROOTCERT": str(secure.authority.certificate),
    }
    deployment.settings.reports_dir.parent.mkdir(exist_ok=True)
    printed = deployment.call("dsn", **variables)
    assert printed.returncode == 0, printed.stderr
    with psycopg.connect(printed.stdout.strip()) as connection:
        assert connection.pgconn.ssl_in_use

    examined = deployment.call("doctor", **variables)
    assert examined.returncode == 0, examined.stdout + examined.stderr
    ((reason,),) = deployment.query("SELECT reason FROM system_health WHERE component = 'database'")
    assert re.search(rf"localhost:{secure.port}, TLSv1\.\S+ \S+, the server is verified, room for", reason)
