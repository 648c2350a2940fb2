"""Many messages under random faults, by a seed: none is lost, and there are as many copies as answers that got lost."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest

from recon_assets.domain.messages import ArchiveWaiting, MessageKind
from recon_assets.resources.record import Record
from recon_assets.settings import Settings
from recon_assets.store.outbox import put_message
from recon_assets_tests.notifications.mail_server import DROP, DROP_AFTER, HANG, PASSWORD, MailServer, Plan
from recon_assets_tests.notifications.told import OPERATIONS, Teller, mail_settings
from recon_assets_tests.store.builders import DAY
from recon_assets_tests.store.tls_server import Authority

SEED = 20_261_129
MESSAGES = 25
FAULTY_SHARE = 0.12
"""Of the answers at each stage, in twice as many sessions as there are messages."""

PLANS: dict[str, list[Plan]] = {
    "EHLO": [DROP, HANG],
    "MAIL": ["451 later", DROP],
    "RCPT": ["450 greylisted", "421 closing", DROP, HANG],
    "DATA": ["452 full", DROP_AFTER, DROP_AFTER],
}


@pytest.fixture
def teller(
    settings: Settings, connection, mail_server: MailServer, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Teller]:
    monkeypatch.setenv("EMAIL_PASSWORD", PASSWORD)
    monkeypatch.setenv("OPERATIONS_EMAIL", OPERATIONS)
    own = mail_settings(settings, mail_server, authority.certificate, smtp_timeout_s=0.4)
    with closing(Record(own)) as record:
        yield Teller(own, record, connection)


def campaign(teller: Teller, mail_server: MailServer, *, messages: int, seed: int) -> Counter[str]:
    """Tell until nothing waits, each round under some faults; returns what was counted."""
    generator = random.Random(seed)
    with teller.connection.transaction():
        for number in range(messages):
            payload = msgspec.to_builtins(ArchiveWaiting("stripe", DAY, f"reason {number}"))
            put_message(
                teller.connection, MessageKind.ARCHIVE_WAITING, run_id=None, dedupe_key=str(number), payload=payload
            )
    counted: Counter[str] = Counter()
    for _ in range(2 * messages):
        for stage, plans in PLANS.items():
            plan = generator.choice(plans) if generator.random() < FAULTY_SHARE else None
            mail_server.plan(stage, plan)
            counted["planned faults"] += plan is not None
    while counted["rounds"] == 0 or any(state == "pending" for _, state in teller.states()):
        done = teller.round().round
        counted["rounds"] += 1
        counted["delivered"] += done.delivered
        counted["lost answers"] += done.may_have_arrived
        assert counted["rounds"] < 20 * messages, "it ends"
    ids = Counter(mail.id for mail in mail_server.received)
    counted["ids"] = len(ids)
    counted["copies"] = ids.total() - len(ids)
    counted["texts"] = len({mail.part("plain") for mail in mail_server.received})
    return counted


def test_under_random_faults_nothing_is_lost_and_copies_are_counted(teller: Teller, mail_server: MailServer) -> None:
    counted = campaign(teller, mail_server, messages=MESSAGES, seed=SEED)
    assert counted["delivered"] == counted["ids"] == counted["texts"] == MESSAGES, counted
    assert counted["copies"] == counted["lost answers"] > 0, counted
    assert {state for _, state in teller.states()} == {"delivered"}
