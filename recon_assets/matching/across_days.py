"""Days that chain: which open records of other days a day needs, and the stages that match them across days.

What belongs here: reaches and windows in days, and the order of the stages. The rules are in docs/matching.md.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from recon_assets.domain.records import Side
from recon_assets.matching.rules import MatchingRules
from recon_assets.matching.runner import Runner
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
    if not files or not chaining:
        return
    runner.frame("neighbours", files)
    runner.view("all_open_records", "SELECT * FROM chained_records UNION ALL SELECT * FROM neighbours")
    (sides,) = runner.rows("SELECT min(side) AS one, max(side) AS other FROM all_open_records")
    if sides["one"] == sides["other"]:
        return
    for step in chaining:
        _declare_step(runner, step, since=since, until=until, rules=rules)
        runner.stage("4_across_days_1")
    runner.stage("4_across_days_2")


def _declare_step(runner: Runner, step: Step, *, since: date, until: date, rules: MatchingRules) -> None:
    window = step.rule.dates
    assert window is not None, "a step without a window does not chain"
    runner.table("step", f"SELECT CAST({step.place} AS INTEGER) AS place, {literal(step.rule.name)} AS pass")
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    values = ", ".join(
        f"(DATE '{day}', DATE '{first}', DATE '{last}')"
        for day in days
        for first, last in [window.ledger_dates(day, holidays=rules.holidays)]
    )
    runner.table(
        "windows",
        f"SELECT * FROM (VALUES {values}) AS w (processor_date, first_ledger_date, last_ledger_date)",  # noqa: S608
    )
    sides = (
        "SELECT r.side, r.business_date, r.discrepancy_id, r.currency, r.amount_minor, r.status,"  # noqa: S608
        f" {step.key(side)} AS key FROM all_open_records AS r"
        f" WHERE r.side = '{side.value}' AND {step.takes(side)}"
        for side in Side
    )
    runner.table("step_open_records", f"SELECT * FROM ({' UNION ALL '.join(sides)}) AS t WHERE t.key IS NOT NULL")  # noqa: S608
