"""`recon explain`: why a record is matched or not, from stored facts. Nothing is run and nothing is changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Final

import typer

from recon_assets.cli.options import ProcessorArgument, business_date, load_settings

if TYPE_CHECKING:
    from recon_assets.cli.evidence import Evidence
    from recon_assets.cli.raw_records import RawShown
    from recon_assets.configuration import ProcessorConfig
    from recon_assets.domain.records import Side
    from recon_assets.matching.duckdb_runner import DuckDBRunner
    from recon_assets.matching.evidence_files import Found, Record
    from recon_assets.matching.explanation import Explanation
    from recon_assets.resources.storage import Storage
    from recon_assets.store.explanations import LifeOfRecords, MatchAcrossDays
    from recon_assets.store.tenancy import TenantConnection

MAX_SEARCHED_DAYS: Final = 400
MAX_SHOWN_RECORDS: Final = 50


@dataclass(frozen=True, slots=True)
class AcrossDays:
    """The live match with a record of another day. `record` is None where that day's files are gone."""

    business_date: date
    match: "MatchAcrossDays"
    record: "Record | None"


@dataclass(frozen=True, slots=True)
class Told:
    """One record explained, with what became of it and its raw records, the record's own first."""

    processor: str
    version: int
    verdict: str
    rule_version: str | None
    incomplete_reasons: Sequence[str]
    explanation: "Explanation"
    life: "LifeOfRecords"
    across_days: tuple[AcrossDays, ...]
    raw_records: "tuple[tuple[Side, RawShown], ...]"


@dataclass(frozen=True, slots=True)
class Search:
    """What was asked and where it was looked for. `not_searched` are days whose files are gone, with the reason."""

    processor: str
    wanted: str
    searched_days: int
    not_searched: tuple[tuple[date, str], ...]
    told: tuple[Told, ...]
    has_more: bool
    """More records have the id than are told."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(explain)


def explain(
    processor: ProcessorArgument,
    wanted: Annotated[
        str, typer.Argument(metavar="ID", help="A transaction id, record id, reference, order id or discrepancy id.")
    ],
    day: Annotated[
        str | None,
        typer.Option("--date", help=f"The business date; the newest {MAX_SEARCHED_DAYS} answers if left out."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Why a record is matched, or not: pass, counterpart, what differed, what was refused, its life, its raw record.

    From the files and rules of the answers that stand; nothing is matched again. Exit code 1 when no record has the id.
    """
    from recon_assets.cli.explain_text import print_search
    from recon_assets.configuration import Configuration
    from recon_assets.resources.storage import Storage
    from recon_assets.store.database import open_database

    settings = load_settings()
    only = business_date(day) if day else None
    config = Configuration.load(settings).processor(processor)
    with open_database(settings) as database, database.connect(read_only=True) as connection:
        search = _search(connection, Storage.from_settings(settings), config, wanted, only)
    if as_json:
        _print_json(search)
    elif search.told:
        print_search(search)
    if not search.told:
        typer.secho(f"recon: {_nothing_found(search, only)}", fg="red", err=True)
        raise typer.Exit(1)


def _search(
    connection: "TenantConnection", storage: "Storage", config: "ProcessorConfig", wanted: str, only: date | None
) -> Search:
    import tempfile
    from pathlib import Path

    from recon_assets.cli.evidence import Evidence, evidence_of
    from recon_assets.domain.errors import EvidenceGone
    from recon_assets.matching.duckdb_runner import duckdb_runner
    from recon_assets.matching.evidence_files import find_records
    from recon_assets.store.explanations import current_answers

    window = {} if only is None else {"since": only, "until": only}
    answers = current_answers(connection, config.name, limit=MAX_SEARCHED_DAYS, **window)
    there: dict[date, Evidence] = {}
    gone: list[tuple[date, str]] = []
    for answer in answers:
        try:
            there[answer.business_date] = evidence_of(storage, config.name, answer)
        except EvidenceGone as error:
            if only is not None:
                raise
            gone.append((answer.business_date, str(error)))
    days = [evidence.files for evidence in there.values()]
    with (
        tempfile.TemporaryDirectory(prefix="recon-explain-") as folder,
        duckdb_runner(spill=Path(folder) / "spill", memory_limit=storage.duckdb_memory_limit) as runner,
    ):
        found = find_records(runner, days, wanted, limit=MAX_SHOWN_RECORDS + 1)
        told = [
            one
            for evidence in there.values()
            for one in _told(
                connection,
                storage,
                runner,
                config,
                evidence,
                [record for record in found[:MAX_SHOWN_RECORDS] if record.day.business_date == evidence.business_date],
            )
        ]
    has_more = len(found) > MAX_SHOWN_RECORDS
    return Search(config.name, wanted, len(there), tuple(gone), tuple(told), has_more)


def _told(
    connection: "TenantConnection",
    storage: "Storage",
    runner: "DuckDBRunner",
    config: "ProcessorConfig",
    evidence: "Evidence",
    found: "Sequence[Found]",
) -> "list[Told]":
    from recon_assets.cli.raw_records import raw_record_of
    from recon_assets.matching.explain import explain_records
    from recon_assets.store.explanations import life_of_records

    if not found:
        return []
    evidence.check_frames()
    answer, told = evidence.answer, list[Told]()
    for explanation in explain_records(runner, found, evidence.matching_rules()):
        ids = sorted({row.discrepancy_id for row in explanation.rows})
        life = life_of_records(connection, config.name, explanation.business_date, ids)
        match = explanation.match
        records = (explanation.record, *((*match.others, *match.beside) if match else ()))
        across = tuple(
            _across(connection, storage, runner, config.name, explanation.business_date, one) for one in life.matches
        )
        told.append(
            Told(
                processor=config.name,
                version=answer.version,
                verdict=answer.verdict,
                rule_version=answer.rule_version,
                incomplete_reasons=answer.incomplete_reasons,
                explanation=explanation,
                life=life,
                across_days=across,
                raw_records=tuple(
                    (record.side, raw_record_of(config, evidence, record)) for record in records if record is not None
                ),
            )
        )
    return told


def _across(
    connection: "TenantConnection",
    storage: "Storage",
    runner: "DuckDBRunner",
    processor: str,
    day: date,
    match: "MatchAcrossDays",
) -> AcrossDays:
    from recon_assets.cli.evidence import evidence_of
    from recon_assets.domain.errors import EvidenceGone
    from recon_assets.matching.explain import open_record
    from recon_assets.store.explanations import current_answers

    is_ours = match.processor_date == day
    other_day = match.ledger_date if is_ours else match.processor_date
    other_id = match.ledger_discrepancy_id if is_ours else match.processor_discrepancy_id
    record = None
    for answer in current_answers(connection, processor, limit=1, since=other_day, until=other_day):
        try:
            record = open_record(runner, evidence_of(storage, processor, answer).files, str(other_id))
        except EvidenceGone:
            record = None
    return AcrossDays(other_day, match, record)


def _nothing_found(search: Search, only: date | None) -> str:
    where = f"on {only}" if only else f"in the newest {search.searched_days} answers"
    if not search.searched_days and not search.not_searched:
        where = f"{where}: there is no answer"
    elif search.not_searched:
        gone, reason = search.not_searched[0]
        where += f"; {len(search.not_searched)} days could not be searched, such as {gone}: {reason}"
    hint = "" if only else f" Without --date the newest {MAX_SEARCHED_DAYS} answers are searched."
    return f"{search.processor} has no record with the id {search.wanted} {where}.{hint}"


def _print_json(search: Search) -> None:
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(search), indent=2).decode())
