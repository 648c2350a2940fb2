"""Why a record of a matched day is where it is: from the files of the day and its rules, nothing is matched again.

What belongs here: which pass matched it with what, which candidates were refused, what each step of the rules saw. Not
here: what became of it on later days, which the record knows, and sentences, which are the command's.

A record that is in no careful file was matched by the first step: its key stood once on each side and all agreed.
docs/matching.md is the rule book. A query reads a frame at most once for each step: the work grows with the records.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from recon_assets.domain.records import Side
from recon_assets.matching.duckdb_runner import DuckDBRunner
from recon_assets.matching.evidence_files import RECORD_COLUMNS, DayFiles, Found, Record
from recon_assets.matching.explanation import (
    MAX_EXAMPLES,
    MAX_MEMBERS,
    Explanation,
    MatchKind,
    MatchOf,
    Other,
    Refused,
    RowOf,
    Seen,
    Tried,
)
from recon_assets.matching.rules import MatchingRules
from recon_assets.matching.steps import Step, StepKind, literal, steps_of

FRAME_OF_SIDE: Final = {Side.PROCESSOR: "transactions", Side.LEDGER: "ledger_entries"}
_OTHER: Final = {Side.PROCESSOR: Side.LEDGER, Side.LEDGER: Side.PROCESSOR}


def explain_records(runner: DuckDBRunner, found: Sequence[Found], rules: MatchingRules) -> list[Explanation]:
    """Explain records of one day, in their order; a match is told once, by the first of its records."""
    explanations: list[Explanation] = []
    told: set[tuple[Side, int]] = set()
    for one in found:
        if (one.side, one.seq) in told and not one.is_gone:
            continue
        _declare_day(runner, one.day)
        explanation = _gone(runner, one) if one.is_gone else _explain(runner, one, rules)
        explanations.append(explanation)
        match = explanation.match
        told |= {(record.side, record.seq) for record in ((*match.others, *match.beside) if match else ())}
    return explanations


def open_record(runner: DuckDBRunner, day: DayFiles, discrepancy_id: str) -> Record | None:
    """The record of a day that stayed open, by the id of its discrepancy; None when the day's files lack it."""
    if not day.open_records.is_file():
        return None
    runner.frame("open_records", [day.open_records])
    for row in runner.rows(f"SELECT side, seq FROM open_records WHERE discrepancy_id = {literal(discrepancy_id)}"):  # noqa: S608
        side = Side(row["side"])
        runner.frame(FRAME_OF_SIDE[side], [day.frame(side)])
        return _records(runner, side, [row["seq"]])[0]
    return None


def _declare_day(runner: DuckDBRunner, day: DayFiles) -> None:
    for side, name in FRAME_OF_SIDE.items():
        runner.frame(name, [day.frame(side)])
    for name, path in (("found", day.discrepancies), ("pairs", day.matches), ("candidates", day.candidates)):
        runner.frame(name, [path])


def _gone(runner: DuckDBRunner, one: Found) -> Explanation:
    where = f"class = 'restated' AND starts_with(differs, 'gone') AND processor_seq = {one.seq}"
    return Explanation(one.day.business_date, one.side, None, _row_of(runner, where), None)


def _explain(runner: DuckDBRunner, one: Found, rules: MatchingRules) -> Explanation:
    (record,) = _records(runner, one.side, [one.seq])
    rows = _row_of(
        runner,
        f"{one.side}_seq = {one.seq} AND (class <> 'restated' OR (transaction_id = {literal(record.transaction_id)}"
        " AND NOT coalesce(starts_with(differs, 'gone'), FALSE)))",
    )
    steps = steps_of(rules)
    match = _careful_match(runner, record, steps)
    is_alone = any(row.kind != "restated" for row in rows)
    if match is None and not is_alone:
        match = _clean_match(runner, record, steps[0])
    if match is not None:
        return Explanation(one.day.business_date, one.side, record, rows, match)
    refused, refused_count = _refused(runner, record)
    return Explanation(
        one.day.business_date,
        one.side,
        record,
        rows,
        None,
        refused=refused,
        refused_count=refused_count,
        tried=tuple(_tried(runner, record, step, first_pass=rules.passes[0].name) for step in steps),
        is_unclear=not is_alone,
    )


def _careful_match(runner: DuckDBRunner, record: Record, steps: Iterable[Step]) -> MatchOf | None:
    pairs = runner.rows(
        "SELECT m.* FROM pairs AS m INNER JOIN ("  # noqa: S608 - a number and words of ours
        f" SELECT DISTINCT pass, step, match_no FROM pairs WHERE {record.side}_seq = {record.seq}"
        ") AS mine USING (pass, step, match_no) ORDER BY processor_seq, ledger_seq"
    )
    if not pairs:
        return None
    other = _OTHER[record.side]
    others = list(dict.fromkeys(pair[f"{other}_seq"] for pair in pairs))
    beside = [seq for seq in dict.fromkeys(pair[f"{record.side}_seq"] for pair in pairs) if seq != record.seq]
    name, number = pairs[0]["pass"], pairs[0]["step"]
    return MatchOf(
        pass_name=name,
        step=number,
        keys=next((_keys(step) for step in steps if (step.rule.name, step.number) == (name, number)), ()),
        kind=MatchKind(pairs[0]["kind"]),
        others=_records(runner, other, others[:MAX_MEMBERS]),
        beside=_records(runner, record.side, beside[:MAX_MEMBERS]),
        other_count=len(others),
        beside_count=len(beside),
    )


def _clean_match(runner: DuckDBRunner, record: Record, first: Step) -> MatchOf | None:
    """Its counterpart by the key of the first step, if that is the only one and all agrees."""
    if first.kind not in {StepKind.IDENTITY, StepKind.SUGGESTION}:
        return None
    other = _OTHER[record.side]
    key = _key_of(runner, record, first)
    others = _with_key(runner, other, first, key, limit=2) if key is not None else []
    if len(others) != 1:
        return None
    (counterpart,) = (Record.of(other, row) for row in others)
    agrees = all(getattr(record, name) == getattr(counterpart, name) for name in ("currency", "amount_minor", "status"))
    if not agrees:
        return None
    return MatchOf(first.rule.name, first.number, _keys(first), MatchKind.CLEAN, (counterpart,))


def _row_of(runner: DuckDBRunner, where: str) -> tuple[RowOf, ...]:
    rows = runner.rows(
        "SELECT discrepancy_id, class AS kind, outcome, priority, pass AS pass_name, differs, currency, amount_minor,"  # noqa: S608
        f" fee_difference_minor, due_on, counterpart_date FROM found WHERE {where} ORDER BY priority, class"
    )
    return tuple(RowOf(**row) for row in rows)


def _refused(runner: DuckDBRunner, record: Record) -> tuple[tuple[Refused, ...], int]:
    other = _OTHER[record.side]
    where = f"{record.side}_seq = {record.seq}"
    (counted,) = runner.rows(f"SELECT count(*) AS count FROM candidates WHERE {where}")  # noqa: S608
    rows = runner.rows(
        f"SELECT pass, step, decision, score, {other}_seq AS other_seq FROM candidates WHERE {where}"  # noqa: S608
        f" ORDER BY score DESC NULLS LAST, pass, step, other_seq LIMIT {MAX_MEMBERS}"
    )
    by_seq = {found.seq: found for found in _records(runner, other, [row["other_seq"] for row in rows])}
    return (
        tuple(
            Refused(row["pass"], row["step"], row["decision"], row["score"], by_seq[row["other_seq"]]) for row in rows
        ),
        counted["count"],
    )


def _tried(runner: DuckDBRunner, record: Record, step: Step, *, first_pass: str) -> Tried:
    told = Tried(step.rule.name, step.number, _keys(step), Seen.FILTERED)
    frame, other = FRAME_OF_SIDE[record.side], _OTHER[record.side]
    (takes,) = runner.rows(f"SELECT {step.takes(record.side)} AS takes FROM {frame} WHERE seq = {record.seq}")  # noqa: S608
    if not takes["takes"]:
        return told
    if step.kind is StepKind.SCORED:
        return replace(told, seen=Seen.SCORES)
    key = _key_of(runner, record, step)
    if key is None:
        return replace(told, seen=Seen.NO_KEY)
    equal = f"currency = {literal(record.currency)} AND amount_minor = {record.amount_minor}"
    (counted,) = runner.rows(
        f"SELECT count(*) AS others, count(*) FILTER (WHERE {equal}) AS equal"  # noqa: S608 - expressions of ours
        f" FROM {FRAME_OF_SIDE[other]} WHERE {step.keyed(other)} = {literal(key)}"
    )
    if not counted["others"]:
        return replace(told, seen=Seen.NOTHING_HAS_ITS_KEY)
    examples = _with_key(runner, other, step, key, limit=MAX_EXAMPLES, first=equal)
    return replace(
        told,
        seen=Seen.OTHERS_HAVE_ITS_KEY,
        others=counted["others"],
        equal=counted["equal"],
        examples=tuple(_fate_of(runner, Record.of(other, row), first_pass=first_pass) for row in examples),
    )


def _fate_of(runner: DuckDBRunner, record: Record, *, first_pass: str) -> Other:
    where = f"{record.side}_seq = {record.seq}"
    for pair in runner.rows(f"SELECT pass FROM pairs WHERE {where} LIMIT 1"):  # noqa: S608 - a number of ours
        return Other(record, "matched", pair["pass"])
    for row in runner.rows(f"SELECT class, pass FROM found WHERE {where} AND class <> 'restated' LIMIT 1"):  # noqa: S608
        return Other(record, row["class"], row["pass"])
    return Other(record, "matched", first_pass)


def _key_of(runner: DuckDBRunner, record: Record, step: Step) -> str | None:
    frame = FRAME_OF_SIDE[record.side]
    (row,) = runner.rows(f"SELECT {step.keyed(record.side)} AS key FROM {frame} WHERE seq = {record.seq}")  # noqa: S608
    key: str | None = row["key"]
    return key


def _with_key(
    runner: DuckDBRunner, side: Side, step: Step, key: str, *, limit: int, first: str = "TRUE"
) -> list[dict[str, Any]]:
    return runner.rows(
        f"SELECT {', '.join(RECORD_COLUMNS)} FROM {FRAME_OF_SIDE[side]}"  # noqa: S608 - columns of ours
        f" WHERE {step.keyed(side)} = {literal(key)} ORDER BY NOT ({first}), seq LIMIT {limit}"
    )


def _records(runner: DuckDBRunner, side: Side, seqs: Sequence[int]) -> tuple[Record, ...]:
    """In the order of `seqs`."""
    if not seqs:
        return ()
    numbers = ", ".join(map(str, seqs))
    rows = runner.rows(
        f"SELECT {', '.join(RECORD_COLUMNS)} FROM {FRAME_OF_SIDE[side]} WHERE seq IN ({numbers})"  # noqa: S608
    )
    by_seq: Mapping[int, dict[str, Any]] = {row["seq"]: row for row in rows}
    return tuple(Record.of(side, by_seq[seq]) for seq in seqs)


def _keys(step: Step) -> tuple[tuple[str, str], ...]:
    return tuple((column.processor, column.ledger) for column in step.columns)
