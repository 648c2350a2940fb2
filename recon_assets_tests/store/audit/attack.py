"""What an attack on the record is, what may come of it, and how a script works without leaving a trace in the schema.

Not here: the attacks (`attacks_on_record`, `attacks_on_schema`), and running them (`test_tamper_matrix`).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """As whom the script runs. Owners have logins that are members of the owner's group and of nothing else."""

    APPLICATION = "application"
    OWNER = "schema owner"
    AUDIT_OWNER = "audit owner"
    SUPERUSER = "superuser"


class Finder(StrEnum):
    """What reports it: a check of `verify_audit`, or what else stops and says so."""

    CHAIN = "chain"  # seals and events
    ROWS = "rows"  # rows against their events
    RULES = "rules"  # events that no guard would have let through
    SCHEMA = "schema"
    HEAD = "remembered head"
    STOP = "verification stops"  # it raises, since what it reads is not there
    SEALER = "sealing stops"  # it raises, and events stay counted as unsealed


class Step(StrEnum):
    """What honest others do before or after the script, while the attacker is still connected."""

    WRITE = "the application writes a setting"
    SEAL = "the application seals"


@dataclass(frozen=True, slots=True)
class Refused:
    """The script failed with this SQLSTATE, and the record is byte for byte as before."""

    sqlstate: str = "42501"


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The script ran to its end, and record and schema are byte for byte as before. `why` is for the document."""

    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """The script ran to its end, and exactly these report it."""

    by: frozenset[Finder]


@dataclass(frozen=True, slots=True)
class NotFound:
    """The script ran to its end, and nothing reports it: only for lies about the present."""


Outcome = Refused | Unchanged | Found | NotFound
REFUSED: Final = Refused()
NO_ROWS: Final = Unchanged("no rows")  # row-level security shows none
NO_EFFECT: Final = Unchanged("no effect")
CHAIN, ROWS, RULES, SCHEMA, HEAD, STOP, SEALER = (Found(frozenset({finder})) for finder in Finder)
NOT_FOUND: Final = NotFound()


@dataclass(frozen=True, slots=True)
class Attack:
    """One script, the same at every level; `outcomes` are in the order of `Level`.

    `first` and `then` are done by the application around it. `undo` takes back what belongs to the server and not to
    the database.
    """

    name: str
    sql: str
    outcomes: tuple[Outcome, Outcome, Outcome, Outcome]
    first: Step | None = None
    then: Step | None = None
    undo: str = ""

    def outcome(self, level: Level) -> Outcome:
        return self.outcomes[list(Level).index(level)]


REFUSED_TO_ALL: Final = (REFUSED, REFUSED, REFUSED, REFUSED)


def both(*found: Found) -> Found:
    """Found by all of them."""
    return Found(frozenset().union(*(each.by for each in found)))


def without_triggers(table: str, change: str) -> str:
    """Every trigger off, the change, every trigger back as it was, on partitions too."""
    return f"""
        ALTER TABLE {table} DISABLE TRIGGER USER;
        {change};
        DO $$ DECLARE found record; BEGIN
            FOR found IN
                SELECT tgrelid::regclass AS name, tgname FROM pg_trigger
                WHERE NOT tgisinternal AND tgparentid = 0 AND tgrelid IN (
                    SELECT '{table}'::regclass UNION SELECT relid FROM pg_partition_tree('{table}')
                )
            LOOP
                EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', found.name, found.tgname);
            END LOOP;
        END $$
    """


def unforced(table: str, change: str) -> str:
    """The owner lets himself past row-level security for the time of the change, on partitions too."""
    tables = f"""
        SELECT oid::regclass AS name FROM pg_class WHERE relrowsecurity AND oid IN (
            SELECT '{table}'::regclass UNION SELECT relid FROM pg_partition_tree('{table}')
        )
    """
    turn = """
        DO $$ DECLARE found record; BEGIN
            FOR found IN {tables} LOOP
                EXECUTE format('ALTER TABLE %s {how} ROW LEVEL SECURITY', found.name);
            END LOOP;
        END $$
    """
    return ";".join((turn.format(tables=tables, how="NO FORCE"), change, turn.format(tables=tables, how="FORCE")))


def unseen(table: str, change: str) -> str:
    """The owner's best: past the triggers and row-level security, and everything put back."""
    return unforced(table, without_triggers(table, change))
