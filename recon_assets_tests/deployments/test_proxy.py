"""The reverse proxy: a real nginx with the files of deploy/proxy, before programs on loopback and a real webserver."""

import json
import os
import re
import ssl
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from socket import create_connection

import pytest
import requests
from playwright.sync_api import expect, sync_playwright
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from recon_assets_tests.deployments.proxy import AUDITORS, OPERATORS, PASSWORDS, Proxy, free_port, nginx, running_proxy
from recon_assets_tests.deployments.upstreams import served, sign_in, telling
from recon_assets_tests.ui.visitor import CHROMIUM_FLAGS, PATIENCE_MS, chromium

pytestmark = [
    pytest.mark.skipif(nginx() is None, reason="nginx is not installed: apt-get install nginx"),
    pytest.mark.xdist_group("proxy"),
]

HEADERS = {
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=31536000",
    "Content-Security-Policy": "frame-ancestors 'none'; form-action 'self'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Server": "nginx",
}
FOREIGN = ("https://evil.example", f"http://{OPERATORS}", f"https://{OPERATORS}.evil.example", "null")
MUTATION = """mutation { launchPipelineExecution(executionParams: {
  selector: {repositoryName: "any", repositoryLocationName: "any", pipelineName: "any"}, mode: "default"
}) { __typename } }"""

SUBSCRIBE = """() => new Promise((resolve, reject) => {
  const socket = new WebSocket(`wss://${location.host}/graphql`, "graphql-ws");
  socket.onopen = () => socket.send(JSON.stringify({type: "connection_init"}));
  socket.onmessage = (message) => resolve(message.data);
  socket.onclose = () => reject(new Error("closed"));
})"""
UNAUTHORIZED = {"launchPipelineExecution": {"__typename": "UnauthorizedError"}}


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """With passwords."""
    with ExitStack() as stack:
        operators, auditors = (stack.enter_context(served(telling(name))) for name in ("operators", "auditors"))
        upstreams = {"webserver:3000": operators, "auditors:3001": auditors}
        yield stack.enter_context(
            running_proxy(tmp_path_factory.mktemp("proxy"), login="password", upstreams=upstreams)
        )


def test_who_has_no_password_gets_nothing(proxy: Proxy) -> None:
    for name in (OPERATORS, AUDITORS):
        for path, method in (
            ("/", "GET"),
            ("/graphql", "POST"),
            ("/_next/static/a.js", "GET"),
            ("/server_info", "GET"),
        ):
            answer = proxy.ask(name, path, method=method)
            assert (answer.status_code, "upstream" in answer.text) == (401, False), path
    wrong = b64encode(b"olga:of somebody").decode()
    assert proxy.ask(OPERATORS, headers={"Authorization": f"Basic {wrong}"}).status_code == 401


def test_each_reaches_his_own_webserver_only(proxy: Proxy) -> None:
    assert proxy.ask(OPERATORS, "/runs", login="olga").json()["upstream"] == "operators"
    assert proxy.ask(AUDITORS, "/runs", login="anna").json()["upstream"] == "auditors"
    assert proxy.ask(OPERATORS, login="anna").status_code == 401
    assert proxy.ask(AUDITORS, login="olga").status_code == 401


def test_the_webserver_is_not_told_the_password(proxy: Proxy) -> None:
    answer = proxy.ask(OPERATORS, login="olga", headers={"Cookie": "session=secret", "X-Forwarded-For": "192.0.2.1"})
    reached = answer.json()["headers"]
    assert not {"authorization", "cookie"} & set(reached)
    assert (reached["host"], reached["x-forwarded-for"], reached["x-forwarded-proto"]) == (
        OPERATORS,
        "127.0.0.1",
        "https",
    )


def test_every_answer_has_the_headers_also_a_refusal(proxy: Proxy) -> None:
    for answer in (proxy.ask(OPERATORS, login="olga"), proxy.ask(AUDITORS, login="anna"), proxy.ask(OPERATORS)):
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    program = proxy.ask(OPERATORS, "/_next/static/chunks/a.js", login="olga")
    assert program.headers["Cache-Control"] == "private, max-age=86400", "holds no data, and is many files"


def test_plain_http_is_sent_to_https_and_an_unknown_name_nowhere(proxy: Proxy) -> None:
    plain = f"http://127.0.0.1:{proxy.http_port}/runs?a=b"
    answer = requests.get(plain, headers={"Host": AUDITORS}, allow_redirects=False, timeout=20)
    assert (answer.status_code, answer.headers["Location"]) == (308, f"https://{AUDITORS}/runs?a=b")
    with pytest.raises(requests.ConnectionError):
        requests.get(plain, headers={"Host": "evil.example"}, allow_redirects=False, timeout=20)
    with pytest.raises(ssl.SSLError, match="unrecognized name"):
        proxy.tls("evil.example", ssl.TLSVersion.TLSv1_3)


def test_old_tls_is_refused(proxy: Proxy) -> None:
    assert proxy.tls(OPERATORS, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    assert proxy.tls(OPERATORS, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    for old in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1):
        with pytest.warns(DeprecationWarning, match="TLSv1"), pytest.raises(ssl.SSLError, match="protocol version"):
            proxy.tls(OPERATORS, old)


def websocket(proxy: Proxy, name: str, login: str | None, origin: str) -> str:
    """What it answers to a word. Raises `InvalidStatus` when the upgrade is refused."""
    context = ssl.create_default_context(cafile=proxy.folder / "certificate.pem")
    secret = {"Authorization": f"Basic {b64encode(f'{login}:{PASSWORDS[login]}'.encode()).decode()}"} if login else {}
    with connect(
        f"wss://{name}/graphql", sock=create_connection(("127.0.0.1", proxy.https_port), timeout=20), ssl=context,
        subprotocols=[Subprotocol("graphql-ws")], additional_headers={**secret, "Origin": origin}, proxy=None,
    ) as socket:  # fmt: skip
        assert socket.subprotocol == "graphql-ws"
        socket.send("subscribe")
        return str(socket.recv(timeout=20))


def test_subscriptions_pass_by_websocket_with_a_login_and_from_the_page_itself_only(proxy: Proxy) -> None:
    assert websocket(proxy, OPERATORS, "olga", f"https://{OPERATORS}") == "operators: subscribe"
    assert websocket(proxy, AUDITORS, "anna", f"https://{AUDITORS}") == "auditors: subscribe"
    for login, origin, status in ((None, f"https://{OPERATORS}", 401), ("olga", "https://evil.example", 403)):
        with pytest.raises(InvalidStatus) as refused:
            websocket(proxy, OPERATORS, login, origin)
        assert refused.value.response.status_code == status


@pytest.mark.parametrize("origin", FOREIGN)
def test_what_a_foreign_page_makes_a_browser_ask_is_refused(proxy: Proxy, origin: str) -> None:
    """The browser adds the login by itself, so that is no protection."""
    answer = proxy.ask(OPERATORS, "/graphql", login="olga", method="POST", headers={"Origin": origin}, data=MUTATION)
    assert answer.status_code == 403
    own = proxy.ask(OPERATORS, "/graphql", login="olga", method="POST", headers={"Origin": f"https://{OPERATORS}"})
    assert own.json()["upstream"] == "operators"


def test_a_question_by_get_is_refused_since_dagster_would_run_a_mutation_in_it(proxy: Proxy) -> None:
    for name, login in ((OPERATORS, "olga"), (AUDITORS, "anna")):
        assert proxy.ask(name, "/graphql", login=login, params={"query": MUTATION}).status_code == 405


def test_an_auditor_may_post_questions_only(proxy: Proxy) -> None:
    assert proxy.ask(AUDITORS, "/graphql", login="anna", method="POST").json()["upstream"] == "auditors"
    for method in ("POST", "PUT", "DELETE"):
        refused = proxy.ask(AUDITORS, "/report_asset_materialization/a", login="anna", method=method)
        assert refused.status_code == 403


def test_the_log_says_who_asked_for_what_and_no_query(proxy: Proxy) -> None:
    proxy.ask(AUDITORS, "/runs", login="anna", params={"q": "4242"})
    line = proxy.line_with('"path":"/runs"', '"anna"')
    assert json.loads(line) | {"time": "", "seconds": 0, "bytes": 0} == {
        "time": "", "login": "anna", "from": "127.0.0.1", "name": AUDITORS, "method": "GET", "path": "/runs",
        "status": 200, "bytes": 0, "seconds": 0,
    }  # fmt: skip
    assert "4242" not in proxy.log()
    assert not any(secret in proxy.log() for secret in PASSWORDS.values())


def test_a_large_body_and_a_storm_are_refused(proxy: Proxy) -> None:
    large = proxy.ask(OPERATORS, "/graphql", login="olga", method="POST", data=b"x" * 1_100_000)
    assert large.status_code == 413
    statuses = proxy.statuses_at_once(OPERATORS, "POST /graphql", 400)
    assert len(statuses) == 400
    assert set(statuses) == {401, 429}, "passwords can't be guessed at any rate either"
    assert statuses.count(429) > 100


def test_by_the_companys_sign_in_the_group_decides(tmp_path: Path) -> None:
    """oauth2-proxy itself is not here: a program gives its two answers."""
    with ExitStack() as stack:
        upstreams = {
            "webserver:3000": stack.enter_context(served(telling("operators"))),
            "auditors:3001": stack.enter_context(served(telling("auditors"))),
            "oauth2-proxy:4180": stack.enter_context(served(sign_in())),
        }
        proxy = stack.enter_context(running_proxy(tmp_path / "proxy", login="oidc", upstreams=upstreams))

        def as_(person: str) -> dict[str, str]:
            return {"Cookie": f"_oauth2_proxy={person}"}

        nobody = proxy.ask(OPERATORS, "/runs?a=b")
        assert (nobody.status_code, nobody.headers["Location"]) == (302, "/oauth2/start?rd=/runs?a=b")
        assert proxy.ask(OPERATORS, "/oauth2/start?rd=/runs").json() == {"signs in for": "/runs", "host": OPERATORS}
        assert proxy.ask(OPERATORS, "/oauth2/auth").status_code == 404, "not for people"
        assert proxy.ask(OPERATORS, headers=as_("olga@recon-operators")).json()["upstream"] == "operators"
        assert proxy.ask(AUDITORS, headers=as_("anna@recon-auditors")).json()["upstream"] == "auditors"
        assert proxy.ask(OPERATORS, headers=as_("anna@recon-auditors")).status_code == 403
        assert proxy.ask(AUDITORS, "/graphql", headers=as_("olga@recon-operators"), method="POST").status_code == 403
        assert '"login":"anna","from":"127.0.0.1","name":"auditors.company.example"' in proxy.log()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Proxy, int]]:
    """Before Dagster's own read-only webserver, without a code location; and that one's port."""
    folder, port = tmp_path_factory.mktemp("real"), free_port()
    command = [sys.executable, "-m", "dagster_webserver", "--read-only", "--empty-workspace", "-p", str(port)]
    with ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("wb"))
        environment = os.environ | {"DAGSTER_HOME": str(folder), "DAGSTER_DISABLE_TELEMETRY": "yes"}
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        stack.callback(process.wait, timeout=60)
        stack.callback(process.terminate)
        upstreams = {"webserver:3000": port, "auditors:3001": port}
        proxy = stack.enter_context(running_proxy(folder / "proxy", login="password", upstreams=upstreams))
        wait_until_it_serves(proxy, process, folder / "log")
        yield proxy, port


def test_the_real_read_only_webserver_behind_it_refuses_a_launch(real: tuple[Proxy, int]) -> None:
    proxy, port = real
    page = proxy.ask(AUDITORS, "/", login="anna")
    assert "/_next/static/" in page.text, "the page of Dagster"
    assert page.headers["Content-Security-Policy"].count("nonce-") == 1, "Dagster's own policy is still there"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    refused = proxy.ask(AUDITORS, "/graphql", login="anna", method="POST", json={"query": MUTATION})
    assert refused.json()["data"] == UNAUTHORIZED
    # why the proxy lets no question pass by GET: Dagster looks at its mutation as if it had been posted
    by_get = requests.get(f"http://127.0.0.1:{port}/graphql", params={"query": MUTATION}, timeout=60)
    assert by_get.json()["data"] == UNAUTHORIZED


def test_the_program_of_the_page_comes_compressed_and_answers_do_not(real: tuple[Proxy, int]) -> None:
    proxy, port = real
    page = proxy.ask(AUDITORS, "/", login="anna")
    program = re.search(r"/_next/static/chunks/main-[^\"]+\.js", page.text)
    assert program is not None
    packed = proxy.ask(AUDITORS, program[0], login="anna", headers={"Accept-Encoding": "gzip"})
    assert (packed.headers["Content-Encoding"], packed.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert packed.content == requests.get(f"http://127.0.0.1:{port}{program[0]}", timeout=60).content
    assert (
        "Content-Encoding" not in proxy.ask(AUDITORS, program[0], login="anna", headers={"Accept-Encoding": ""}).headers
    )
    question = {"query": "{ __schema { types { name description } } }"}
    answer = proxy.ask(AUDITORS, "/graphql", login="anna", method="POST", json=question)
    assert len(answer.content) > 10_000
    assert "Content-Encoding" not in answer.headers, "the size of an answer would tell what is in it"


@pytest.mark.skipif(
    chromium() is None, reason="no Chromium is installed: apt-get install chromium, or set CHROMIUM to one"
)
def test_dagsters_page_and_its_subscriptions_work_in_a_browser_behind_it(real: tuple[Proxy, int]) -> None:
    """Neither the policies nor the limits nor the check of where a question comes from stop the page itself."""
    proxy, _ = real
    flags = [*CHROMIUM_FLAGS, f"--host-resolver-rules=MAP {AUDITORS} 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=flags)
        login = {"username": "anna", "password": PASSWORDS["anna"]}
        page = browser.new_page(ignore_https_errors=True, http_credentials=login)
        refused: list[str] = []
        page.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)
        page.on("response", lambda got: refused.append(f"{got.status} {got.url}") if got.status >= 400 else None)
        page.goto(f"https://{AUDITORS}:{proxy.https_port}/deployment/locations", timeout=PATIENCE_MS)
        expect(page.get_by_text("Deployment").first).to_be_visible(timeout=PATIENCE_MS)
        page.wait_for_load_state("networkidle")
        # what the page asks of Dagster's own site goes nowhere here
        assert [said for said in refused if "ERR_NAME_NOT_RESOLVED" not in said] == []
        assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
        assert page.evaluate(SUBSCRIBE) == '{"type":"connection_ack"}'
        browser.close()


def wait_until_it_serves(proxy: Proxy, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1200):
        if proxy.ask(AUDITORS, "/server_info", login="anna").status_code == 200:
            return
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(log.read_text())
    raise AssertionError(log.read_text())
