"""Who is told what, how loudly, and what a wrong file is told."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from recon_assets.domain.checks import Severity
from recon_assets.domain.errors import ConfigurationError
from recon_assets.domain.messages import AlertSeverity, MessageKind
from recon_assets.domain.verdict import Verdict
from recon_assets.notifications.events import TYPE_OF_KIND, Event, severity_of
from recon_assets.notifications.rules import NotificationRules
from recon_assets.notifications.rules_file import load_notification_rules
from recon_assets.notifications.thresholds import SeverityThresholds
from recon_assets.quality.checks import DESCRIPTIONS
from recon_assets_tests.conftest import PROJECT
from recon_assets_tests.notifications.events import (
    ALL,
    ANSWER,
    ARCHIVE,
    AUDIT,
    CHECK,
    FAILED,
    INCOMPLETE,
    LATE,
    OVERDUE,
    PROOF,
    RECONCILED,
    usd,
)

LIMITS = SeverityThresholds()


def load(folder: Path, text: str) -> NotificationRules:
    path = folder / "notifications.yaml"
    path.write_text(text)
    return load_notification_rules(path, processors=["paypal", "stripe"], checks=DESCRIPTIONS)


def told(rules: NotificationRules, event: Event) -> list[tuple[str, str]]:
    (kind,) = [kind for kind, type_ in TYPE_OF_KIND.items() if isinstance(event, type_)]
    return [(str(channel), to) for channel, to in rules.told(event, severity_of(event, rules.severity), kind)]


def of(count: int = 1, minor: int = 1, **other: object):
    proof = replace(PROOF, discrepancy_count=count, discrepancy_amount_minor=minor)
    return replace(ANSWER, discrepancy_count=count, proofs=(proof,), **other)


@pytest.mark.parametrize(
    ("event", "severity"),
    [
        (RECONCILED, "LOW"),
        (of(count=4, minor=99_999), "LOW"),
        (of(count=5), "MEDIUM"),
        (of(minor=100_000), "MEDIUM"),
        (of(count=20), "HIGH"),
        (of(minor=1_000_000), "HIGH"),
        (of(count=50), "CRITICAL"),
        (of(minor=5_000_000), "CRITICAL"),
        (replace(of(), proofs=(replace(PROOF, ledger_total_minor=1),)), "CRITICAL"),
        (INCOMPLETE, "HIGH"),
        (of(count=50, verdict=Verdict.INCOMPLETE), "CRITICAL"),
        (FAILED, "HIGH"),
        (CHECK, "MEDIUM"),
        (replace(CHECK, severity=Severity.ERROR), "HIGH"),
        (LATE, "HIGH"),
        (replace(OVERDUE, open_items=replace(OVERDUE.open_items, money=(usd(1),))), "MEDIUM"),
        (OVERDUE, "CRITICAL"),  # more than 50,000 yen
        (ARCHIVE, "MEDIUM"),
    ],
)
def test_how_loudly_an_event_is_told(event: Event, severity: str) -> None:
    assert severity_of(event, LIMITS) is AlertSeverity[severity]


def test_amounts_are_compared_in_major_units_of_their_own_currency() -> None:
    dinar = replace(PROOF, currency="KWD", exponent=3, discrepancy_count=1, discrepancy_amount_minor=999_999)
    assert severity_of(replace(ANSWER, discrepancy_count=1, proofs=(dinar,)), LIMITS) is AlertSeverity.LOW


def test_the_file_of_this_project_says_what_holds_without_it(tmp_path: Path) -> None:
    path = PROJECT / "config" / "notifications.yaml"
    shipped = load_notification_rules(path, processors=["paypal", "square", "stripe"], checks=DESCRIPTIONS)
    assert shipped == NotificationRules() == load(tmp_path, "# nothing\n")


def test_by_default_operations_get_everything_but_that_a_day_is_reconciled() -> None:
    rules = NotificationRules()
    for event in ALL:
        assert told(rules, event) == [("email", "OPERATIONS_EMAIL")]
    assert told(rules, RECONCILED) == []
    assert told(rules, replace(CHECK, check_name="reconciliation_is_proven")) == []


@pytest.mark.parametrize("event", [ANSWER, FAILED, CHECK])
def test_a_day_of_a_backfill_is_told_only_by_a_rule_that_says_so(tmp_path: Path, event: Event) -> None:
    of_a_backfill = replace(event, in_backfill=True)
    assert told(NotificationRules(), of_a_backfill) == []
    says_so = load(tmp_path, "rules:\n- {name: a, channel: email, to: [A], backfills: true}")
    assert told(says_so, of_a_backfill) == told(says_so, event) == [("email", "A")]


def test_a_rule_is_met_in_every_part(tmp_path: Path) -> None:
    rules = load(
        tmp_path,
        """
        severity: {medium: {discrepancies: 2, amount: 10}}
        rules:
          - {name: finance, channel: email, to: [a@b.example, CFO], events: [run_published], quiet_when: []}
          - {name: chat, channel: chat, to: [RECON_CHAT_URL], processors: [paypal]}
          - {name: on-call, channel: paging, to: [PAGER], from_severity: high, quiet_when: [incomplete]}
        """,
    )
    assert told(rules, RECONCILED) == [("email", "a@b.example"), ("email", "CFO")]
    assert told(rules, replace(FAILED, processor="paypal")) == [("chat", "RECON_CHAT_URL"), ("paging", "PAGER")]
    assert told(rules, CHECK) == []
    assert told(rules, INCOMPLETE) == [("email", "a@b.example"), ("email", "CFO")]
    assert told(rules, AUDIT) == [("chat", "RECON_CHAT_URL"), ("paging", "PAGER")]  # of paypal's record too
    assert rules.severity.severity(discrepancies=2, amounts=[Decimal(1)]) is AlertSeverity.MEDIUM


def test_nobody_is_told_where_there_are_no_rules(tmp_path: Path) -> None:
    assert told(load(tmp_path, "rules: []\n"), ANSWER) == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "rules:\n  - {name: a, channel: fax, to: [A]}",
            r"rules\.0\.channel: .*'email', 'chat' or 'paging' \(line 2\)",
        ),
        ("rules:\n  - name: a\n    channel: email\n    to: []", r"rules\.0\.to: needs at least 1, has 0 \(line 4\)"),
        ("rules:\n- name: a\n  channel: email\n  to:\n  - A\n  - not an address", r"to\.1: .*neither .*\(line 6\)"),
        ("rules:\n- name: a\n  channel: email\n  to: ['a@b\\n']", r"to\.0: .*neither"),
        ("rules:\n- name: a\n  channel: chat\n  to: [json://x]", r"to\.0: .*neither an e-mail address nor the name"),
        ("rules:\n- name: a\n  channel: chat\n  to: [a@b.c]", r"rules\.0: .*chat takes the name of the environment"),
        ("rules:\n- {name: a, channel: email, to: [A], events: [run]}", r"rules\.0\.events\.0: .*run_published"),
        ("rules:\n- {name: a, channel: email, to: [A], from_severity: loud}", r"from_severity: .*'low', 'medium'"),
        ("rules:\n- {name: a, channel: email, to: [A], quiet_when: [good]}", r"quiet_when\.0: .*'reconciled'"),
        ("rules:\n- {name: a, channel: email, to: [A], from: low}", r"rules\.0\.from: Extra inputs .*\(line 2\)"),
        (
            "rules:\n- name: a\n  channel: email\n  to: [A]\n  processors: [stripe, adyen]",
            r"rules\.0\.processors\.1: there is no adyen; known are paypal, stripe \(line 5\)",
        ),
        (
            "rules:\n- {name: a, channel: email, to: [A], except_checks: [x]}",
            r"except_checks\.0: there is no x; known are .*ids_are_unique",
        ),
        (
            "rules:\n- {name: a, channel: email, to: [A]}\n- {name: a, channel: email, to: [B]}",
            r"rules\.1\.name: there is another rule a \(line 3\)",
        ),
        ("severity:\n  high: {discrepancies: 60, amount: 1}", r"severity: .*critical must not be reached before high"),
        ("severity: {high: {discrepancies: 1.5, amount: 1}}", r"severity\.high\.discrepancies: .*valid integer"),
        ("severity: {high: {discrepancies: 20, amount: .nan}}", r"severity\.high\.amount: .*finite"),
        ("late_after_hours: 0", r"late_after_hours: .*greater than or equal to 1 \(line 1\)"),
        ("attachments: {files: [exe]}", r"attachments\.files\.0: .*'html', 'xlsx'"),
        ("attachments: {max_kilobytes: 99999}", r"attachments\.max_kilobytes: .*less than or equal to 25000"),
        ("- a", r"the document: Input should be a mapping"),
    ],
)
def test_a_mistake_is_named_by_field_and_line(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"{error}(.|\n)*docs/notifications.md"):
        load(tmp_path, text)


def test_every_kind_of_message_has_a_type() -> None:
    assert set(TYPE_OF_KIND) == set(MessageKind)
