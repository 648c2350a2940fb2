"""An explanation as sentences, for `recon explain`. What is said is decided elsewhere; here is how."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from recon_assets.domain.records import Side
from recon_assets.matching.explanation import MatchKind, MatchOf, Other, RowOf, Seen, Tried
from recon_assets.schemas.currencies import money_text

if TYPE_CHECKING:
    from recon_assets.cli.explain import AcrossDays, Search, Told
    from recon_assets.cli.raw_records import RawShown
    from recon_assets.matching.evidence_files import Record

RULE_CHARACTERS: Final = 12
_NAME_OF_SIDE: Final = {Side.PROCESSOR: "transaction", Side.LEDGER: "ledger entry"}
_OF_SIDE: Final = {Side.PROCESSOR: "at the processor", Side.LEDGER: "in the ledger"}
_OTHER: Final = {Side.PROCESSOR: Side.LEDGER, Side.LEDGER: Side.PROCESSOR}
_HOW: Final = {
    MatchKind.CLEAN: "its key stands once on each side and all agrees",
    MatchKind.ALIKE: "alike in currency, amount and status; with equal ones of its key, in order of time",
    MatchKind.EQUAL: "the only ones of their key, currency and amount",
    MatchKind.NEAR: "each the other's only candidate within the tolerance",
    MatchKind.DIFFERING: "the only ones left of their key, though they differ",
    MatchKind.GROUP: "the sum of the group and the single record are the only ones of their key and amount",
    MatchKind.SCORED: "the best score of both, with a clear margin",
}


def print_search(search: "Search") -> None:
    """All that was found, the newest day first."""
    from recon_assets.cli.console import open_console

    console = open_console()
    for number, told in enumerate(search.told):
        if number:
            console.print()
        for line in _lines(told):
            console.print(line, markup=False, soft_wrap=True)
    if search.has_more:
        console.print(f"\nMore records have this id: the first {len(search.told)} are shown.")
    if search.not_searched:
        days = ", ".join(str(day) for day, _ in search.not_searched[:5])
        console.print(f"\n{len(search.not_searched)} days were not searched, their files are gone: {days}")


def _lines(told: "Told") -> Iterator[str]:
    explained = told.explanation
    rules = (told.rule_version or "")[:RULE_CHARACTERS]
    yield f"{told.processor} {explained.business_date} (version {told.version}, {told.verdict}, rules {rules})"
    for reason in told.incomplete_reasons:
        yield f"  not concluded: {reason}"
    if explained.record is None:
        yield "  The processor took this transaction back: an answer before had it, and has its raw record."
    else:
        yield f"  {_described(explained.record)}"
    for row in explained.rows:
        yield f"  {_row(row)}"
    if explained.match is not None:
        yield from _match(explained.match)
    elif explained.record is not None:
        yield from _why_alone(told)
    yield from (f"  {_across(one)}" for one in told.across_days)
    yield from _life(told)
    for side, raw in told.raw_records:
        yield from _raw(side, raw)


def _described(record: "Record") -> str:
    ids = {
        "record id": record.record_id,
        "reference": record.reference_number,
        "order": record.order_id,
        "payout": record.payout_id,
        "merchant": record.merchant_id,
        "type": record.transaction_type,
    }
    fee = f", fee {money_text(record.fee_minor, record.currency)}" if record.fee_minor is not None else ""
    named = "".join(f", {name} {value}" for name, value in ids.items() if value is not None)
    amount = money_text(record.amount_minor, record.currency)
    return (
        f"{_NAME_OF_SIDE[record.side]} {record.transaction_id}: {amount}{fee}, {record.status},"
        f" {record.occurred_at:%Y-%m-%d %H:%M:%S} UTC{named}"
    )


def _row(row: RowOf) -> str:
    amount = money_text(row.amount_minor, row.currency)
    parts = [f"{row.kind} ({row.outcome}, priority {row.priority}): {amount}"]
    if row.differs:
        parts.append(f"differs in {row.differs.replace(',', ', ')}")
    if row.fee_difference_minor is not None:
        parts.append(f"fee difference {money_text(row.fee_difference_minor, row.currency)}")
    if row.due_on:
        parts.append(f"due on {row.due_on}")
    if row.counterpart_date:
        parts.append(f"its counterpart is of {row.counterpart_date}")
    return f"{', '.join(parts)}; discrepancy {row.discrepancy_id}"


def _match(match: MatchOf) -> Iterator[str]:
    yield f"  matched by pass {_step(match.pass_name, match.step, match.keys)}: {_HOW[match.kind]}"
    yield from (f"    with {_described(other)}" for other in match.others)
    if match.other_count > len(match.others):
        yield f"    with {match.other_count - len(match.others)} more"
    yield from (f"    together with {_described(other)}" for other in match.beside)
    if match.beside_count > len(match.beside):
        yield f"    together with {match.beside_count - len(match.beside)} more"


def _why_alone(told: "Told") -> Iterator[str]:
    explained = told.explanation
    assert explained.record is not None
    if explained.is_unclear:
        yield "  The files of this answer have neither a match nor a row of it: they are not those it was given with."
    yield "  No pass matched it on its day:"
    yield from (f"    {_tried(tried, explained.record.side)}" for tried in explained.tried)
    for refused in explained.refused:
        score = "" if refused.score is None else f" with score {refused.score}"
        said = "tied, so refused" if refused.decision == "tied" else "only suggested"
        step = f"{refused.pass_name}, alternative {refused.step}"
        yield f"    candidate {said}{score} by {step}: {_described(refused.other)}"
    if explained.refused_count > len(explained.refused):
        yield f"    {explained.refused_count - len(explained.refused)} more candidates"


def _tried(tried: Tried, side: Side) -> str:
    step = _step(tried.pass_name, tried.step, tried.keys)
    there = _OF_SIDE[_OTHER[side]]
    match tried.seen:
        case Seen.FILTERED:
            return f"{step}: its `where` leaves the record out"
        case Seen.NO_KEY:
            return f"{step}: a column of its key is empty"
        case Seen.NOTHING_HAS_ITS_KEY:
            return f"{step}: nothing {there} has its key"
        case Seen.SCORES:
            return f"{step}: no candidate was clearly the best of both"
        case Seen.OTHERS_HAVE_ITS_KEY:
            named = "; ".join(map(_fate, tried.examples))
            return (
                f"{step}: {tried.others} {there} with its key, {tried.equal} of equal currency and amount: {named}"
                + (" …" if tried.others > len(tried.examples) else "")
            )


def _fate(other: Other) -> str:
    record = other.record
    fate = f"matched by {other.by_pass}" if other.fate == "matched" else other.fate
    return f"{record.transaction_id} of {money_text(record.amount_minor, record.currency)}, {fate}"


def _across(one: "AcrossDays") -> str:
    match = one.match
    other = (
        _described(one.record)
        if one.record
        else f"a record whose files are gone ({money_text(match.amount_minor, match.currency)})"
    )
    return (
        f"matched across days by pass {match.pass_name} with {one.business_date}, {other};"
        f" found {match.found_at:%Y-%m-%d %H:%M} UTC by rules {match.rule_version[:RULE_CHARACTERS]}"
    )


def _life(told: "Told") -> Iterator[str]:
    before = None
    for one in told.life.appearances:
        state = (one.discrepancy_id, one.kind, one.amount_minor, one.currency)
        if state != before:
            yield (
                f"  {one.answered_at:%Y-%m-%d %H:%M} UTC, version {one.version}: {one.kind},"
                f" {money_text(one.amount_minor, one.currency)}"
            )
        before = state
    for event in told.life.events:
        was, now = (value["class"] if value else "-" for value in (event.old_value, event.new_value))
        yield (
            f"  {event.event_time:%Y-%m-%d %H:%M} UTC, {event.event} by the answer of {event.by_answer_of}"
            f" (version {event.by_version}): {was} -> {now}"
        )


def _raw(side: Side, raw: "RawShown") -> Iterator[str]:
    yield f"  raw record {_OF_SIDE[side]}: {raw.raw_file}, record {raw.record_number}"
    if raw.text is None:
        yield f"    not shown: {raw.why_not}"
        return
    if raw.header is not None:
        yield f"    {raw.header}"
    yield from (f"    {line}" for line in raw.text.splitlines())
    if raw.doubt is not None:
        yield f"    {raw.doubt}"


def _step(name: str, number: int, keys: tuple[tuple[str, str], ...]) -> str:
    if not keys:
        return name
    columns = ", ".join(ours if ours == theirs else f"{ours} = {theirs}" for ours, theirs in keys)
    return f"{name} ({columns})" if number == 1 else f"{name}, alternative {number} ({columns})"
