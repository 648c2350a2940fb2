"""Credentials of feeds are nowhere in what the real commands wrote, also when the other side quotes them."""

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import boto3
import dagster as dg
import psycopg
import pyarrow.parquet as pq
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from recon_assets.cli.dagster_runs import Runner
from recon_assets.settings import Settings
from recon_assets_tests.aws_server import KEY_ID as AWS_KEY_ID
from recon_assets_tests.aws_server import SECRET as AWS_SECRET_KEY
from recon_assets_tests.integration.deployments import SAMPLE_DAY, Deployment, with_configuration
from recon_assets_tests.processors.paypal.api import CLIENT_ID, READ_SCOPE, SECRET, TOKEN, PayPal, record
from recon_assets_tests.processors.square import building as square
from recon_assets_tests.processors.stripe import building as stripe

STRIPE_KEY = stripe.KEY.get_secret_value()
SQUARE_TOKEN = square.TOKEN.get_secret_value()
LEDGER_PASSWORD = "canary+ledger/word"
STRIPE_KEY_AT_AWS = f"{STRIPE_KEY}AtAws"
BEARERS = (STRIPE_KEY, STRIPE_KEY_AT_AWS, SQUARE_TOKEN, TOKEN)
CANARIES = (STRIPE_KEY, SQUARE_TOKEN, TOKEN, CLIENT_ID, SECRET, LEDGER_PASSWORD, AWS_KEY_ID, AWS_SECRET_KEY)
AT_AWS = "recon/canaries"

PROCESSOR = """
name: {name}
title: {name}
owner: team:tests
start_date: 2025-09-01
feed: {feed}
ledger: {ledger}
"""
STRIPE = '{{kind: stripe_api, base_url: "{url}", mode: test, api_key_env: CANARY_STRIPE_KEY}}'
STRIPE_BY_AWS = STRIPE.replace("CANARY_STRIPE_KEY", "CANARY_KEY_AT_AWS")
PAYPAL = '{{kind: paypal_api, base_url: "{url}", client_id_env: CANARY_CLIENT_ID, client_secret_env: CANARY_SECRET}}'
SQUARE = '{{kind: square_api, base_url: "{url}", access_token_env: CANARY_SQUARE_TOKEN}}'
SQUARE_LISTS = ("locations", "payments", "refunds", "payouts")
"""Square refuses one of them, another by each status."""
FORMS = {"stripe": STRIPE, "square": SQUARE}
SQL_LEDGER = """
  kind: ledger_sql
  url_env: {url_env}
  times: {{time_zone: UTC}}
  columns: {{transaction_id: id, amount: amount, currency: currency, status: status, occurred_at: starts_at}}
  query: |
    SELECT 'ch_0001' AS id, '10.00' AS amount, 'USD' AS currency, 'completed' AS status, starts_at
    FROM (VALUES (CAST(:starts_at AS timestamptz))) AS day (starts_at) WHERE starts_at < :ends_at ORDER BY id
"""
REFUSALS = {"refuses": 401, "forbids": 403, "rejects": 400, "limits": 429, "fails": 500, "redirects": 302}
"""By name, the status with which a server answers, its whole answer a quotation of the credential."""


def quoting(status: int):
    """Says in every place that a client might repeat what the request had for a credential."""

    def answer(request: Request) -> Response:
        sent = request.headers["Authorization"].partition(" ")[2]
        said = sent if sent.startswith(BEARERS) else base64.b64decode(sent).decode() + " " + sent
        error = {"message": said, "type": sent, "code": sent, "param": sent, "field": sent, "detail": said}
        errors = {"error": error, "errors": [error | {"category": sent}]}
        body = json.dumps({**errors, "name": said, "message": said, "error_description": said})
        headers = {"Request-Id": sent, "Location": f"/{quote(said)}", "Retry-After": sent}
        return Response(body, status=f"{status} {said}", headers=headers, content_type="application/json")

    return answer


def processors(httpserver: HTTPServer) -> dict[str, str]:
    """Name and feed of every processor, each with a server that behaves like its name says."""
    root = httpserver.url_for("").rstrip("/")
    stripe.serve(httpserver, [stripe.transaction(1)])
    PayPal(httpserver).records = [record()]
    square.serve(httpserver, [square.payment()], [], [square.payout()], {"po_0001": [square.entry()]})
    forms = {"stripe": STRIPE, "paypal": PAYPAL, "square": SQUARE}
    feeds = {f"{kind}_works": form.format(url=root) for kind, form in forms.items()}
    feeds["aws_works"] = STRIPE_BY_AWS.format(url=root)
    feeds["aws_refuses"] = STRIPE_BY_AWS.format(url=f"{root}/stripe_refuses")
    token = {"access_token": f"{TOKEN}-x", "scope": READ_SCOPE}
    for name, status in REFUSALS.items():
        for kind, path in (
            ("stripe", stripe.PATH),
            ("paypal_token", "/v1/oauth2/token"),
            ("paypal", "/v1/reporting/transactions"),
            ("square", f"/v2/{SQUARE_LISTS[status % len(SQUARE_LISTS)]}"),
        ):
            prefix = f"/{kind}_{name}"
            httpserver.expect_request(f"{prefix}{path}").respond_with_handler(quoting(status))
            form = FORMS.get(kind, PAYPAL)
            feeds[f"{kind}_{name}"] = form.format(url=f"{root}{prefix}")
        httpserver.expect_request(f"/paypal_{name}/v1/oauth2/token").respond_with_json(token)
        for path in SQUARE_LISTS:
            answer = {"locations": [{"id": "L1"}]} if path == "locations" else {}
            httpserver.expect_request(f"/square_{name}/v2/{path}").respond_with_json(answer)
    return feeds


@pytest.fixture
def deployment(
    settings: Settings, tmp_path: Path, httpserver: HTTPServer, aws: pytest.MonkeyPatch, moto_url: str
) -> Deployment:
    aws.setenv("AWS_ENDPOINT_URL", moto_url)
    held = json.dumps({"CANARY_KEY_AT_AWS": STRIPE_KEY_AT_AWS})
    boto3.session.Session().client("secretsmanager").create_secret(Name=AT_AWS, SecretString=held)
    deployment = with_configuration(settings, tmp_path, http_attempts=1, aws_secrets=(AT_AWS,))
    folder = deployment.settings.config_dir / "processors"
    folder.mkdir(parents=True)
    for name, feed in processors(httpserver).items():
        ledger = SQL_LEDGER.format(url_env="CANARY_LOST_URL" if name == "stripe_fails" else "CANARY_LEDGER_URL")
        (folder / f"{name}.yaml").write_text(PROCESSOR.format(name=name, feed=feed, ledger=ledger))
    return deployment


def test_a_credential_is_in_nothing_that_the_commands_wrote(
    deployment: Deployment, tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = deployment.settings
    word = quote(LEDGER_PASSWORD, safe="")
    variables = {
        "RECON_AWS_SECRETS": AT_AWS,
        "CANARY_STRIPE_KEY": STRIPE_KEY,
        "CANARY_SQUARE_TOKEN": SQUARE_TOKEN,
        "CANARY_CLIENT_ID": CLIENT_ID,
        "CANARY_SECRET": SECRET,
        "CANARY_LEDGER_URL": f"postgresql+psycopg://postgres:{word}@/{settings.db_name}?host={settings.db_host}",
        "CANARY_LOST_URL": f"postgresql+psycopg://postgres:{word}@127.0.0.1:9/lost",
    }

    said = [
        deployment.recon("run", "--date", SAMPLE_DAY.isoformat(), **variables),
        deployment.call("doctor", **variables),
        deployment.call("status", **variables),
        deployment.call("show", "stripe_refuses", SAMPLE_DAY.isoformat(), **variables),
        deployment.call("show", "square_refuses", SAMPLE_DAY.isoformat(), **variables),
    ]

    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "capturing").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "capturing")) as capturing:  # as the UI's runs are captured
        assert not Runner(settings, capturing).run("stripe_refuses", SAMPLE_DAY).success
        assert not Runner(settings, capturing).run("aws_refuses", SAMPLE_DAY).success

    ended = dict(deployment.query("SELECT processor_name, status FROM reconciliation_runs"))
    works = {"stripe_works", "paypal_works", "square_works", "aws_works"}
    assert {name for name, status in ended.items() if status == "completed"} == works, said[0].stdout + said[0].stderr
    assert len(ended) == 5 + 4 * len(REFUSALS)
    received = " ".join(request.headers.get("Authorization", "") for request, _ in httpserver.log)
    assert all(sent in received for sent in (*(f"Bearer {sent}" for sent in BEARERS), _basic()))

    written = {f"output of {finished.args}": f"{finished.stdout}{finished.stderr}".encode() for finished in said}
    written |= {str(path): b"\n".join(_readable(path)) for path in tmp_path.rglob("*") if path.is_file()}
    for name in (settings.db_name, settings.dagster_db_name):
        dumped = b"\n".join(_rows(settings, name))
        assert b"stripe_works" in dumped, "the dump sees what is there"
        written[f"database {name}"] = dumped
    assert any("capturing" in path and path.endswith((".out", ".err")) for path in written)
    assert any(path.endswith(".parquet") and b"ch_0001" in content for path, content in written.items())
    forms = [form for canary in CANARIES for form in _forms(canary)]
    assert [place for place, content in written.items() if any(form in content for form in forms)] == []


def _basic() -> str:
    return f"Basic {base64.b64encode(f'{CLIENT_ID}:{SECRET}'.encode()).decode()}"


def _forms(canary: str) -> Iterator[bytes]:
    """As it is, for a URL, in JSON with escaped strokes, in hexadecimal, and in base64 wherever it stands in a text."""
    plain = canary.encode()
    yield from (plain, quote(canary, safe="").encode(), canary.replace("/", "\\/").encode(), plain.hex().encode())
    for before in range(3):
        encoded = base64.b64encode(b"x" * before + plain)
        whole = encoded[4 if before else 0 : (before + len(plain)) // 3 * 4]
        yield from (whole, whole.translate(bytes.maketrans(b"+/", b"-_")))


def _readable(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and what they are without their compression."""
    content = path.read_bytes()
    yield content
    if content.startswith(b"PAR1"):
        table = pq.read_table(path)
        yield f"{table.to_pylist()} {table.schema.metadata}".encode()
    elif content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)


def _rows(settings: Settings, database: str) -> Iterator[bytes]:
    """Every row of every table as text, and what compressed columns hold."""
    with psycopg.connect(host=settings.db_host, user="postgres", dbname=database) as connection:
        tables = connection.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        assert len(tables) > 5
        for (table,) in tables:
            for row in connection.execute(f"SELECT t::text, t.* FROM {table} AS t".encode()):
                yield row[0].encode()
                yield from (_decompressed(value) for value in row[1:] if isinstance(value, bytes))


def _decompressed(value: bytes) -> bytes:
    """What Dagster compressed; nothing of other bytes, such as hashes, which the row's text shows."""
    try:
        return zlib.decompress(value)
    except zlib.error:
        return b""
