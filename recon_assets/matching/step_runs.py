"""Runs one step: the records that take part in it, its constants, and the stages of its kind.

Not here: which steps there are (`steps`), and what they do with records (`stages/`).
"""

from recon_assets.domain.records import Side
from recon_assets.matching.careful import Careful
from recon_assets.matching.runner import Runner
from recon_assets.matching.steps import Step, StepKind, literal


def match_plain_keys(runner: Runner, first: Step, careful: Careful) -> None:
    """The first step where its key is an identity that has at most one record on each side, all of them at once."""
    if not _matches_plain_keys(first) or not careful.on_both_sides:
        return
    _declare_constants(runner, first)
    runner.stage("3_begin")
    runner.stage("3_plain_1")
    if first.rule.amount.tolerance:
        runner.stage("3_accepted")
    runner.stage("3_plain_2")
    runner.stage("3_take")


def _matches_plain_keys(step: Step) -> bool:
    return step.place == 1 and step.kind is StepKind.IDENTITY


def run_step(runner: Runner, step: Step, careful: Careful) -> None:
    """Match what the steps before left, and take it."""
    if _has_nobody(step, careful):
        return
    _declare_step(runner, step)
    (sides,) = runner.rows("SELECT min(side) AS one, max(side) AS other FROM step_records")
    if sides["one"] == sides["other"] and not (step.kind is StepKind.IDENTITY and sides["one"]):
        return  # nothing to compare; an identity alone may still be there twice
    runner.stage("3_begin")
    match step.kind:
        case StepKind.IDENTITY:
            runner.stage("3_identity_1")
            _look_near(runner, step)
            runner.stage("3_identity_2")
        case StepKind.SUGGESTION:
            runner.stage("3_suggestion_1")
            _look_near(runner, step)
            runner.stage("3_suggestion_2")
        case StepKind.GROUPS:
            runner.stage("3_groups")
        case StepKind.SCORED:
            runner.stage("3_blocks")
            runner.stage("3_accepted")
            runner.stage("3_scored")
    runner.stage("3_take")


def _has_nobody(step: Step, careful: Careful) -> bool:
    """Whether it can be known without looking that no record takes part in it, or none that has whom to match."""
    if _matches_plain_keys(step):
        return careful.crowded_keys == 0
    return step.kind is not StepKind.IDENTITY and not careful.on_both_sides


def _look_near(runner: Runner, step: Step) -> None:
    if step.rule.amount.tolerance:
        for stage in ("3_near", "3_accepted", "3_near_matches"):
            runner.stage(stage)


def _declare_constants(runner: Runner, step: Step) -> None:
    tolerance, scored = step.rule.amount.tolerance, step.rule.scored
    constants: dict[str, int | str] = {
        "place": step.place,
        "pass": step.rule.name,
        "step": step.number,
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
    runner.table("step", "SELECT " + ", ".join(f"{_constant(value)} AS {name}" for name, value in constants.items()))


def _declare_step(runner: Runner, step: Step, *, of_keys: str | None = None) -> None:
    """The constants of the step, and the records that take part in it: of all keys, or of those in a table."""
    scored = step.rule.scored
    _declare_constants(runner, step)
    columns = "c.side, c.seq, c.currency, c.amount_minor, c.status, c.occurred_at"
    columns += f", {step.rule.group_by or 'CAST(NULL AS VARCHAR)'} AS group_key"
    if scored is not None:
        columns += ", c.merchant_id, c.reference_number, c.order_id, c.movement"
    of_crowded = _matches_plain_keys(step)
    crowded = " INNER JOIN crowded_keys AS k ON c.key = k.key" if of_crowded else ""
    sides = (
        f"SELECT {columns}, {'k.key_number' if of_crowded else step.key(side)} AS key FROM careful_records AS c"  # noqa: S608
        f" INNER JOIN left_records AS l ON c.side = l.side AND c.seq = l.seq{crowded}"
        f" WHERE c.side = '{side.value}' AND {step.takes(side)}"
        + (f" AND {step.key(side)} IN (SELECT tied_key FROM {of_keys})" if of_keys else "")  # noqa: S608
        for side in Side
    )
    runner.table(
        "step_records",
        f"SELECT * FROM ({' UNION ALL '.join(sides)}) AS t"  # noqa: S608 - expressions of ours, values quoted
        + ("" if step.kind is StepKind.SCORED else " WHERE t.key IS NOT NULL"),
    )
    if scored is not None:
        _declare_bands(runner, width=scored.amount_band_minor + 1)


def _declare_bands(runner: Runner, *, width: int) -> None:
    """Ledger entries stand in their own band and its neighbours, so that no pair within the band is cut apart."""
    below = f"((CAST(t.amount_minor AS HUGEINT) % {width}) + {width}) % {width}"
    band = f"CAST((t.amount_minor - {below}) // {width} AS BIGINT)" if width > 1 else "t.amount_minor"
    shifts = (-1, 0, 1) if width > 1 else (0,)
    ledger = " UNION ALL ".join(
        f"SELECT t.*, {band} + {shift} AS band FROM step_records AS t WHERE t.side = 'ledger'"  # noqa: S608
        for shift in shifts
    )
    runner.table(
        "band_records",
        f"SELECT t.*, {band} AS band FROM step_records AS t WHERE t.side = 'processor' UNION ALL {ledger}",  # noqa: S608
    )


def _constant(value: int | str) -> str:
    return literal(value) if isinstance(value, str) else f"CAST({value} AS BIGINT)"


def find_ambiguous(runner: Runner, steps: tuple[Step, ...], careful: Careful) -> None:
    """Ask the steps that had ties again, of what is left."""
    if not careful.on_both_sides:
        return
    tied = {(row["pass"], row["step"]) for row in runner.rows("SELECT DISTINCT pass, step FROM candidates")}
    for step in steps:
        if (step.rule.name, step.number) in tied and step.kind is StepKind.SUGGESTION:
            _declare_tied_keys(runner, step)
            _declare_step(runner, step, of_keys="tied_keys")
            for stage in ("3_begin", "3_suggestion_1"):
                runner.stage(stage)
            _look_near(runner, step)
            runner.stage("4_still_tied")
    if tied:
        runner.stage("4_tied_scores")


def _declare_tied_keys(runner: Runner, step: Step) -> None:
    """The keys under which the step had ties: what is left under another one had no candidate, and can get none."""
    runner.table(
        "tied_keys",
        f"SELECT DISTINCT {step.key(Side.PROCESSOR)} AS tied_key FROM careful_records AS c"  # noqa: S608 - expressions of ours
        " INNER JOIN candidates AS t ON c.seq = t.processor_seq"
        f" WHERE c.side = 'processor' AND t.pass = {literal(step.rule.name)} AND t.step = {step.number}",
    )
