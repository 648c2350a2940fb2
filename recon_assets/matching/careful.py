"""Which records need a careful look: the funnel before all steps, which lets through what is not clean.

What belongs here: which of the ways to find them is taken. They find the same; the SQL is in `stages/`.
"""

from dataclasses import dataclass
from typing import Final

from recon_assets.matching.frames_in_sql import ID_OF_RECORD, declare_both_answers
from recon_assets.matching.runner import Runner, tables_of

MOST_PAIRS_A_RECORD: Final = 2
"""Of the join of all keys: where keys are mostly there once on a side, there are as many pairs as records, or fewer."""


@dataclass(frozen=True, slots=True)
class Careful:
    """How many records need a careful look, and of how many keys there is more than one on a side."""

    transactions: int
    ledger_entries: int
    crowded_keys: int

    @property
    def on_both_sides(self) -> bool:
        """Without that nothing can match."""
        return self.transactions > 0 and self.ledger_entries > 0


def find_careful(runner: Runner) -> Careful:
    """Put them into the table `careful_records`, of the frames that `frames_in_sql` declares."""
    if keys_are_joined(runner, others="ledger_entries"):
        runner.stage("2_careful_by_number")
    else:
        runner.stage("1_unclean_keys")
        runner.stage("2_careful_by_key")
    runner.stage("2_crowded_keys")
    (counts,) = runner.rows(
        "SELECT count(*) AS records, count(CASE WHEN side = 'processor' THEN 1 END) AS transactions,"
        " (SELECT count(*) FROM crowded_keys) AS crowded FROM careful_records"
    )
    records, transactions = int(counts["records"]), int(counts["transactions"])
    return Careful(transactions, records - transactions, int(counts["crowded"]))


def keys_are_joined(runner: Runner, *, others: str) -> bool:
    """Join all keys of the transactions and the frame `others`, unless that would compare each with each.

    Then `unclean_rows` has the numbers of the records whose keys are not clean.
    """
    if not runner.stops_at_limit:
        return False
    runner.table(
        "frame_sizes",
        "SELECT t.records AS own, o.records AS others,"  # noqa: S608 - an integer and a name of ours
        f" (t.records + o.records) * {MOST_PAIRS_A_RECORD} AS most_pairs"
        " FROM (SELECT count(*) AS records FROM transactions) AS t"
        f" CROSS JOIN (SELECT count(*) AS records FROM {others}) AS o",
    )
    runner.stage("1_joined_keys")
    (found,) = runner.rows(
        "SELECT j.pairs >= s.most_pairs AS ended,"
        " j.own > s.own OR j.others > s.others AS repeated"
        " FROM (SELECT count(*) AS pairs, count(own_seq) AS own, count(other_seq) AS others FROM joined_keys) AS j"
        " CROSS JOIN frame_sizes AS s"
    )
    if found["repeated"] and not found["ended"]:
        runner.derived("unclean_rows", tables_of("1_repeated_keys"))
    elif not found["ended"]:
        runner.table("unclean_rows", "SELECT own_seq, other_seq FROM joined_keys WHERE NOT agrees")
    runner.table("joined_keys", "SELECT * FROM joined_keys WHERE FALSE")  # what comes next needs its memory
    return not found["ended"]


def find_changed(runner: Runner) -> None:
    """The ids of which not all is as `concluded_transactions` has it: `changed_ids`, and perhaps some that are new."""
    declare_both_answers(runner)
    if keys_are_joined(runner, others="concluded_transactions"):
        runner.table(
            "changed_ids",
            f"SELECT DISTINCT {ID_OF_RECORD} AS id FROM concluded_transactions"  # noqa: S608 - expressions of ours
            " WHERE seq IN (SELECT other_seq FROM unclean_rows)",
        )
    else:
        runner.stage("1_unclean_keys")
        runner.view("changed_ids", "SELECT key AS id FROM unclean_keys")
