"""How long people wait for the real Dagster UI over three years of three processors, in Chromium.

    python -m recon_assets_tests.benchmarks.webserver [days]

1,095 partitions of 21 assets, each with its materialisation, 14 checks a day and processor, and a run for every
processor-day are written into Dagster's database (`dagster_filling`). Then the code location (`dagster api grpc`) and
`dagster-webserver` are started, each a process of its own as in docker-compose.yml, and every page is opened five times
by a browser with an empty cache, and again. The page's own clock runs from the navigation until what people look for is
seen; nothing else is asked of the browser while it runs (`browser`). Prints
the seconds, the CPU seconds of server and browser, the GraphQL requests that took longest, and the memory of the
processes. Ends with 1 when the overview is later than `LIMIT_S` on median: on a machine that has other work the CPU
seconds are what to compare.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import dagster as dg
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin

from recon_assets.assembly import build_definitions
from recon_assets.reports.dagster_pages import PROVEN_CHECK, DagsterPages
from recon_assets.settings import Settings
from recon_assets.store.database import open_database
from recon_assets.store.embedded import EmbeddedServer
from recon_assets_tests.benchmarks.browser import Browser, started
from recon_assets_tests.benchmarks.dagster_filling import fill_dagster, run_id
from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.ui.servers import free_port, serving, wait_until_it_serves

DAYS: Final = 1_095
PROCESSORS: Final = ("paypal", "square", "stripe")
OPENED: Final = 5
LIMIT_S: Final = 2.0

WORKSPACE: Final = """
load_from:
  - grpc_server: {{host: 127.0.0.1, port: {port}, location_name: recon_assets}}
"""


@dataclass(frozen=True, slots=True)
class Looked:
    """A page, and the text by which people know that it is there."""

    name: str
    address: str
    sought: str


@dataclass(slots=True)
class Waited:
    """Seconds until a page was there, first and again, and of CPU for both together.

    `asked` are the seconds of its GraphQL requests by name, as the page counts them.
    """

    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    server_cpu: list[float] = field(default_factory=list)
    browser_cpu: list[float] = field(default_factory=list)
    asked: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DAYS
    last = datetime.now(UTC).date() - timedelta(days=1)
    days = [last - timedelta(days=number) for number in reversed(range(count))]
    with place(days[0]) as folder, ExitStack() as processes:
        settings = Settings(_env_file=None)
        processes.enter_context(open_database(settings))
        began = time.monotonic()
        code = GrpcServerCodeLocationOrigin("127.0.0.1", free_port(), location_name="recon_assets")
        with dg.DagsterInstance.get() as instance:
            made = fill_dagster(instance, build_definitions(settings), PROCESSORS, days, location=code)
        print(
            f"{made[0]:,} materialisations, {made[1]:,} evaluations, {made[2]:,} runs written in"
            f" {time.monotonic() - began:.0f} s; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
        )
        address = served(folder, code, processes)
        waited = look(address, days)
        print(f"load {os.getloadavg()[0]:.1f}\n\n{table(waited)}\n\n{slowest(waited)}\n\n{memory()}")
        return int(statistics.median(waited["overview"].first) > LIMIT_S)


@contextmanager
def place(first: date) -> Iterator[Path]:
    """A folder with the project's configuration, whose days begin at `first`, and the variables that name it."""
    with tempfile.TemporaryDirectory(prefix="recon-webserver-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copytree(PROJECT / "config", folder / "config")
        for path in (folder / "config" / "processors").glob("*.yaml"):
            lines = path.read_text().splitlines(keepends=True)
            path.write_text("".join(f"start_date: {first}\n" if x.startswith("start_date:") else x for x in lines))
        (folder / "home").mkdir()
        shutil.copy(PROJECT / "dagster.yaml", folder / "home")
        os.environ |= {
            "RECON_HOME": str(PROJECT),
            "RECON_CONFIG_DIR": str(folder / "config"),
            "RECON_DATA_DIR": str(folder / "data"),
            "LOCAL_REPORTS_DIR": str(folder / "local_reports"),
            "DAGSTER_HOME": str(folder / "home"),
        }
        try:
            yield folder
        finally:
            EmbeddedServer(folder / "data").stop()


def served(folder: Path, code: GrpcServerCodeLocationOrigin, processes: ExitStack) -> str:
    """The code location and the webserver, until the end."""
    port = free_port()
    (folder / "workspace.yaml").write_text(WORKSPACE.format(port=code.port))
    module = ["--module-name", "recon_assets.definitions", "--location-name", "recon_assets"]
    location = ["api", "grpc", "--host", "127.0.0.1", "--port", str(code.port), *module]
    environment = dict(os.environ)
    code_server = [sys.executable, "-m", "dagster", *location]
    processes.enter_context(serving({folder / "code.log": code_server}, environment))
    address = ["--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "dagster_webserver", *address, "--workspace", str(folder / "workspace.yaml")]
    processes.enter_context(serving({folder / "webserver.log": command}, environment))
    wait_until_it_serves(f"http://127.0.0.1:{port}", folder / "webserver.log")
    return f"http://127.0.0.1:{port}"


def pages(address: str, days: list[date]) -> list[Looked]:
    of = DagsterPages(address)
    return [
        Looked("overview", address, "reconcile_stripe"),
        Looked("partitions of an asset", of.asset("stripe", "archive"), f"Materialized ({len(days)})"),
        Looked("checks of an asset", of.check("stripe", *PROVEN_CHECK), "reconciliation_is_proven"),
        Looked("runs", f"{address}/runs", run_id("stripe", days[-1])[:8]),
    ]


def look(address: str, days: list[date]) -> dict[str, Waited]:
    """Each page by turns, so that a burst of other programs does not fall on one of them."""
    found: defaultdict[str, Waited] = defaultdict(Waited)
    with started() as browser:
        for _ in range(OPENED):
            for looked in pages(address, days):
                open_twice(browser, looked, found[looked.name])
    return found


def open_twice(browser: Browser, looked: Looked, waited: Waited) -> None:
    """With an empty cache, and again."""
    used = cpu_s(browser)
    with browser.visitor() as visitor:
        for seconds in (waited.first, waited.again):
            shown = visitor.opens(looked.address, looked.sought)
            seconds.append(shown.seen_s)
            for asked, took in shown.requests:
                if "/graphql?op=" in asked:
                    waited.asked[asked.rpartition("=")[2]].append(took)
        server, browsing = (after - before for after, before in zip(cpu_s(browser), used, strict=True))
    waited.server_cpu.append(server)
    waited.browser_cpu.append(browsing)


def table(waited: dict[str, Waited]) -> str:
    columns = ("first", "again", "server_cpu", "browser_cpu")
    heading = "| page | first, s (least to most) | again, s | CPU s of the server, both | of the browser |"
    rows = [
        f"| {name} | "
        + " | ".join(f"{statistics.median(of):.2f} ({min(of):.2f} to {max(of):.2f})" for of in taken)
        + " |"
        for name, each in waited.items()
        for taken in [[getattr(each, column) for column in columns]]
    ]
    return "\n".join([heading, "|---|---|---|---|---|", *rows])


def slowest(waited: dict[str, Waited]) -> str:
    """The five of each page."""
    lines = []
    for name, each in waited.items():
        by_time = sorted(each.asked.items(), key=lambda asked: -statistics.median(asked[1]))[:5]
        lines.append(f"{name}: " + ", ".join(f"{asked} {statistics.median(took):.2f} s" for asked, took in by_time))
    return "\n".join(lines)


def memory() -> str:
    """In MiB that are each process's own share, by what it is."""
    used: defaultdict[str, float] = defaultdict(float)
    for kind, folder in services():
        with suppress(OSError):
            lines = (folder / "smaps_rollup").read_text().splitlines()
            used[kind] += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    return "\n".join(f"{kind}: {mib:,.0f} MiB" for kind, mib in used.items())


def cpu_s(browser: Browser) -> tuple[float, float]:
    """That server and browser have used until now."""
    ticks = os.sysconf("SC_CLK_TCK")
    server = sum(ticks_of(folder) for _, folder in services())
    return server / ticks, sum(map(ticks_of, processes_of(browser.session))) / ticks


def ticks_of(process: Path) -> int:
    """User and system; nothing if it has ended."""
    with suppress(OSError):
        after_name = (process / "stat").read_text().rpartition(")")[2].split()
        return int(after_name[11]) + int(after_name[12])
    return 0


def processes_of(session: int) -> Iterator[Path]:
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if folder.name.isdigit() and (folder / "stat").read_text().rpartition(")")[2].split()[3] == str(session):
                yield folder


def services() -> Iterator[tuple[str, Path]]:
    """Webserver and code location, which have a `DAGSTER_HOME` that is a name of its own."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with suppress(OSError):
            command = (folder / "cmdline").read_text().replace("\0", " ")
            kind = next((kind for kind, words in KINDS.items() if words in command), None)
            if kind and os.environ["DAGSTER_HOME"] in (folder / "environ").read_text(errors="replace"):
                yield kind, folder


KINDS: Final = {"webserver": "dagster_webserver", "code location": "dagster api grpc"}
"""By words of their command lines."""


if __name__ == "__main__":
    sys.exit(main())
