"""What is said: the first line says it all, figures are exact, and nothing that came in can break a mail."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from recon_assets.domain.messages import AlertSeverity, Money, plain_sentences
from recon_assets.domain.verdict import Verdict
from recon_assets.notifications.chat import chat_text, page_text
from recon_assets.notifications.content import content_of
from recon_assets.notifications.events import Event, severity_of
from recon_assets.notifications.mail import mail_of, message_id
from recon_assets.notifications.reports import ReportOfRun
from recon_assets.notifications.shape import Content
from recon_assets.notifications.thresholds import SeverityThresholds
from recon_assets.notifications.words import amount, one_line
from recon_assets_tests.notifications.events import (
    ALL,
    ANSWER,
    ARCHIVE,
    AUDIT,
    CHECK,
    DINARS,
    FAILED,
    INCOMPLETE,
    LATE,
    NEVER_RUN,
    OVERDUE,
    PROOF,
    RECONCILED,
)

EVENT_ID = UUID(int=7)


def content(event: Event, title: str = "Stripe") -> Content:
    return content_of(event, title=title, severity=severity_of(event, SeverityThresholds()))


def mail(event: Event, *, report: ReportOfRun | None = None, title: str = "Stripe", limit: int = 1_000):
    return mail_of(
        content(event, title),
        event_id=EVENT_ID,
        kind="run_published",
        sender="recon@company.example",
        receiver="finance@company.example",
        report=report or ReportOfRun(),
        max_attached_bytes=limit,
    )


def body(message, kind: str) -> str:
    return message.get_body((kind,)).get_content()


def test_the_first_line_says_processor_day_verdict_money_and_cause() -> None:
    said = content(ANSWER)
    assert said.first_line == (
        "Stripe 2025-09-30: 5 discrepancies, 19.95 USD at stake."
        " Likely cause: all 5 lie within 23:00 to 24:00: cut-off."
    )
    assert said.subject == "[medium] Stripe 2025-09-30: 5 discrepancies, 19.95 USD at stake"
    assert said.change == "Since 2025-09-29: 4 (15.96 USD) new, 1 (3.99 USD) still open."


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (RECONCILED, "Stripe 2025-09-30: reconciled, nothing at stake."),
        (
            replace(RECONCILED, verdict=Verdict.RECONCILED_WITH_PENDING, pending_count=1),
            "Stripe 2025-09-30: reconciled with pending (1 record), nothing at stake.",
        ),
        (
            replace(RECONCILED, verdict=Verdict.RECONCILED_WITH_WARNINGS),
            "Stripe 2025-09-30: reconciled with warnings, nothing at stake.",
        ),
        (
            INCOMPLETE,
            (
                "Stripe 2025-09-30: incomplete, no conclusion, provisionally 19.95 USD at stake."
                " Likely cause: the ledger feed is empty, the other is not."
            ),
        ),
        (
            replace(ANSWER, proofs=(DINARS, PROOF), causes=()),
            "Stripe 2025-09-30: 5 discrepancies, 0.005 KWD + 19.95 USD at stake.",
        ),
        (
            FAILED,
            (
                "Stripe 2025-09-30: the run failed in raw ledger feed, money at stake unknown."
                " Likely cause: no answer within 10 s."
            ),
        ),
        (
            CHECK,
            "Stripe 2025-09-30: the check ids are unique failed on stripe/transactions. Likely cause: again (2).",
        ),
        (
            LATE,
            (
                "Stripe 2025-09-30: no conclusion 12 h after the end of the day (incomplete), money at stake unknown."
                " Likely cause: the ledger feed is empty, the other is not."
            ),
        ),
        (
            NEVER_RUN,
            (
                "Stripe 2025-09-30: no conclusion 12 h after the end of the day (never run), money at stake unknown."
                " Likely cause: the feed has not come, or nobody has run the day."
            ),
        ),
        (
            OVERDUE,
            (
                "Stripe 2025-09-30: 3 records pending in ledger still open after 2025-10-02,"
                " 1.00 USD + 1,234,567 JPY at stake."
            ),
        ),
        (
            ARCHIVE,
            "Stripe 2025-09-30: the evidence waits to be archived. Likely cause: S3 answers 503 SlowDown.",
        ),
        (AUDIT, "2025-09-30: the record is not what was written, 2 findings."),
    ],
)
def test_the_first_line_of_every_event(event: Event, line: str) -> None:
    assert content(event).first_line == line


def test_further_causes_a_residual_and_a_newer_version_are_said() -> None:
    event = replace(
        ANSWER,
        version=3,
        causes=("one", "two"),
        proofs=(replace(PROOF, ledger_total_minor=655_754),),
    )
    assert content(event).sentences == (
        "two.",
        "The proof leaves 0.01 USD that no named row explains.",
        "This is version 3 of the day's answer; the ones before are superseded.",
    )


def test_a_day_without_a_conclusion_says_the_cause_first_and_then_every_reason() -> None:
    said = content(replace(INCOMPLETE, causes=("the ledger feed has nothing at all",)))
    assert said.first_line.endswith("Likely cause: the ledger feed has nothing at all.")
    assert said.sentences == (
        "the ledger feed is empty, the other is not.",
        "2 processor record(s) were rejected.",
    )


def test_the_change_of_the_first_day_and_of_a_quiet_one() -> None:
    first = replace(ANSWER.change, since=None)
    assert (
        content(replace(ANSWER, change=first)).change
        == "The first concluded day: 4 (15.96 USD) new, 1 (3.99 USD) still open."
    )
    quiet = replace(ANSWER.change, new=replace(ANSWER.change.new, count=0), persisting=ANSWER.change.resolved)
    assert content(replace(ANSWER, change=quiet)).change == "Since 2025-09-29: nothing new, nothing open."
    nothing = replace(quiet, since=None)
    assert content(replace(ANSWER, change=nothing)).change == "The first concluded day: nothing new, nothing open."
    assert content(INCOMPLETE).change is None


def test_amounts_have_their_currency_s_places_and_every_digit() -> None:
    assert amount(Money("USD", 2, 2**63 - 1)) == "92,233,720,368,547,758.07 USD"
    assert [amount(Money("JPY", 0, -5)), amount(Money("KWD", 3, 5))] == ["-5 JPY", "0.005 KWD"]


@pytest.mark.parametrize("kind", ["plain", "html"])
@pytest.mark.parametrize("event", ALL, ids=lambda event: type(event).__name__)
def test_a_mail_shows_every_figure_in_both_parts(event: Event, kind: str) -> None:
    said, text = content(event), " ".join(body(mail(event), kind).split())
    assert said.first_line in text
    for table in said.tables:
        assert table.title in text
        for row in table.rows:
            assert all(cell in text for cell in row)


def test_a_mail_says_whom_it_is_from_and_what_it_is() -> None:
    message = mail(replace(ANSWER, discrepancy_count=50))
    assert (message["To"], message["From"]) == ("finance@company.example", "recon@company.example")
    assert (
        message["Auto-Submitted"],
        message["X-Recon-Event"],
        message["X-Recon-Severity"],
        message["Importance"],
    ) == (
        "auto-generated",
        "run_published",
        "critical",
        "high",
    )
    assert message["Date"] is not None
    assert mail(ANSWER)["Importance"] is None


def test_the_id_of_a_mail_is_that_of_event_and_receiver() -> None:
    first, again = mail(ANSWER), mail(ANSWER)
    assert first["Message-ID"] == again["Message-ID"]
    ids = {message_id(UUID(int=n), to, sender="a@b.c") for n in (1, 2) for to in ("x@y.z", "z@y.x")}
    assert len(ids) == 4


HOSTILE = "x\r\nBcc: everybody@evil.example\r\n\r\n<script>alert(1)</script>\u202etxt\u200b\x00 4242424242424242"


def test_nothing_that_came_in_makes_a_header_or_markup_or_shows_a_card() -> None:
    message = mail(replace(FAILED, reason=HOSTILE, stage=HOSTILE), title=HOSTILE)
    assert message["Bcc"] is None
    assert "everybody@evil.example" not in [message["To"], message["Cc"]]
    raw = message.as_bytes()
    assert b"\nBcc:" not in raw
    html, text = body(message, "html"), body(message, "plain")
    assert "<script>" not in html and "&lt;script&gt;" in html
    for shown in (html, text, str(message["Subject"])):
        assert not {"\u202e", "\u200b", "\x00"} & set(shown)
        assert "4242424242424242" not in shown


def test_a_line_is_one_line_and_not_too_long() -> None:
    assert one_line("a\n\tb\u2028c  d\x7f") == "a b c d"
    assert one_line("é".replace("é", "e\u0301")) == "é"
    assert one_line("x" * 500) == "x" * 399 + "…"


def test_sentences_beyond_a_limit_are_counted() -> None:
    assert plain_sentences(["a"] * 25) == (*["a"] * 20, "and 5 more")
    assert len(plain_sentences(["x" * 5_000])[0]) == 1_000


def files(folder: Path, **sizes: int) -> tuple[Path, ...]:
    for suffix, size in sizes.items():
        (folder / f"report.{suffix}").write_bytes(b"x" * size)
    return tuple(folder / f"report.{suffix}" for suffix in sizes)


def test_the_report_is_attached_up_to_a_size_and_beyond_it_the_mail_says_where_it_lies(tmp_path: Path) -> None:
    report = ReportOfRun(files(tmp_path, html=600, xlsx=600, csv=100), link="https://reports.example/1")
    small = mail(ANSWER, report=report, limit=1_300)
    assert [part.get_filename() for part in small.iter_attachments()] == ["report.html", "report.xlsx", "report.csv"]
    assert [part.get_content_type() for part in small.iter_attachments()][::2] == ["text/html", "text/csv"]
    assert "The report is attached." in body(small, "plain")

    some = mail(ANSWER, report=report, limit=1_000)
    assert [part.get_filename() for part in some.iter_attachments()] == ["report.html", "report.csv"]
    assert f"report.xlsx: too large to attach, kept in {tmp_path}" in body(some, "plain")

    none = mail(ANSWER, report=report, limit=50)
    assert list(none.iter_attachments()) == []
    for kind in ("plain", "html"):
        assert f"kept in {tmp_path}" in body(none, kind) and "https://reports.example/1" in body(none, kind)


def test_currencies_stand_beside_one_another_as_far_as_a_phone_shows_them() -> None:
    proofs = [replace(PROOF, currency=f"AA{letter}") for letter in "ABCDE"]
    wide = replace(PROOF, currency="BBB", volume_minor=10**18)
    tables = [table for table in content(replace(ANSWER, proofs=(*proofs, wide))).tables if table.title == "Proof"]
    assert [table.headings[1:] for table in tables] == [("AAA", "AAB", "AAC"), ("AAD", "AAE"), ("BBB",)]
    html = body(mail(replace(ANSWER, proofs=(PROOF, wide))), "html")
    assert "19.95\u00a0USD + 19.95\u00a0BBB at stake" in html


def test_without_a_report_a_mail_says_nothing_of_one() -> None:
    assert "report" not in body(mail(FAILED), "plain").lower()


def test_a_chat_gets_the_lines_and_a_pager_the_first() -> None:
    said = content(ANSWER)
    assert chat_text(said, link="https://reports.example/1").splitlines() == [
        said.first_line,
        said.change,
        "Report: https://reports.example/1",
    ]
    assert page_text(said) == said.first_line
    assert said.severity is AlertSeverity.MEDIUM
