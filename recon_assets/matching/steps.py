"""From rules to steps: what the stages see of one key alternative of one pass, as small SQL views.

What belongs here: turning a validated rule into expressions over the columns of the frames. Not here: what is done with
them, which is in `stages/` for everybody to read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from recon_assets.domain.records import Side
from recon_assets.matching.rule_values import KeyColumn, Normaliser, SideFilter, Values
from recon_assets.matching.rules import MatchingRules, Pass

SEPARATOR: Final = "chr(31)"
"""Between the columns of a key: the frames' ids have no control characters."""

NO_KEY: Final = "CAST(NULL AS VARCHAR)"


class StepKind(StrEnum):
    """Which stages a step runs through."""

    IDENTITY = "identity"
    SUGGESTION = "suggestion"
    GROUPS = "groups"
    SCORED = "scored"


@dataclass(frozen=True, slots=True)
class Step:
    """One key alternative of one pass, or a scored pass. `place` counts all steps from 1, `number` the pass's."""

    place: int
    number: int
    rule: Pass
    columns: tuple[KeyColumn, ...]

    @property
    def kind(self) -> StepKind:
        """What sort of step it is."""
        if self.rule.scored is not None:
            return StepKind.SCORED
        if self.rule.cardinality != "one_to_one":
            return StepKind.GROUPS
        return StepKind.IDENTITY if self.rule.differs == "report" else StepKind.SUGGESTION

    @property
    def single_side(self) -> Side:
        """Of groups: the side of which one record stands against several."""
        return Side.PROCESSOR if self.rule.cardinality == "one_to_many" else Side.LEDGER

    def key(self, side: Side) -> str:
        """The key of a record of that side, as SQL over its columns; null where a column is empty."""
        if not self.columns:
            return NO_KEY
        parts = [_cleaned(_column(column, side), column.normalise) for column in self.columns]
        return parts[0] if len(parts) == 1 else f" || {SEPARATOR} || ".join(f"({part})" for part in parts)

    def takes(self, side: Side) -> str:
        """The filter of that side, as SQL."""
        where = self.rule.where.processor if side is Side.PROCESSOR else self.rule.where.ledger
        return " AND ".join(_conditions(where)) or "TRUE"

    def keyed(self, side: Side) -> str:
        """The key of those records of that side that take part in the step, null for all others."""
        takes = self.takes(side)
        return self.key(side) if takes == "TRUE" else f"CASE WHEN {takes} THEN {self.key(side)} END"


def steps_of(rules: MatchingRules) -> tuple[Step, ...]:
    """Every step, in the order in which they run."""
    described = [
        (rule, number, columns) for rule in rules.passes for number, columns in enumerate(rule.keys or ((),), start=1)
    ]
    return tuple(
        Step(place=place, number=number, rule=rule, columns=columns)
        for place, (rule, number, columns) in enumerate(described, start=1)
    )


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _column(column: KeyColumn, side: Side) -> str:
    return column.processor if side is Side.PROCESSOR else column.ledger


def _cleaned(expression: str, normalisers: Sequence[Normaliser]) -> str:
    """An empty text is no key, so it becomes null."""
    for normaliser in normalisers:
        expression = _normalised(expression, normaliser)
    return f"nullif({expression}, '')" if normalisers else expression


def _normalised(expression: str, normaliser: Normaliser) -> str:
    match normaliser.step:
        case "trim" | "upper" | "lower":
            return f"{normaliser.step}({expression})"
        case "digits":
            return f"regexp_replace({expression}, '[^0-9]', '', 'g')"
        case "strip_leading_zeros":
            return f"regexp_replace({expression}, '^0+', '')"
        case "strip_prefix" | "strip_suffix":
            return _without_affix(expression, normaliser)
        case _ as never:
            assert_never(never)


def _without_affix(expression: str, normaliser: Normaliser) -> str:
    assert normaliser.text is not None, "an affix without a text is refused by the rules"
    text, length = literal(normaliser.text), len(normaliser.text)
    rest = f"length({expression}) - {length}"
    if normaliser.step == "strip_prefix":
        has, without = f"starts_with({expression}, {text})", f"substr({expression}, {length + 1})"
    else:
        has, without = f"right({expression}, {length}) = {text}", f"substr({expression}, 1, {rest})"
    return f"CASE WHEN {has} THEN {without} ELSE {expression} END"


def _conditions(where: SideFilter) -> Iterable[str]:
    for name in SideFilter.model_fields:
        values: Values[str] | None = getattr(where, name)
        if values is None:
            continue
        words = ", ".join(literal(str(word)) for word in values.is_in or values.not_in or ())
        if values.is_in is not None:
            yield f"coalesce({name} IN ({words}), FALSE)"
        else:
            yield f"coalesce({name} NOT IN ({words}), TRUE)"
