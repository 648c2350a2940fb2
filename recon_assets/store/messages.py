"""The facts of messages: what the record knows of an answer, an attempt or a check that is to be told.

Each is written in the transaction of what it tells, so its figures are those of the record. Not here: keeping and
taking messages (`outbox`), what they look like (`domain.messages`).
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

from recon_assets.domain.checks import CheckOutcome
from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.messages import (
    Amounts,
    Change,
    CheckFailed,
    ClassFigures,
    MessageKind,
    Money,
    RunFailed,
    RunPublished,
    plain,
    plain_sentences,
)
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.verdict import Verdict
from recon_assets.schemas.currencies import exponent_of
from recon_assets.store.outbox import put_message
from recon_assets.store.tenancy import TenantConnection

MAX_RULES: Final = 20
"""Broken rules of one check that a message names, those with the most violations first."""

_BY_CLASS: Final = """
    SELECT legs.class, legs.currency, sum(legs.counted), sum(abs(legs.minor))
    FROM (
        SELECT d.class, d.currency, 1 AS counted, d.amount_minor::numeric AS minor FROM discrepancies AS d
        WHERE d.run_id = %(run_id)s AND d.business_date = %(date)s
        UNION ALL
        -- the other leg of a mismatch of currencies lies in the ledger's, as in the proofs
        SELECT d.class, d.ledger_currency, 0, d.ledger_amount_minor::numeric FROM discrepancies AS d
        WHERE d.run_id = %(run_id)s AND d.business_date = %(date)s AND d.class = 'currency_mismatch'
    ) AS legs
    GROUP BY legs.class, legs.currency ORDER BY legs.class, legs.currency
"""

_BEFORE: Final = """
    SELECT
        (
            SELECT r.id FROM reconciliation_runs AS r
            WHERE r.processor_name = %(processor)s AND r.run_date = %(date)s AND r.status = 'completed'
                AND r.id <> %(run_id)s
            ORDER BY r.version DESC LIMIT 1
        ) AS older, before.run_date AS since, before.id AS before
    FROM (VALUES (1)) AS once (row)
    LEFT JOIN (
        SELECT r.id, r.run_date FROM reconciliation_runs AS r
        WHERE r.processor_name = %(processor)s AND r.run_date < %(date)s AND r.is_current AND r.status = 'completed'
        ORDER BY r.run_date DESC LIMIT 1
    ) AS before ON TRUE
"""

# FULL joins are hashed whatever the planner believes of tables that have just grown; coalesce keeps them FULL.
_CHANGE: Final = """
    WITH after AS MATERIALIZED (
        SELECT d.discrepancy_id, d.currency, d.exponent, d.amount_minor FROM discrepancies AS d
        WHERE d.run_id = %(run_id)s AND d.business_date = %(date)s AND d.outcome = 'discrepancy'
    ), of_day_before AS MATERIALIZED (
        SELECT o.discrepancy_id, o.currency, scale(o.amount) AS exponent, o.amount_minor, o.is_overdue
        FROM v_open_discrepancies AS o WHERE o.processor_name = %(processor)s AND o.business_date = %(since)s
    ), known AS MATERIALIZED (
        SELECT d.discrepancy_id FROM discrepancies AS d
        WHERE d.run_id = %(older)s AND d.business_date = %(date)s AND d.outcome = 'discrepancy'
        UNION
        SELECT b.discrepancy_id FROM of_day_before AS b WHERE NOT b.is_overdue OR %(older)s::uuid IS NOT NULL
    ), changes AS MATERIALIZED (
        SELECT CASE WHEN k.discrepancy_id IS NULL THEN 'new' ELSE 'persisting' END AS change, 'after' AS answer,
            a.discrepancy_id, a.currency, a.exponent, a.amount_minor
        FROM after AS a FULL JOIN known AS k ON k.discrepancy_id = a.discrepancy_id
        WHERE coalesce(a.discrepancy_id IS NOT NULL, FALSE)
        UNION ALL
        SELECT CASE WHEN b.is_overdue AND %(older)s::uuid IS NULL THEN 'new' ELSE 'persisting' END, 'before',
            b.discrepancy_id, b.currency, b.exponent, b.amount_minor
        FROM of_day_before AS b FULL JOIN after AS a ON a.discrepancy_id = b.discrepancy_id
        WHERE coalesce(a.discrepancy_id IS NULL, FALSE)
        UNION ALL
        SELECT 'resolved', 'older', e.discrepancy_id, e.old_value ->> 'currency', NULL,
            (e.old_value ->> 'amount_minor')::bigint
        FROM discrepancy_events AS e
        WHERE e.run_id = %(run_id)s AND e.event = 'resolved' AND e.old_value ->> 'outcome' = 'discrepancy'
    ), mismatches AS MATERIALIZED (
        SELECT 'after' AS answer, d.discrepancy_id, d.ledger_currency, d.ledger_amount_minor FROM discrepancies AS d
        WHERE d.run_id = %(run_id)s AND d.business_date = %(date)s AND d.class = 'currency_mismatch'
        UNION ALL
        SELECT 'before', d.discrepancy_id, d.ledger_currency, d.ledger_amount_minor FROM discrepancies AS d
        WHERE d.run_id = %(before)s AND d.business_date = %(since)s AND d.class = 'currency_mismatch'
        UNION ALL
        SELECT 'older', d.discrepancy_id, d.ledger_currency, d.ledger_amount_minor FROM discrepancies AS d
        WHERE d.run_id = %(older)s AND d.business_date = %(date)s AND d.class = 'currency_mismatch'
    ), legs AS (
        SELECT c.change, 1 AS counted, c.currency, c.exponent, c.amount_minor FROM changes AS c
        UNION ALL
        -- the other leg of a mismatch of currencies lies in the ledger's, as in the proofs
        SELECT c.change, 0, m.ledger_currency, NULL, m.ledger_amount_minor
        FROM changes AS c FULL JOIN mismatches AS m ON m.answer = c.answer AND m.discrepancy_id = c.discrepancy_id
        WHERE coalesce(c.answer = m.answer, FALSE)
    )
    SELECT l.change, l.currency, max(l.exponent), sum(l.counted), sum(abs(l.amount_minor::numeric)) FROM legs AS l
    GROUP BY l.change, l.currency ORDER BY l.change, l.currency
"""


def tell_run_published(
    connection: TenantConnection, *, run_id: UUID, conclusion: Conclusion, version: int, in_backfill: bool
) -> None:
    """Put the message about an answer whose rows, events and matches are written and whose run is the current one."""
    facts = {"run_id": run_id, "processor": conclusion.processor, "date": conclusion.business_date}
    places = {proof.currency: proof.exponent for proof in conclusion.proofs}
    payload = run_published_payload(
        conclusion,
        version=version,
        by_class=_by_class(connection.execute(_BY_CLASS, facts).fetchall(), places),
        change=None if conclusion.verdict is Verdict.INCOMPLETE else _change(connection, facts, places),
        in_backfill=in_backfill,
    )
    put_message(connection, MessageKind.RUN_PUBLISHED, run_id=run_id, payload=payload)


def run_published_payload(
    conclusion: Conclusion,
    *,
    version: int,
    by_class: tuple[ClassFigures, ...],
    change: Change | None,
    in_backfill: bool = False,
) -> dict[str, Any]:
    """Every figure that a message about the answer shows, `domain.messages.RunPublished` as JSON takes it."""
    risk = conclusion.risk
    return _as_json(
        RunPublished(
            processor=conclusion.processor,
            business_date=conclusion.business_date,
            version=version,
            verdict=conclusion.verdict,
            discrepancy_count=conclusion.discrepancy_count,
            pending_count=conclusion.pending_count,
            processor_transactions=conclusion.processor_transactions,
            ledger_entries=conclusion.ledger_entries,
            matched=conclusion.matched,
            by_class=by_class,
            proofs=conclusion.proofs,
            risk_level=risk.level.name,
            compliance=risk.compliance,
            discrepancy_rate=_text(risk.discrepancy_rate),
            value_at_risk_rate=_text(risk.value_at_risk_rate),
            incomplete_reasons=plain_sentences(conclusion.incomplete_reasons),
            causes=plain_sentences([cause.sentence for cause in conclusion.causes]),
            change=change,
            in_backfill=in_backfill,
        )
    ) | {"residuals": _residuals(conclusion.proofs)}


def run_failed_payload(
    *, processor: str, business_date: date, stage: str, reason: str, version: int, in_backfill: bool = False
) -> dict[str, Any]:
    """`domain.messages.RunFailed` as JSON takes it."""
    return _as_json(RunFailed(processor, business_date, stage, plain(reason), version, in_backfill))


def tell_check_failed(
    connection: TenantConnection,
    outcome: CheckOutcome,
    *,
    asset_key: str,
    processor: str,
    business_date: date,
    in_backfill: bool,
) -> None:
    """Put the message about a check that did not pass. The same failure of the same day is told once, by any run."""
    worst = sorted(outcome.failed_rules.items(), key=lambda rule: (-rule[1], rule[0]))
    failed = CheckFailed(
        processor=processor,
        business_date=business_date,
        asset_key=asset_key,
        check_name=outcome.name,
        severity=outcome.severity,
        description=plain(outcome.description),
        rows_checked=outcome.rows_checked,
        failed_rules={plain(rule): count for rule, count in worst[:MAX_RULES]},
        in_backfill=in_backfill,
    )
    violations = hashlib.sha256(msgspec.json.encode([worst, outcome.severity])).hexdigest()[:16]
    put_message(
        connection,
        MessageKind.CHECK_FAILED,
        run_id=None,
        dedupe_key=f"{processor}:{business_date}:{asset_key}:{outcome.name}:{violations}",
        payload=_as_json(failed),
    )


def _by_class(rows: Iterable[tuple[str, str, int, Decimal]], places: Mapping[str, int]) -> tuple[ClassFigures, ...]:
    """A currency with nothing of the class, such as that of a record without an amount, is left out."""
    counts: defaultdict[DiscrepancyClass, int] = defaultdict(int)
    money: defaultdict[DiscrepancyClass, list[Money]] = defaultdict(list)
    for word, currency, count, minor in rows:
        kind = DiscrepancyClass(word)
        counts[kind] += int(count)
        money[kind].append(_money(currency, minor, places))
    in_order = [kind for kind in DiscrepancyClass if kind in counts]
    return tuple(ClassFigures(kind, counts[kind], tuple(money[kind])) for kind in in_order)


def _change(connection: TenantConnection, facts: Mapping[str, object], places: Mapping[str, int]) -> Change:
    ((older, since, before_run),) = connection.execute(_BEFORE, facts).fetchall()
    parameters = {**facts, "older": older, "since": since, "before": before_run}
    found: defaultdict[str, Amounts] = defaultdict(Amounts)
    for word, currency, exponent, count, minor in connection.execute(_CHANGE, parameters):
        before = found[word]
        found[word] = Amounts(before.count + int(count), (*before.money, _money(currency, minor, places, exponent)))
    return Change(
        since=since,
        new=found["new"],
        resolved=found["resolved"],
        persisting=found["persisting"],
        is_of_older_answer=older is not None,
    )


def _money(currency: str, minor: Decimal, places: Mapping[str, int], exponent: int | None = None) -> Money:
    """Places are those of its rows, else of the day's proofs; money of other days that is gone has ISO 4217's."""
    known = (exponent, places.get(currency), exponent_of(currency), 0)
    return Money(currency, next(number for number in known if number is not None), int(minor))


def _residuals(proofs: Iterable[CurrencyProof]) -> dict[str, int]:
    """In minor units by currency, for whoever reads the message in SQL."""
    return {proof.currency: proof.residual_minor for proof in proofs}


def _text(rate: Decimal | None) -> str | None:
    return None if rate is None else str(rate)


def _as_json(message: object) -> dict[str, Any]:
    found = msgspec.to_builtins(message)
    assert isinstance(found, dict), "a message is a mapping"
    return found
