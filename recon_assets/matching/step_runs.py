"""Runs the steps of a day: the records that take part in each, its constants, the stages of its kind, what it found.

Not here: which steps there are (`steps`), and what they do with records (`stages/`).
"""

from collections.abc import Iterable, Iterator
from typing import assert_never

from recon_assets.domain.records import Side
from recon_assets.matching.careful import Careful
from recon_assets.matching.runner import Runner, Table, tables_of
from recon_assets.matching.steps import Step, StepKind, literal


class StepRuns:
    """The steps of one day, and what they found so far: a table of each that was run.

    Of its rows those with a `match_no` are the pairs of matches; those with a record of one side alone say what became
    of a record; the others are candidates that were refused. Who is in a match, or became something, is left out of all
    later steps.
    """

    def __init__(self, runner: Runner, steps: tuple[Step, ...], careful: Careful) -> None:
        self._runner, self._steps, self._careful = runner, steps, careful
        self._found: dict[str, Step] = {}

    def run(self) -> None:
        """Run all of them, and name what they found: `pairs`, `candidates`, `fates`, and `left_records`.

        `left_records` are those that no step took. Of them `fates` has the ambiguous ones, whose candidates were left.
        """
        self._match_plain_keys()
        for step in self._steps:
            self._run(step)
        self._name_found()
        self._find_fates()

    def _match_plain_keys(self) -> None:
        """The first step where its key is an identity that has at most one record on each side, all of them at once."""
        first = self._steps[0]
        if not _matches_plain_keys(first) or not self._careful.on_both_sides:
            return
        accepted = "3_accepted" if first.rule.amount.tolerance else "3_none_near"
        self._find("found_plain", first, [_constants(first), *_tables("3_plain_1", accepted, "3_plain_2")])

    def _run(self, step: Step) -> None:
        """Match what the steps before left."""
        if not self._has_nobody(step):
            self._find(f"found_{step.place}", step, [*self._records(step), *_tables(*_stages(step))])

    def _has_nobody(self, step: Step) -> bool:
        """Whether it can be known without looking that no record takes part in it, or none that has whom to match."""
        if _matches_plain_keys(step):
            return self._careful.crowded_keys == 0
        return step.kind is not StepKind.IDENTITY and not self._careful.on_both_sides

    def _find(self, name: str, step: Step, parts: Iterable[Table]) -> None:
        self._runner.derived(name, list(parts))
        self._found[name] = step

    def _records(self, step: Step, *, of_keys: str | None = None) -> Iterator[Table]:
        """The constants of the step, and the records that take part in it: of all keys, or of those in a table."""
        yield _constants(step)
        scored = step.rule.scored
        columns = "c.side, c.seq, c.currency, c.amount_minor, c.status, c.occurred_at"
        columns += f", {step.rule.group_by or 'CAST(NULL AS VARCHAR)'} AS group_key"
        if scored is not None:
            columns += ", c.merchant_id, c.reference_number, c.order_id, c.movement"
        of_crowded = _matches_plain_keys(step)  # nothing of these has been taken
        crowded = " INNER JOIN crowded_keys AS k ON c.key = k.key" if of_crowded else ""
        sides = (
            f"SELECT {columns}, {'k.key_number' if of_crowded else step.key(side)} AS key"  # noqa: S608
            f" FROM careful_records AS c{crowded} WHERE {_of_side(side) if of_crowded else self._left(side)}"
            f" AND {step.takes(side)}"
            + (f" AND {step.key(side)} IN (SELECT tied_key FROM {of_keys})" if of_keys else "")  # noqa: S608
            for side in Side
        )
        yield Table(
            "step_records",
            f"SELECT * FROM ({' UNION ALL '.join(sides)}) AS t"  # noqa: S608 - expressions of ours, values quoted
            + ("" if scored is not None else " WHERE t.key IS NOT NULL"),
        )
        if scored is not None:
            yield _bands(width=scored.amount_band_minor + 1)

    def _left(self, side: Side) -> str:
        """Of a careful record `c`: whether it is of that side and no step took it."""
        own, other = (f"f.{one.value}_seq" for one in (side, *(set(Side) - {side})))
        taken = (
            f" AND NOT EXISTS (SELECT 1 FROM {name} AS f WHERE {own} = c.seq"  # noqa: S608 - names of ours
            f" AND (f.match_no IS NOT NULL OR {other} IS NULL))"
            for name in self._found
        )
        return f"{_of_side(side)}{''.join(taken)}"

    def _name_found(self) -> None:
        columns = "what, match_no, processor_seq, ledger_seq, score"
        found = [
            f"SELECT {literal(step.rule.name)} AS pass, CAST({step.number} AS BIGINT) AS step, {columns} FROM {name}"  # noqa: S608
            for name, step in self._found.items()
        ]
        if not found:
            self._runner.stage("3_none_found")
        self._runner.view("found", " UNION ALL ".join(found) or "SELECT * FROM none_found")
        self._runner.view(
            "pairs",
            "SELECT pass, step, what AS kind, match_no, processor_seq, ledger_seq FROM found"
            " WHERE match_no IS NOT NULL",
        )
        self._runner.view(
            "candidates",
            "SELECT pass, step, processor_seq, ledger_seq, score, what AS decision FROM found"
            " WHERE match_no IS NULL AND processor_seq IS NOT NULL AND ledger_seq IS NOT NULL",
        )
        left = (f"SELECT c.* FROM careful_records AS c WHERE {self._left(side)}" for side in Side)  # noqa: S608
        self._runner.view("left_records", " UNION ALL ".join(left))

    def _find_fates(self) -> None:
        """What the steps say became of records, and who is ambiguous: steps with ties are asked again."""
        tied = {(row["pass"], row["step"]) for row in self._runner.rows("SELECT DISTINCT pass, step FROM candidates")}
        of_steps = (
            "SELECT CASE WHEN ledger_seq IS NULL THEN 'processor' ELSE 'ledger' END AS side,"
            " coalesce(processor_seq, ledger_seq) AS seq, what AS fate FROM found"
            " WHERE match_no IS NULL AND (processor_seq IS NULL OR ledger_seq IS NULL)"
        )
        fates = [of_steps]
        for name, step in self._found.items():
            if (step.rule.name, step.number) in tied:
                self._runner.derived(f"still_tied_{step.place}", list(self._still_tied(name, step)))
                fates.append(f"SELECT side, seq, 'ambiguous' AS fate FROM still_tied_{step.place}")  # noqa: S608
        self._runner.table("fates", " UNION ".join(fates))

    def _still_tied(self, found: str, step: Step) -> Iterator[Table]:
        """Who of what is left still has one of the candidates between which the step could not choose.

        What is left under a key without ties had no candidate, and can get none.
        """
        if step.kind is StepKind.SCORED:
            yield Table("tied_scores", f"SELECT * FROM {found} WHERE processor_is_torn OR ledger_is_torn")  # noqa: S608
            yield from _tables("4_tied_scores")
            return
        yield Table(
            "tied_keys",
            f"SELECT DISTINCT {step.key(Side.PROCESSOR)} AS tied_key FROM careful_records AS c"  # noqa: S608 - expressions of ours
            f" WHERE c.side = 'processor' AND c.seq IN (SELECT processor_seq FROM {found} WHERE match_no IS NULL)",
        )
        yield from self._records(step, of_keys="tied_keys")
        yield from _tables("3_suggestion_1", *_near(step), "4_still_tied")


def _matches_plain_keys(step: Step) -> bool:
    return step.place == 1 and step.kind is StepKind.IDENTITY


def _of_side(side: Side) -> str:
    return f"c.side = '{side.value}'"


def _tables(*stages: str) -> Iterator[Table]:
    for stage in stages:
        yield from tables_of(stage)


def _stages(step: Step) -> tuple[str, ...]:
    """Which stages find what a step finds; the last table of them is what it found."""
    match step.kind:
        case StepKind.IDENTITY:
            return ("3_identity_1", *_near(step), "3_identity_2")
        case StepKind.SUGGESTION:
            return ("3_suggestion_1", *_near(step), "3_suggestion_2")
        case StepKind.GROUPS:
            return ("3_groups",)
        case StepKind.SCORED:
            return ("3_blocks", "3_accepted", "3_scored")
        case _ as never:
            assert_never(never)


def _near(step: Step) -> tuple[str, ...]:
    return ("3_near", "3_accepted", "3_near_matches") if step.rule.amount.tolerance else ("3_none_near",)


def _constants(step: Step) -> Table:
    tolerance, scored = step.rule.amount.tolerance, step.rule.scored
    constants: dict[str, int | str] = {
        "tolerance_minor": tolerance.minor,
        "tolerance_basis_points": tolerance.basis_points,
        "tolerance_base": tolerance.base,
        "direction": tolerance.direction,
        "one_side": step.single_side.value,
    }
    if scored is not None:
        constants |= {
            **scored.features.model_dump(),
            "amount_band_minor": scored.amount_band_minor,
            "time_close_seconds": scored.time_close_seconds or 0,
            "confirm_from": scored.confirm_from,
            "margin": scored.margin,
            "suggest_from": scored.suggest_from,
        }
    return Table("step", "SELECT " + ", ".join(f"{_constant(value)} AS {name}" for name, value in constants.items()))


def _bands(*, width: int) -> Table:
    """Ledger entries stand in their own band and its neighbours, so that no pair within the band is cut apart."""
    below = f"((CAST(t.amount_minor AS HUGEINT) % {width}) + {width}) % {width}"
    band = f"CAST((t.amount_minor - {below}) // {width} AS BIGINT)" if width > 1 else "t.amount_minor"
    shifts = (-1, 0, 1) if width > 1 else (0,)
    ledger = " UNION ALL ".join(
        f"SELECT t.*, {band} + {shift} AS band FROM step_records AS t WHERE t.side = 'ledger'"  # noqa: S608
        for shift in shifts
    )
    return Table(
        "band_records",
        f"SELECT t.*, {band} AS band FROM step_records AS t WHERE t.side = 'processor' UNION ALL {ledger}",  # noqa: S608
    )


def _constant(value: int | str) -> str:
    return literal(value) if isinstance(value, str) else f"CAST({value} AS BIGINT)"
