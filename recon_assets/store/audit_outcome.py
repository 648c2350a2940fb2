"""What a verification of the record found, kept where people and alarms see it. Not here: the verification itself."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from recon_assets.domain.messages import AuditBroken, MessageKind, plain_sentences
from recon_assets.store.audit_findings import Problem
from recon_assets.store.errors import translated_errors
from recon_assets.store.health import HealthStatus, record_health
from recon_assets.store.outbox import put_message
from recon_assets.store.tenancy import TenantConnection

COMPONENT: Final = "audit"
"""Its name in `system_health`."""


def keep_verification(connection: TenantConnection, problems: Sequence[Problem], *, at: datetime) -> None:
    """Write the state of `audit`, and a message when something is wrong, in one transaction.

    The same findings are told once a day of `at`, which is in UTC.
    """
    with translated_errors("keeping what a verification found"), connection.transaction():
        record_health(
            connection,
            component=COMPONENT,
            status=HealthStatus.DOWN if problems else HealthStatus.HEALTHY,
            reason=f"{len(problems)} findings of `recon audit verify`" if problems else None,
        )
        if problems:
            _tell(connection, problems, at=at)


def _tell(connection: TenantConnection, problems: Sequence[Problem], *, at: datetime) -> None:
    sentences = [f"{problem.check}, {problem.where}: {problem.what}" for problem in problems]
    broken = AuditBroken(at.date(), len(problems), plain_sentences(sentences))
    payload = msgspec.to_builtins(broken)
    assert isinstance(payload, dict), "a message is a mapping"
    digest = hashlib.sha256(msgspec.json.encode(sentences)).hexdigest()[:16]
    put_message(
        connection,
        MessageKind.AUDIT_BROKEN,
        run_id=None,
        dedupe_key=f"{at.date()}:{digest}",
        payload=payload,
    )
