"""`recon simulate`: other rules over days that have an answer. Nothing is changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from recon_assets.cli.options import WRONG_USAGE, business_date, load_settings

if TYPE_CHECKING:
    from recon_assets.cli.evidence import Evidence
    from recon_assets.matching.rules import MatchingRules
    from recon_assets.matching.simulate import DayChange, MatchChange, RowChange
    from recon_assets.resources.storage import Storage
    from recon_assets.store.explanations import Answer
    from recon_assets.store.tenancy import TenantConnection

MAX_DAYS: Final = 400
SHOWN_ROWS: Final = 20


@dataclass(frozen=True, slots=True)
class SimulatedDay:
    """One processor-day. `is_older`: the answer that stands counts other rows than its own rules find now."""

    processor: str
    change: "DayChange"
    is_older: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A day that could not be simulated, and why."""

    processor: str
    business_date: date
    reason: str


@dataclass(frozen=True, slots=True)
class Simulated:
    """All days, what is left out, and the sums of all days for each processor."""

    rule_versions: dict[str, str]
    days: tuple[SimulatedDay, ...]
    left_out: tuple[LeftOut, ...]
    rows: "dict[str, tuple[RowChange, ...]]"
    matches: "dict[str, tuple[MatchChange, ...]]"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(simulate)


def simulate(
    rules: Annotated[
        Path, typer.Option(help="A file of rules like config/matching.yaml.", exists=True, dir_okay=False)
    ],
    since: Annotated[str, typer.Option("--from", help="First business date, YYYY-MM-DD.")],
    until: Annotated[str, typer.Option("--to", help="Last business date, YYYY-MM-DD.")],
    processors: Annotated[
        list[str] | None, typer.Option("--processors", help="One or several; all configured ones if left out.")
    ] = None,
    rows: Annotated[
        int, typer.Option(min=0, max=10_000, help="How many rows a day are shown one by one.")
    ] = SHOWN_ROWS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """What other rules would change: matches, discrepancies, money and verdicts of days that have an answer.

    The stored records are matched again in a temporary folder; record, storage and archive stay as they are. Exit code
    1 when no day could be simulated, 2 for wrong usage and wrong rules.
    """
    from recon_assets.cli.simulate_text import print_simulated
    from recon_assets.configuration import Configuration
    from recon_assets.matching.rules_file import load_rules
    from recon_assets.resources.storage import Storage
    from recon_assets.store.database import open_database

    settings = load_settings()
    first, last = _window(since, until)
    configuration = Configuration.load(settings)
    names = list(dict.fromkeys(processors or sorted(configuration.processors)))
    for name in names:
        configuration.processor(name)
    new_rules = load_rules(rules, processors=configuration.processors)
    with open_database(settings) as database, database.connect(read_only=True) as connection:
        simulated = _simulated(
            connection,
            Storage.from_settings(settings),
            {name: new_rules[name] for name in names},
            first,
            last,
            shown_rows=rows,
        )
    if as_json:
        import msgspec

        typer.echo(msgspec.json.format(msgspec.json.encode(simulated), indent=2).decode())
    else:
        print_simulated(simulated)
    raise typer.Exit(0 if simulated.days else 1)


def _window(since: str, until: str) -> tuple[date, date]:
    first, last = business_date(since), business_date(until)
    if not 0 <= (last - first).days < MAX_DAYS:
        typer.secho(f"recon: --from is not after --to, and there are at most {MAX_DAYS} days.", fg="red", err=True)
        raise typer.Exit(WRONG_USAGE)
    return first, last


def _simulated(
    connection: "TenantConnection",
    storage: "Storage",
    rules: "dict[str, MatchingRules]",
    since: date,
    until: date,
    *,
    shown_rows: int,
) -> Simulated:
    days: list[SimulatedDay] = []
    left_out: list[LeftOut] = []
    for processor, new_rules in rules.items():
        found, missing = _evidence(connection, storage, processor, since, until)
        left_out += missing
        days += _simulated_days(connection, storage, processor, new_rules, found, shown_rows=shown_rows)
    return Simulated(
        rule_versions={processor: one.version for processor, one in rules.items()},
        days=tuple(days),
        left_out=tuple(left_out),
        rows={name: _summed_rows(_of(days, name)) for name in rules},
        matches={name: _summed_matches(_of(days, name)) for name in rules},
    )


def _of(days: "Iterable[SimulatedDay]", processor: str) -> "list[DayChange]":
    return [day.change for day in days if day.processor == processor]


def _evidence(
    connection: "TenantConnection", storage: "Storage", processor: str, since: date, until: date
) -> "tuple[list[Evidence], list[LeftOut]]":
    """The answers from `since` to `until` with all their files, and every day without."""
    from recon_assets.cli.evidence import evidence_of
    from recon_assets.domain.errors import EvidenceGone
    from recon_assets.store.explanations import current_answers

    answers = {
        answer.business_date: answer
        for answer in current_answers(connection, processor, limit=MAX_DAYS, since=since, until=until)
    }
    found: list[Evidence] = []
    left_out: list[LeftOut] = []
    for day in (since + timedelta(days=number) for number in range((until - since).days + 1)):
        if day not in answers:
            left_out.append(LeftOut(processor, day, "it has no answer"))
            continue
        try:
            evidence = evidence_of(storage, processor, answers[day])
            evidence.matching_rules()
            evidence.check_frames()
            found.append(evidence)
        except EvidenceGone as error:
            left_out.append(LeftOut(processor, day, str(error)))
    return found, left_out


def _simulated_days(
    connection: "TenantConnection",
    storage: "Storage",
    processor: str,
    rules: "MatchingRules",
    found: "list[Evidence]",
    *,
    shown_rows: int,
) -> list[SimulatedDay]:
    """In a temporary folder outside of the storage, which is gone afterwards."""
    import tempfile

    from recon_assets.matching.across_days import days_needed
    from recon_assets.matching.simulate import Simulation, StoredDay
    from recon_assets.store.days import newest_concluded_date

    if not found:
        return []
    days = [
        StoredDay(evidence.files, evidence.matching_rules(), tuple(evidence.answer.incomplete_reasons))
        for evidence in found
    ]
    windows = [days_needed(day.files.business_date, one) for day in days for one in (day.rules, rules)]
    since, until = min(first for first, _ in windows), max(last for _, last in windows)
    answers = {evidence.business_date: evidence.answer for evidence in found}
    with tempfile.TemporaryDirectory(prefix="recon-simulate-") as folder:
        simulation = Simulation(
            processor=processor,
            rules=rules,
            neighbours=_open_records(connection, storage, processor, since, until),
            newest_date=newest_concluded_date(connection, processor),
            into=Path(folder),
            memory_limit=storage.duckdb_memory_limit,
            shown_rows=shown_rows,
        )
        return [
            SimulatedDay(processor, change, is_older=_is_older(answers[change.business_date], change))
            for change in simulation.changes(days)
        ]


def _open_records(
    connection: "TenantConnection", storage: "Storage", processor: str, since: date, until: date
) -> dict[date, Path]:
    from recon_assets.matching.engine import OPEN_RECORDS_FILE
    from recon_assets.store.days import open_files_between

    found: dict[date, Path] = {}
    for file in open_files_between(connection, processor, since, until):
        archived = storage.archive / "reports" / file.business_date.isoformat() / processor / str(file.run_id)
        places = (storage.root / file.path, archived / OPEN_RECORDS_FILE)
        place = next((place for place in places if place.is_file()), None)
        if place is not None:
            found[file.business_date] = place
    return found


def _is_older(answer: "Answer", change: "DayChange") -> bool:
    from recon_assets.domain.conclusion import count_of_outcome
    from recon_assets.domain.discrepancies import Outcome

    found = (
        count_of_outcome(change.count_before, Outcome.DISCREPANCY),
        count_of_outcome(change.count_before, Outcome.PENDING),
    )
    return found != (answer.discrepancy_count, answer.pending_count or 0)


def _summed_rows(days: "Iterable[DayChange]") -> "tuple[RowChange, ...]":
    from dataclasses import replace

    sums: dict[tuple[str | None, ...], RowChange] = {}
    for one in (row for day in days for row in day.rows):
        key = (one.change, one.class_before, one.class_after, one.currency)
        so_far = sums.get(key, replace(one, count=0, gross_before_minor=0, gross_after_minor=0))
        sums[key] = replace(
            so_far,
            count=so_far.count + one.count,
            gross_before_minor=so_far.gross_before_minor + one.gross_before_minor,
            gross_after_minor=so_far.gross_after_minor + one.gross_after_minor,
        )
    return tuple(sums.values())


def _summed_matches(days: "Iterable[DayChange]") -> "tuple[MatchChange, ...]":
    from dataclasses import replace

    sums: dict[tuple[str | None, ...], MatchChange] = {}
    for one in (match for day in days for match in day.matches):
        key = (one.change, one.pass_before, one.pass_after, one.currency)
        so_far = sums.get(key, replace(one, transactions=0, gross_minor=0))
        sums[key] = replace(
            so_far,
            transactions=so_far.transactions + one.transactions,
            gross_minor=so_far.gross_minor + one.gross_minor,
        )
    return tuple(sums.values())
