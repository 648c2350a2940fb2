"""A fetch that fails for a reason that may pass is tried again in its run; nothing is doubled."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import dagster as dg
import pytest

from recon_assets.assets.partitions import daily_partitions
from recon_assets.assets.raw_feeds import raw_feed_asset
from recon_assets.assets.run_tags import COMMAND_LINE, LAUNCHED_BY
from recon_assets.domain.records import Side
from recon_assets.resources.feeds import Feeds
from recon_assets.resources.record import Record
from recon_assets.resources.storage import Storage
from recon_assets.settings import Settings
from recon_assets_tests.assets.processors import processor

pytestmark = pytest.mark.filterwarnings("ignore::dagster.PreviewWarning")

DAY = "2025-09-30"
AT_ONCE = dg.RetryPolicy(max_retries=2, delay=0)


class Api(BaseHTTPRequestHandler):
    """Answers with the statuses that the test put, then with no records."""

    statuses: list[int]
    asked: int

    def do_GET(self) -> None:
        type(self).asked += 1
        status = self.statuses.pop(0) if self.statuses else 200
        body = b'{"products": [], "total": 0, "skip": 0, "limit": 0}' if status == 200 else b"{}"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


@contextmanager
def api(*statuses: int) -> Iterator[tuple[str, type[Api]]]:
    handler = type("OneApi", (Api,), {"statuses": list(statuses), "asked": 0})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()


def fetched(settings: Settings, url: str, **tags: str) -> dg.ExecuteInProcessResult:
    settings = settings.model_copy(update={"http_attempts": 1})
    config = processor(feed={"kind": "products_api", "base_url": url})
    with closing(Record(settings)) as record, dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [raw_feed_asset(config, Side.PROCESSOR, daily_partitions(config), AT_ONCE)],
            partition_key=DAY,
            instance=instance,
            resources={"feeds": Feeds(settings), "record": record, "storage": Storage.from_settings(settings)},
            raise_on_error=False,
            tags=tags,
        )


def failed_attempts(connection) -> int:
    with connection.transaction():
        return connection.execute("SELECT count(*) FROM reconciliation_runs WHERE status = 'failed'").fetchone()[0]


def test_a_feed_that_is_back_at_the_second_try_is_fetched_once_and_no_failure_is_recorded(settings, connection) -> None:
    with api(503) as (url, server):
        done = fetched(settings, url)
    assert done.success
    assert server.asked == 2
    (event,) = done.asset_materializations_for_node("square__raw_processor_feed")
    assert len(event.metadata["files"].records) == 1
    assert failed_attempts(connection) == 0


@pytest.mark.parametrize(
    ("statuses", "tags", "asked"),
    [
        ((503,) * 9, {}, 3),
        ((401,), {}, 1),
        ((503,) * 9, {LAUNCHED_BY: COMMAND_LINE}, 1),
    ],
    ids=["it stays away", "it refuses", "at the command line"],
)
def test_what_does_not_pass_fails_once_in_the_record(settings, connection, statuses, tags, asked: int) -> None:
    with api(*statuses) as (url, server):
        done = fetched(settings, url, **tags)
    assert not done.success
    assert server.asked == asked
    assert failed_attempts(connection) == 1
