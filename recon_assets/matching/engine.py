"""One processor-day compared: which stages run, in which order, over which views. docs/matching.md is the rule book.

What belongs here: the order of things. The rules as SQL are in `steps`, the stages in `stages/`, the days around in
`across_days`, the engines behind `runner`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from recon_assets.domain.conclusion import PassMatches
from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.records import Side
from recon_assets.matching.across_days import chain_days, chained_window
from recon_assets.matching.careful import Careful, find_careful, find_changed
from recon_assets.matching.frames_in_sql import declare_frames, declare_records_of_shared_ids
from recon_assets.matching.rules import MatchingRules
from recon_assets.matching.runner import DEFAULT_ENGINE, Engine, Runner, running, tables_of
from recon_assets.matching.step_runs import StepRuns
from recon_assets.matching.steps import Step, StepKind, literal, steps_of
from recon_assets.schemas.currencies import exponents

DISCREPANCIES_FILE: Final = "discrepancies.parquet"
MATCHES_FILE: Final = "matches.parquet"
CANDIDATES_FILE: Final = "candidates.parquet"
OPEN_RECORDS_FILE: Final = "open_records.parquet"
ACROSS_DAYS_FILE: Final = "across_days.parquet"

NEAREST_BY_AMOUNT: Final = (-1, 0, 1, 2)
NEAREST_IN_TIME: Final = tuple(range(-7, 9))
"""Places relative to a record's own among the other side: 0 is the last one before it, 1 the first one after it."""

_DISCREPANCY_ORDER: Final = (
    "priority, class, transaction_id, side, occurrence, processor_seq, ledger_seq, discrepancy_id"
)


@dataclass(frozen=True, slots=True)
class Day:
    """What is compared. Frames are Parquet files of `FRAME_SCHEMA`.

    `complete` says that both feeds came whole. `newest_date` is the newest date that the processor has an answer of,
    `concluded_transactions` the frame of the concluded answer before, if it was another one, and `neighbours` the files
    of open records of the days around, by date: as many as `across_days.days_needed` says.
    """

    processor: str
    business_date: date
    transactions: Path
    ledger_entries: Path
    complete: bool = True
    newest_date: date | None = None
    concluded_transactions: Path | None = None
    neighbours: Mapping[date, Path] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """All that the matching may read."""
        concluded = () if self.concluded_transactions is None else (self.concluded_transactions,)
        return (self.transactions, self.ledger_entries, *concluded, *self.neighbours.values())


@dataclass(frozen=True, slots=True)
class Matching:
    """What the matching found; Parquet files, in a fixed order, so that equal days give equal bytes.

    `discrepancies` has a row for every record that is alone and every match worth a word; `matches` and `candidates`
    are what was looked at with care: every other record is matched by the first step. `open_records` is None for a day
    that is not complete; `across_days` then has what matches among the days around without it.
    """

    discrepancies: Path
    matches: Path
    candidates: Path
    open_records: Path | None
    across_days: Path
    matched_by_pass: Mapping[str, PassMatches]
    processor_transactions: int
    ledger_entries: int
    count_by_class: Mapping[DiscrepancyClass, int]
    proofs: tuple[CurrencyProof, ...]
    rule_version: str


def match_day(day: Day, rules: MatchingRules, *, into: Path, engine: Engine = DEFAULT_ENGINE) -> Matching:
    """Compare the two frames of a day by `rules` and write what was found into the folder `into`.

    Every engine finds the same.

    Raises `LimitExceeded` when two amounts of one match lie further apart than 64 bits hold.
    """
    into.mkdir(parents=True, exist_ok=True)
    steps = steps_of(rules)
    with running(engine, spill=into / "spill", reads=day.files) as runner:
        _declare_run(runner, day, rules, steps)
        declare_frames(
            runner, first=steps[0], fees=rules.fees, transactions=day.transactions, ledger=day.ledger_entries
        )
        careful = find_careful(runner)
        declare_records_of_shared_ids(runner, first=steps[0])
        StepRuns(runner, steps, careful).run()
        runner.stage("4_open_records")
        # without a conclusion the day has no part in what matches across days, but the days around still have theirs
        runner.view("chained_records", f"SELECT * FROM open_records WHERE {day.complete}")  # noqa: S608 - a boolean
        chain_days(runner, steps, day_of=day.business_date, neighbours=day.neighbours, rules=rules)
        _find_restated(runner, day, rules)
        runner.derived_file("answer", tables_of("6_answer"), order=_DISCREPANCY_ORDER, file=into / DISCREPANCIES_FILE)
        runner.stage("7_proof")
        return _written(runner, rules, into, careful=careful, complete=day.complete)


def _declare_run(runner: Runner, day: Day, rules: MatchingRules, steps: tuple[Step, ...]) -> None:
    def due_on(missing_from: Side) -> str:
        due = rules.due_on(missing_from, business_date=day.business_date)
        return f"DATE '{due}'" if due > day.business_date else "CAST(NULL AS DATE)"

    since, until = chained_window(day.business_date, rules)
    newest = max(day.business_date, day.newest_date or day.business_date)
    tolerance = rules.fees.tolerance_minor if rules.fees else 0
    runner.table(
        "run",
        f"SELECT {literal(day.processor)} AS processor, DATE '{day.business_date}' AS business_date,"
        f" DATE '{newest}' AS newest_date, {due_on(Side.LEDGER)} AS due_in_ledger,"
        f" {due_on(Side.PROCESSOR)} AS due_at_processor, CAST({tolerance} AS BIGINT) AS fee_tolerance_minor,"
        f" DATE '{since}' AS chained_since, DATE '{until}' AS chained_until,"
        f" '{Side.PROCESSOR.value}' AS processor_side, '{Side.LEDGER.value}' AS ledger_side",
    )
    words = ", ".join(f"('{word}', '{word.outcome}', {int(word.priority)})" for word in DiscrepancyClass)
    runner.table("classes", f"SELECT * FROM (VALUES {words}) AS words (class, outcome, priority)")  # noqa: S608
    looks: dict[str, tuple[int, ...]] = {"nearest": NEAREST_BY_AMOUNT}
    if any(step.kind is StepKind.SCORED for step in steps):
        looks["nearest_in_time"] = NEAREST_IN_TIME
    for name, places in looks.items():
        values = ", ".join(f"({place})" for place in places)
        runner.table(name, f"SELECT * FROM (VALUES {values}) AS places (step_away)")  # noqa: S608 - integers of ours


def _find_restated(runner: Runner, day: Day, rules: MatchingRules) -> None:
    """Without a frame of before, or when the rules say so, nothing can have been restated."""
    if rules.restated and day.concluded_transactions is not None:
        runner.frame("concluded_transactions", [day.concluded_transactions])
        find_changed(runner)
        runner.stage("5_restated")
        return
    more = "CAST(1 AS BIGINT) AS appearance, t.seq AS seq_now, CAST(NULL AS VARCHAR) AS differs"
    runner.view("restated", f"SELECT t.*, {more} FROM transactions AS t WHERE FALSE")  # noqa: S608 - words of ours


def _written(runner: Runner, rules: MatchingRules, into: Path, *, careful: Careful, complete: bool) -> Matching:
    queries = {
        MATCHES_FILE: "SELECT * FROM pairs ORDER BY pass, step, match_no, processor_seq, ledger_seq",
        CANDIDATES_FILE: "SELECT * FROM candidates ORDER BY pass, step, processor_seq, ledger_seq",
        ACROSS_DAYS_FILE: "SELECT * FROM across_days ORDER BY processor_date, processor_discrepancy_id",
    }
    if complete:
        queries[OPEN_RECORDS_FILE] = "SELECT * FROM open_records ORDER BY side, seq"
    for name, query in queries.items():
        runner.write(query, into / name)
    counts = {
        row["class"]: row["count"] for row in runner.rows("SELECT class, count(*) AS count FROM answer GROUP BY 1")
    }
    proofs = tuple(_proof(row) for row in runner.rows("SELECT * FROM proof ORDER BY currency"))
    transactions = sum(proof.processor_transactions for proof in proofs)
    return Matching(
        discrepancies=into / DISCREPANCIES_FILE,
        matches=into / MATCHES_FILE,
        candidates=into / CANDIDATES_FILE,
        open_records=into / OPEN_RECORDS_FILE if complete else None,
        across_days=into / ACROSS_DAYS_FILE,
        matched_by_pass=_matched_by_pass(runner, rules, careful, clean=transactions - careful.transactions),
        processor_transactions=transactions,
        ledger_entries=sum(proof.ledger_entries for proof in proofs),
        count_by_class={word: counts[word.value] for word in DiscrepancyClass if word.value in counts},
        proofs=proofs,
        rule_version=rules.version,
    )


def _matched_by_pass(runner: Runner, rules: MatchingRules, careful: Careful, *, clean: int) -> dict[str, PassMatches]:
    """Matches that are no discrepancy, of every pass, also of one without any.

    `clean` transactions, each with its ledger entry, needed no careful look: they are the first one's.
    """
    in_pairs = all(rule.cardinality == "one_to_one" for rule in rules.passes)
    matches, at_processor, in_ledger = (
        "count(*)" if in_pairs else f"count(DISTINCT p.{column})"
        for column in ("match_no", "processor_seq", "ledger_seq")
    )
    of_pairs = (
        f"SELECT p.pass, {matches} AS matches, {at_processor} AS processor_records, {in_ledger} AS ledger_records"  # noqa: S608
        " FROM pairs AS p LEFT JOIN answer AS a ON a.outcome = 'discrepancy'"
        " AND p.processor_seq = a.processor_seq AND p.ledger_seq = a.ledger_seq"
        " WHERE a.class IS NULL GROUP BY p.pass"
    )
    found = {
        row["pass"]: PassMatches(row["matches"], row["processor_records"], row["ledger_records"])
        for row in (runner.rows(of_pairs) if careful.on_both_sides else ())
    }
    none = PassMatches.of_pairs(0)
    first = rules.passes[0].name
    return {
        rule.name: found.get(rule.name, none) + PassMatches.of_pairs(clean if rule.name == first else 0)
        for rule in rules.passes
    }


def _proof(row: Mapping[str, Any]) -> CurrencyProof:
    figures = {name: int(value) for name, value in row.items() if name != "currency"}
    return CurrencyProof(currency=row["currency"], exponent=exponents()[row["currency"]], **figures)
