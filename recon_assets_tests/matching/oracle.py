"""The rule book in plain Python: what the answer of a day is, and what matches across days.

Written from docs/matching.md, by brute force, with no engine: what the stages are held against. The steps of the
passes are in `oracle_steps`.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from recon_assets.domain.conclusion import PassMatches
from recon_assets.domain.discrepancies import DiscrepancyClass, Outcome
from recon_assets.domain.records import Movement, Side
from recon_assets.matching.rule_values import KeyColumn
from recon_assets.matching.rules import MatchingRules, Pass
from recon_assets_tests.matching.frames import Record
from recon_assets_tests.matching.oracle_steps import (
    Found,
    Item,
    Match,
    by_groups,
    by_identity,
    by_score,
    by_suggestion,
    key_of,
    suggested_by_key,
    takes,
)

Columns = tuple[KeyColumn, ...]


class Row(NamedTuple):
    """One row of the discrepancies, as far as the rule book says what is in it."""

    kind: str
    side: str
    processor_seq: int | None
    ledger_seq: int | None
    amount_minor: int
    rule: str | None = None
    differs: str | None = None
    due_on: date | None = None
    fee_difference_minor: int | None = None


@dataclass(frozen=True)
class ExpectedDay:
    """The answer of a day without its neighbours."""

    rows: Counter[Row]
    matched_by_pass: Mapping[str, PassMatches]
    open_records: set[tuple[str, int]]


class OpenRecord(NamedTuple):
    """A record that its day left alone; `address` is whatever tells it from the others of its day and side."""

    side: Side
    address: object
    record: Record


class AcrossDays(NamedTuple):
    """Two open records of different days that match."""

    processor_date: date
    processor: object
    ledger_date: date
    ledger: object
    rule: str


def expected_day(
    transactions: Sequence[Record],
    ledger_entries: Sequence[Record],
    rules: MatchingRules,
    *,
    business_date: date,
    newest_date: date | None = None,
    concluded: Sequence[Record] | None = None,
) -> ExpectedDay:
    """What the rule book says of one day, before anything matches across days."""
    left = {Item(Side.PROCESSOR, seq, record) for seq, record in enumerate(transactions)}
    left |= {Item(Side.LEDGER, seq, record) for seq, record in enumerate(ledger_entries)}
    matches, fates, torn = list[Match](), dict[Item, str](), set[tuple[Item, Item]]()
    asked_again = list[tuple[Pass, Columns]]()
    for rule in rules.passes:
        for columns in rule.keys or ((),):
            found = _step(rule, columns, left)
            matches += [Match(rule, ours, theirs, is_group=rule.group_by is not None) for ours, theirs in found.matches]
            fates |= found.fates
            torn |= found.torn
            left -= {item for match in found.matches for side in match for item in side} | found.fates.keys()
            if found.has_ties:
                asked_again.append((rule, columns))
    for rule, columns in asked_again:
        tied = suggested_by_key(rule, _keyed(rule, columns, left))
        fates |= {item: "ambiguous" for pair in tied for item in pair}
    fates |= {item: "ambiguous" for item, other in torn if item in left and other in left}
    alone = left - fates.keys()
    rows = [row for match in matches for row in _rows_of_match(match, rules)]
    rows += [_row_of_fate(item, fate) for item, fate in fates.items()]
    rows += [
        _row_of_lone(item, rules, business_date, max(business_date, newest_date or business_date)) for item in alone
    ]
    if concluded is not None and rules.restated:
        rows += _restated(concluded, transactions)
    return ExpectedDay(
        rows=Counter(rows),
        matched_by_pass={
            rule.name: _count([m for m in matches if m.rule is rule and _agrees(m, rules)]) for rule in rules.passes
        },
        open_records={(item.side.value, item.seq) for item in alone},
    )


def _keyed(rule: Pass, columns: Columns, left: set[Item]) -> dict[Item, tuple[str, ...]]:
    keys = {item: key_of(item, rule, columns) for item in left}
    return {item: key for item, key in keys.items() if key is not None}


def _step(rule: Pass, columns: Columns, left: set[Item]) -> Found:
    if rule.scored is not None:
        return by_score(rule, [item for item in left if takes(rule, item)])
    if rule.cardinality != "one_to_one":
        return by_groups(rule, _keyed(rule, columns, left))
    return (by_identity if rule.differs == "report" else by_suggestion)(rule, _keyed(rule, columns, left))


def _agrees(match: Match, rules: MatchingRules) -> bool:
    """Whether the match is no discrepancy."""
    return all(DiscrepancyClass(row.kind).outcome is not Outcome.DISCREPANCY for row in _rows_of_match(match, rules))


def _count(matches: list[Match]) -> PassMatches:
    return PassMatches(
        matches=len(matches),
        processor_records=sum(len(match.processor) for match in matches),
        ledger_records=sum(len(match.ledger) for match in matches),
    )


def _rows_of_match(match: Match, rules: MatchingRules) -> list[Row]:
    unclassified = [item for item in match.processor if item.record.movement == Movement.UNCLASSIFIED]
    if match.is_group:
        return [Row("unclassified", "processor", item.seq, None, 0, match.rule.name) for item in unclassified]
    (ours,), (theirs,) = match.processor, match.ledger
    one, other, difference = ours.record, theirs.record, ours.record.amount_minor - theirs.record.amount_minor
    named, same_currency = [], one.currency == other.currency
    if not same_currency:
        named.append(("currency_mismatch", "currency"))
    within = match.rule.amount.tolerance.accepts(processor_minor=one.amount_minor, ledger_minor=other.amount_minor)
    if same_currency and not within:
        named.append(("amount_mismatch", "amount"))
    status, fee = one.status != other.status, _fee_difference(one, other, rules) if same_currency else None
    classes = [kind for kind, _ in named] + ["status_mismatch"] * status + ["fee_mismatch"] * (fee is not None)
    if same_currency and within and difference:
        named.append(("matched_in_tolerance", "amount"))
        classes.append("matched_in_tolerance")
    words = [word for _, word in named] + ["status"] * status + ["fee"] * (fee is not None)
    classes += ["unclassified"] * len(unclassified)
    if not classes:
        return []
    amount = difference if same_currency else one.amount_minor
    differs = ",".join(words) or None
    return [Row(classes[0], "processor", ours.seq, theirs.seq, amount, match.rule.name, differs, None, fee)]


def _fee_difference(one: Record, other: Record, rules: MatchingRules) -> int | None:
    """The processor's fee less the expected one, None where they agree or nobody stated one."""
    if one.fee_minor is None:
        return None
    if other.fee_minor is not None:
        return (one.fee_minor - other.fee_minor) or None
    if rules.fees is None or one.amount_minor <= 0 or one.movement not in {None, Movement.PAYMENT}:
        return None
    expected = rules.fees.expected_minor(one.amount_minor, currency=one.currency)
    if expected is None or abs(one.fee_minor - expected) <= rules.fees.tolerance_minor:
        return None
    return one.fee_minor - expected


def _row_of_alone(item: Item, at_processor: str, in_ledger: str, due_on: date | None = None) -> Row:
    if item.side is Side.PROCESSOR:
        return Row(at_processor, "processor", item.seq, None, item.record.amount_minor, due_on=due_on)
    return Row(in_ledger, "ledger", None, item.seq, -item.record.amount_minor, due_on=due_on)


def _row_of_fate(item: Item, fate: str) -> Row:
    if fate == "ambiguous":
        return _row_of_alone(item, fate, fate)
    return _row_of_alone(item, "duplicate_at_processor", "duplicate_in_ledger")


def _row_of_lone(item: Item, rules: MatchingRules, business_date: date, newest_date: date) -> Row:
    due_on = rules.due_on(Side.LEDGER if item.side is Side.PROCESSOR else Side.PROCESSOR, business_date=business_date)
    waits = "pending" if due_on > newest_date else "missing"
    return _row_of_alone(
        item, f"{waits}_in_ledger", f"{waits}_at_processor", due_on if due_on > business_date else None
    )


def _restated(before: Sequence[Record], now: Sequence[Record]) -> list[Row]:
    def known(frame: Sequence[Record]) -> dict[tuple[str, int], tuple[int, Record]]:
        seen, by_id = Counter[str](), {}
        for seq, record in sorted(enumerate(frame), key=lambda item: (*values(item[1]), item[0])):
            name = record.record_id or record.transaction_id
            seen[name] += 1
            by_id[name, seen[name]] = (seq, record)
        return by_id

    def values(record: Record) -> tuple[Any, ...]:
        fee = (record.fee_minor is None, record.fee_minor or 0)
        return record.instant, record.currency, record.amount_minor, record.status, fee

    rows, today = [], known(now)
    for name, (seq, record) in known(before).items():
        if name not in today:
            rows.append(Row("restated", "processor", seq, None, 0, differs="gone"))
            continue
        seq_now, other = today[name]
        parts = {"currency": "currency", "amount": "amount_minor", "status": "status", "fee": "fee_minor"}
        changed = [word for word, column in parts.items() if getattr(record, column) != getattr(other, column)]
        if changed:
            rows.append(Row("restated", "processor", seq_now, None, 0, differs=",".join(changed)))
    return rows


def expected_across_days(open_records: Mapping[date, Sequence[OpenRecord]], rules: MatchingRules) -> set[AcrossDays]:
    """What matches among the open records of several days."""
    best: defaultdict[tuple[date, Side, object], list[AcrossDays]] = defaultdict(list)
    everything = [(day, record) for day, records in open_records.items() for record in records]
    settled = set[tuple[date, Side, object]]()
    for rule in rules.passes:
        if rule.dates is None or not rule.keys or rule.cardinality != "one_to_one":
            continue
        for columns in rule.keys:
            reached = set()
            for candidate in _candidates_across(everything, rule, columns, rules):
                for end in _ends(candidate):
                    if end not in settled:
                        best[end].append(candidate)
                        reached.add(end)
            settled |= reached
    alone = {end: found[0] for end, found in best.items() if len(found) == 1}
    return {found for found in alone.values() if all(alone.get(end) is found for end in _ends(found))}


def _ends(match: AcrossDays) -> tuple[tuple[date, Side, object], ...]:
    return ((match.processor_date, Side.PROCESSOR, match.processor), (match.ledger_date, Side.LEDGER, match.ledger))


def _candidates_across(
    everything: list[tuple[date, OpenRecord]], rule: Pass, columns: Columns, rules: MatchingRules
) -> list[AcrossDays]:
    def alike(found: OpenRecord) -> tuple[object, ...] | None:
        key = key_of(Item(found.side, 0, found.record), rule, columns)
        return key and (key, found.record.currency, found.record.amount_minor, found.record.status)

    assert rule.dates is not None
    known = [(day, record, alike(record)) for day, record in everything]
    candidates = []
    for day, ours, its in known:
        if ours.side is Side.LEDGER or its is None:
            continue
        first, last = rule.dates.ledger_dates(day, holidays=rules.holidays)
        candidates += [
            AcrossDays(day, ours.address, other_day, theirs.address, rule.name)
            for other_day, theirs, other in known
            if theirs.side is Side.LEDGER and other == its and first <= other_day <= last and other_day != day
        ]
    return candidates
