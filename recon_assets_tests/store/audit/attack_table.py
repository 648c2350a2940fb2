"""The matrix of attacks as docs/security.md shows it. A test compares the two; to write it anew:

python -m recon_assets_tests.store.audit.attack_table
"""

from collections import Counter
from pathlib import Path
from typing import Final

from recon_assets_tests.store.audit.attack import Attack, Found, Level, NotFound, Refused, Unchanged
from recon_assets_tests.store.audit.attacks_on_record import ATTACKS_ON_RECORD
from recon_assets_tests.store.audit.attacks_on_schema import ATTACKS_ON_SCHEMA

DOCUMENT: Final = Path(__file__).resolve().parents[3] / "docs" / "security.md"
BEGIN, END = "<!-- attacks: begin -->\n", "<!-- attacks: end -->\n"
ATTACKS: Final = (*ATTACKS_ON_RECORD, *ATTACKS_ON_SCHEMA)

LIES_ABOUT_THE_PRESENT: Final = {
    "a new false event",
    "a new event is made false before it is sealed",
    "a setting is changed without an event, then a false event speaks of it",
}
"""One attack in three forms: what is newer than the last seal is what who owns the audit says it is."""


def section() -> str:
    """How many ended how at each level, and one line for each attack."""
    kinds = ("refused", "no rows", "no effect", "found", "not found")
    lines = [f"| {len(ATTACKS)} attacks, as | {' | '.join(kinds)} |", "|---" * (1 + len(kinds)) + "|"]
    for level in Level:
        ends = Counter(_kind(attack, level) for attack in ATTACKS)
        lines.append(f"| {level} | {' | '.join(str(ends[kind]) for kind in kinds)} |")
    lines += ["", f"| attack | {' | '.join(Level)} |", "|---" * (1 + len(Level)) + "|"]
    lines += [f"| {attack.name} | {' | '.join(_cell(attack, level) for level in Level)} |" for attack in ATTACKS]
    return "\n".join(lines) + "\n"


def with_section(document: str) -> str:
    """The document with the table of today."""
    before, rest = document.split(BEGIN)
    return before + BEGIN + section() + END + rest.split(END)[1]


def _kind(attack: Attack, level: Level) -> str:
    match attack.outcome(level):
        case Refused():
            return "refused"
        case Unchanged(why=why):
            return why
        case Found():
            return "found"
        case NotFound():
            return "not found"


def _cell(attack: Attack, level: Level) -> str:
    match attack.outcome(level):
        case Found(by=finders):
            return ", ".join(sorted(finders))
        case Refused() | Unchanged():
            return _kind(attack, level)
        case _:
            return f"**{_kind(attack, level)}**"


if __name__ == "__main__":
    DOCUMENT.write_text(with_section(DOCUMENT.read_text()))
