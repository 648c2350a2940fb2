"""That the tests of the record ran on PostgreSQL 15 too (`conftest` says which), or that they did not."""

import psycopg
import pytest

from recon_assets_tests.store.clusters import postgresql_15_binaries


@pytest.mark.skipif(
    postgresql_15_binaries() is None,
    reason="PostgreSQL 15 is not installed, so the record was tested on the embedded server only; "
    "apt-get install postgresql-15 or set PG15_BIN",
)
def test_the_oldest_server_that_is_served_is_tried_and_sorts_unlike_the_embedded_one(
    postgresql_15, embedded_server
) -> None:
    ask = "SELECT current_setting('server_version_num')::integer / 10000, 'a' < 'B'"
    for server, answer in ((postgresql_15, (15, True)), (embedded_server, (18, False))):
        with psycopg.connect(host=str(server.socket_dir), user="postgres", dbname="postgres") as connection:
            assert connection.execute(ask).fetchone() == answer
