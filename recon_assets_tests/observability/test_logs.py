"""Log lines: what is on each, and what is on none."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from recon_assets.observability.cleaning import cleaned
from recon_assets.observability.logs import CONTEXT, LinesHandler, install, stage_context

CARD = "4242424242424242"
STAGE = {"run_id": "r1", "processor": "stripe", "business_date": "2025-09-30", "stage": "report"}


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("recon_assets")
    levels = root.level, ours.level
    yield
    for handler in [handler for handler in root.handlers if isinstance(handler, LinesHandler)]:
        root.removeHandler(handler)
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_has_the_context_of_its_stage_and_null_outside(capsys) -> None:
    install("json")
    log = logging.getLogger("recon_assets.somewhere")
    with stage_context(**STAGE):
        log.info("read %d rows", 7, extra={"rows": 7})
    log.warning("after")
    inside, outside = lines(capsys)
    assert {name: inside[name] for name in CONTEXT} == STAGE
    assert (inside["event"], inside["level"], inside["rows"]) == ("read 7 rows", "info", 7)
    assert inside["logger"] == "recon_assets.somewhere"
    assert inside["timestamp"].endswith("Z")
    assert {name: outside[name] for name in CONTEXT} == dict.fromkeys(CONTEXT)
    assert outside["level"] == "warning"


def test_libraries_go_the_same_way_but_only_with_warnings(capsys) -> None:
    install("json")
    with stage_context(**STAGE):
        logging.getLogger("sqlalchemy.engine").info("SELECT 1995")
        logging.getLogger("botocore").warning("retrying")
    (line,) = lines(capsys)
    assert (line["event"], line["logger"], line["processor"]) == ("retrying", "botocore", "stripe")


def test_installing_twice_writes_once(capsys) -> None:
    install("json")
    install("json")
    logging.getLogger("recon_assets").info("once")
    assert [line["event"] for line in lines(capsys)] == ["once"]


def test_an_exception_is_its_type_and_place_and_not_its_words(capsys) -> None:
    install("json")
    try:
        int("the amount 19.95 of Jane Doe")
    except ValueError:
        logging.getLogger("recon_assets").exception("a row was refused")
    (line,) = lines(capsys)
    assert line["error"] == "ValueError"
    assert "test_logs.py" in line["places"][-1]
    assert "Jane" not in json.dumps(line)


@pytest.mark.parametrize("kind", ["json", "console"])
def test_card_numbers_and_credentials_are_on_no_line(kind, capsys) -> None:
    install(kind)
    log = logging.getLogger("botocore")
    log.warning("charged %s", CARD, extra={"number": int(CARD), "deep": {"a": [f"card {CARD}"]}, "object": object()})
    log.warning("connecting to postgresql://recon:hunter22@db/recon with password=hunter22 and Bearer hunter22hunter22")
    said = capsys.readouterr().err
    assert said.count("\n") == 2
    assert CARD not in said
    assert "hunter22" not in said
    assert "4242" in said, "the last four stay"
    assert "<object>" in said


def test_a_multi_line_message_is_one_line(capsys) -> None:
    install("json")
    logging.getLogger("x").warning("a\nb")
    assert lines(capsys)[0]["event"] == "a\nb"


def test_without_the_setting_logging_is_as_python_has_it() -> None:
    before = list(logging.getLogger().handlers)
    install(None)
    assert logging.getLogger().handlers == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("postgresql://u:p4ss@db:5432/x", "postgresql://***@db:5432/x"),
        ("AKIAIOSFODNN7EXAMPLE is it", "*** is it"),
        ("https://s3/x?X-Amz-Signature=abcdef&a=1", "https://s3/x?X-Amz-Signature=***&a=1"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer ***"),
        ('{"api_key": "abc123"}', '{"api_key": "***"}'),
        ("sk_live_abcdefgh12 used", "*** used"),
        ("4242 4242 4242 4242", "**** **** **** 4242"),
        (
            "run 0ed20da6-1986-4ac0-93a5-801e4e6e0ea2 read 30 rows",
            "run 0ed20da6-1986-4ac0-93a5-801e4e6e0ea2 read 30 rows",
        ),
    ],
)
def test_what_is_hidden_and_what_stays(text: str, said: str) -> None:
    assert cleaned(text) == said
