"""Days that chain: which open records of other days a day needs, and the stages that match them across days.

What belongs here: reaches and windows in days, and the order of the stages. The rules are in docs/matching.md.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from recon_assets.domain.records import Side
from recon_assets.matching.rules import MatchingRules
from recon_assets.matching.runner import Runner, Table, tables_of
from recon_assets.matching.steps import Step, StepKind, literal

_KINDS_ACROSS_DAYS = frozenset({StepKind.IDENTITY, StepKind.SUGGESTION})


def reach_in_days(rules: MatchingRules) -> int:
    """How many calendar days apart two records of one match may be."""
    return max(
        (rule.dates.reach_days(holidays=rules.holidays) for rule in rules.passes if rule.keys and rule.dates),
        default=0,
    )


def chained_window(business_date: date, rules: MatchingRules) -> tuple[date, date]:
    """The first and last date between which the open records of a day can change what matches across days.

    A match is decided by the candidates of both its records: a record one reach away may be the rival of another one
    that is a reach further.
    """
    reach = timedelta(days=2 * reach_in_days(rules))
    return business_date - reach, business_date + reach


def days_needed(business_date: date, rules: MatchingRules) -> tuple[date, date]:
    """The first and last date whose open records decide about the matches of `chained_window`."""
    reach = timedelta(days=3 * reach_in_days(rules))
    return business_date - reach, business_date + reach


def chain_days(
    runner: Runner,
    steps: tuple[Step, ...],
    *,
    day_of: date,
    neighbours: Mapping[date, Path],
    rules: MatchingRules,
) -> None:
    """Match the open records of the day, `chained_records`, with those of the days around: the table `across_days`.

    It stays empty where all that is open is of one side.
    """
    since, until = days_needed(day_of, rules)
    files = [path for other, path in sorted(neighbours.items()) if other != day_of and since <= other <= until]
    chaining = [step for step in steps if step.kind in _KINDS_ACROSS_DAYS and step.rule.dates is not None]
    if not files or not chaining or not _has_both_sides(runner, files):
        runner.stage("4_none_across")
        return
    for step in chaining:
        parts = [*_step_parts(step, since=since, until=until, rules=rules), *tables_of("4_across_days_1")]
        runner.derived(f"candidates_across_{step.place}", parts)
    candidates = (f"SELECT * FROM candidates_across_{step.place}" for step in chaining)  # noqa: S608 - integers
    candidates_across = Table("candidates_across", " UNION ALL ".join(candidates))
    runner.derived("across_days", [candidates_across, *tables_of("4_across_days_2")])


def _has_both_sides(runner: Runner, files: Sequence[Path]) -> bool:
    """Of all that is open. Declares it, too."""
    runner.frame("neighbours", files)
    runner.view("all_open_records", "SELECT * FROM chained_records UNION ALL SELECT * FROM neighbours")
    (sides,) = runner.rows("SELECT min(side) AS one, max(side) AS other FROM all_open_records")
    return bool(sides["one"] != sides["other"])


def _step_parts(step: Step, *, since: date, until: date, rules: MatchingRules) -> Iterator[Table]:
    """The step's constants, its window on every day, and the open records that take part in it."""
    window = step.rule.dates
    assert window is not None, "a step without a window does not chain"
    yield Table("step", f"SELECT CAST({step.place} AS INTEGER) AS place, {literal(step.rule.name)} AS pass")
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    values = ", ".join(
        f"(DATE '{day}', DATE '{first}', DATE '{last}')"
        for day in days
        for first, last in [window.ledger_dates(day, holidays=rules.holidays)]
    )
    yield Table(
        "windows",
        f"SELECT * FROM (VALUES {values}) AS w (processor_date, first_ledger_date, last_ledger_date)",  # noqa: S608
    )
    sides = (
        "SELECT r.side, r.business_date, r.discrepancy_id, r.currency, r.amount_minor, r.status,"  # noqa: S608
        f" {step.key(side)} AS key FROM all_open_records AS r"
        f" WHERE r.side = '{side.value}' AND {step.takes(side)}"
        for side in Side
    )
    of_sides = " UNION ALL ".join(sides)
    yield Table("step_open_records", f"SELECT * FROM ({of_sides}) AS t WHERE t.key IS NOT NULL")  # noqa: S608
