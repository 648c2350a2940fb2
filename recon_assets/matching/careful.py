"""Which records need a careful look: the funnel before all steps, which lets through what is not clean.

What belongs here: which of the ways to find them is taken. They find the same; the SQL is in `stages/`.
"""

from dataclasses import dataclass
from typing import Final

from recon_assets.matching.runner import Runner

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
    if runner.stops_at_limit and _joined(runner):
        runner.stage("2_careful_by_number")
    else:
        runner.stage("1_unclean_keys")
        runner.stage("2_careful_by_key")
    runner.stage("2_careful_records")
    (counts,) = runner.rows(
        "SELECT count(*) AS records, count(CASE WHEN side = 'processor' THEN 1 END) AS transactions,"
        " (SELECT count(*) FROM crowded_keys) AS crowded FROM careful_records"
    )
    records, transactions = int(counts["records"]), int(counts["transactions"])
    return Careful(transactions, records - transactions, int(counts["crowded"]))


def _joined(runner: Runner) -> bool:
    """Join all keys, unless that would compare each with each."""
    runner.table(
        "frame_sizes",
        "SELECT p.records AS transactions, l.records AS ledger_entries,"  # noqa: S608 - an integer of ours
        f" (p.records + l.records) * {MOST_PAIRS_A_RECORD} AS most_pairs"
        " FROM (SELECT count(*) AS records FROM transactions) AS p"
        " CROSS JOIN (SELECT count(*) AS records FROM ledger_entries) AS l",
    )
    runner.stage("1_joined_keys")
    (found,) = runner.rows(
        "SELECT j.pairs >= s.most_pairs AS ended,"
        " j.transactions > s.transactions OR j.ledger_entries > s.ledger_entries AS repeated"
        " FROM (SELECT count(*) AS pairs, count(processor_seq) AS transactions, count(ledger_seq) AS ledger_entries"
        " FROM joined_keys) AS j CROSS JOIN frame_sizes AS s"
    )
    if found["ended"]:
        runner.table("joined_keys", "SELECT * FROM joined_keys WHERE FALSE")  # its memory is needed
        return False
    if found["repeated"]:
        runner.stage("1_repeated_keys")
    else:
        runner.view("unclean_rows", "SELECT processor_seq, ledger_seq FROM joined_keys WHERE NOT agrees")
    return True
