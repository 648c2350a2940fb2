"""The matrix of attacks as docs/security.md shows it. A test compares the two; to write it anew:

python -m recon_assets_tests.store.audit.attack_table
"""

from pathlib import Path
from typing import Final

from recon_assets_tests.store.audit.attack import Found, Level, NotFound, Outcome, Refused, Unchanged
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
    """The table, one line for each attack."""
    lines = [f"| attack | {' | '.join(Level)} |", "|---" * (1 + len(Level)) + "|"]
    for attack in ATTACKS:
        cells = ["**open**" if level in attack.open_to else _cell(attack.outcome(level)) for level in Level]
        lines.append(f"| {attack.name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def with_section(document: str) -> str:
    """The document with the table of today."""
    before, rest = document.split(BEGIN)
    return before + BEGIN + section() + END + rest.split(END)[1]


def _cell(outcome: Outcome) -> str:
    match outcome:
        case Refused(sqlstate=sqlstate):
            return f"refused {sqlstate}"
        case Unchanged(why=why):
            return why
        case Found(by=finders):
            return f"found: {', '.join(sorted(finders))}"
        case NotFound():
            return "**not found**"


if __name__ == "__main__":
    DOCUMENT.write_text(with_section(DOCUMENT.read_text()))
