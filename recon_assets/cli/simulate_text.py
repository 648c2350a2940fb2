"""A simulation as sentences and tables, for `recon simulate`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from recon_assets.schemas.currencies import money_text

if TYPE_CHECKING:
    from recon_assets.cli.simulate import Simulated, SimulatedDay
    from recon_assets.domain.conclusion import PassMatches
    from recon_assets.matching.simulate import MatchChange, RowChange, RowDetail

SHORT_VERSION_CHARACTERS = 12
SHOWN_LEFT_OUT = 10


def print_simulated(simulated: "Simulated") -> None:
    """Each day, then the sums of each processor, then the days that were left out."""
    from recon_assets.cli.console import open_console

    console = open_console()
    for line in _lines(simulated):
        console.print(line, markup=False, soft_wrap=True)


def _lines(simulated: "Simulated") -> Iterator[str]:
    for day in simulated.days:
        yield from _day(day)
    for processor, version in simulated.rule_versions.items():
        days = [day for day in simulated.days if day.processor == processor]
        if not days:
            continue
        changed = sum(bool(day.change.rows or day.change.matches) for day in days)
        rules = version[:SHORT_VERSION_CHARACTERS]
        yield f"{processor}, {len(days)} days in total by rules {rules}: {changed} would change"
        yield from _changes(simulated.rows[processor], simulated.matches[processor])
    for left_out in simulated.left_out[:SHOWN_LEFT_OUT]:
        yield f"{left_out.processor} {left_out.business_date} is left out: {left_out.reason}"
    if len(simulated.left_out) > SHOWN_LEFT_OUT:
        yield f"{len(simulated.left_out) - SHOWN_LEFT_OUT} more days are left out"
    yield "Nothing was changed. Rows `restated` are not simulated."


def _day(day: "SimulatedDay") -> Iterator[str]:
    change = day.change
    verdict = f"{change.verdict_before} -> {change.verdict_after}"
    if change.verdict_before == change.verdict_after:
        verdict = f"{change.verdict_after} as before"
    yield f"{day.processor} {change.business_date}: {verdict}"
    if day.is_older:
        yield "  its answer is older than what its own rules find now: run it again"
    matched = _passes(change.matched_before), _passes(change.matched_after)
    yield f"  matched: {matched[0]}" if matched[0] == matched[1] else f"  matched: {matched[0]} -> {matched[1]}"
    yield from _changes(change.rows, change.matches)
    yield from (f"    {_detail(row)}" for row in change.details)


def _passes(matched: "Mapping[str, PassMatches]") -> str:
    return ", ".join(f"{name} {found.matches:,}" for name, found in matched.items())


def _changes(rows: "Sequence[RowChange]", matches: "Sequence[MatchChange]") -> Iterator[str]:
    for match in matches:
        passes = _from_to(match.pass_before, match.pass_after, nothing="not matched")
        yield (
            f"  {match.transactions:,} transactions {passes}, {money_text(match.gross_minor, match.currency)}"
            + ("" if match.pass_before != match.pass_after else " with other records")
        )
    for row in rows:
        money = _from_to(
            money_text(row.gross_before_minor, row.currency) if row.class_before else None,
            money_text(row.gross_after_minor, row.currency) if row.class_after else None,
            nothing="-",
        )
        yield f"  {row.change}: {row.count:,} rows {_from_to(row.class_before, row.class_after, nothing='-')}, {money}"
    if not rows and not matches:
        yield "  nothing would change"


def _detail(row: "RowDetail") -> str:
    before, after = (
        None if minor is None else money_text(minor, row.currency)
        for minor in (row.amount_before_minor, row.amount_after_minor)
    )
    classes = _from_to(row.class_before, row.class_after, nothing="-")
    passes = (
        "" if row.pass_before == row.pass_after else f", by {_from_to(row.pass_before, row.pass_after, nothing='-')}"
    )
    return f"{row.transaction_id} ({row.side}): {classes}, {_from_to(before, after, nothing='-')}{passes}"


def _from_to(before: str | None, after: str | None, *, nothing: str) -> str:
    if before == after:
        return before or nothing
    return f"{before or nothing} -> {after or nothing}"
