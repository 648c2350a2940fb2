"""What was found, held against the truth: precision and recall by class, and of pairs.

Sets of records and pairs in DuckDB within a limit of memory; ratios are exact counts divided once, and None where there
is nothing to divide.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recon_assets.matching.duckdb_runner import quoted
from recon_assets.matching.engine import Matching
from recon_assets_tests.scorecard.frames import GeneratedDay, bounded


@dataclass(frozen=True, slots=True)
class Score:
    """`found` of which `right`, of `true` that there are."""

    found: int
    right: int
    true: int

    @property
    def precision(self) -> float | None:
        """The share of what was found that is right."""
        return self.right / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """The share of what there is that was found."""
        return self.right / self.true if self.true else None

    @property
    def counts(self) -> tuple[int, int, int]:
        """Found, right and true, as a child process tells them."""
        return self.found, self.right, self.true


@dataclass(frozen=True, slots=True)
class PairScores:
    """Of a day without ids: what was confirmed, and what was confirmed or suggested.

    `candidates_a_record` is how many suggestions a person sees for a transaction with any.
    """

    confirmed: Score
    with_suggestions: Score
    candidates_a_record: float


def class_scores(generated: GeneratedDay, matching: Matching) -> Mapping[str, Score]:
    """By class, in records: a match worth a row is two. A record in no row is `matched`.

    A restated record is one of the answer before, known by its id, beside what it is today.
    """
    rows = " UNION ALL ".join(
        f"SELECT '{side}' AS side, {side}_seq AS seq, class FROM read_parquet({quoted(matching.discrepancies)})"
        f" WHERE {side}_seq IS NOT NULL AND class <> 'restated'"
        for side in ("processor", "ledger")
    )
    found = (
        f"SELECT t.side, t.seq, coalesce(r.class, 'matched') AS class FROM ({_truth(generated)}) AS t"
        f" LEFT JOIN ({rows}) AS r ON t.side = r.side AND t.seq = r.seq"
    )
    restated = (
        f"SELECT transaction_id, class FROM read_parquet({quoted(matching.discrepancies)}) WHERE class = 'restated'"
    )
    was = f"SELECT transaction_id, class FROM read_parquet({quoted(generated.truth)}) WHERE side = 'concluded'"
    return {
        **_by_class(found, _truth(generated), generated, columns="side, seq, class"),
        **_by_class(restated, was, generated, columns="transaction_id, class"),
    }


def _truth(generated: GeneratedDay) -> str:
    """The records of both sides."""
    return (
        "SELECT side, seq, transaction_id, class"
        f" FROM read_parquet({quoted(generated.truth)}) WHERE side <> 'concluded'"
    )


def class_scores_by_id(generated: GeneratedDay, found: Path) -> Mapping[str, Score]:
    """By class, in transaction ids: for tools that know no other address. `found` has transaction_id and class."""
    return _by_class(
        f"SELECT transaction_id, class FROM read_csv({quoted(found)}, header = true, all_varchar = true)",
        _truth(generated),
        generated,
        columns="transaction_id, class",
    )


def _by_class(found: str, truth: str, generated: GeneratedDay, *, columns: str) -> Mapping[str, Score]:
    query = f"""
    WITH found AS (SELECT DISTINCT {columns} FROM ({found})),
    truth AS (SELECT DISTINCT {columns} FROM ({truth})),
    counted AS (
        SELECT class, count(*) AS found, 0 AS correct, 0 AS expected FROM found GROUP BY class
        UNION ALL SELECT class, 0, 0, count(*) FROM truth GROUP BY class
        UNION ALL SELECT class, 0, count(*), 0 FROM found INNER JOIN truth USING ({columns}) GROUP BY class
    )
    SELECT class, sum(found), sum(correct), sum(expected) FROM counted GROUP BY class ORDER BY class
    """
    return {row[0]: Score(int(row[1]), int(row[2]), int(row[3])) for row in _rows(query, generated)}


def _rows(query: str, generated: GeneratedDay) -> list[tuple[Any, ...]]:
    with bounded(generated.folder) as connection:
        return connection.execute(query).fetchall()


def keyed_pairs(generated: GeneratedDay, matching: Matching) -> Score:
    """Which transaction with which ledger entry. What no careful file has is matched by its id."""
    alone = (
        f"SELECT {{side}}_seq AS seq FROM read_parquet({quoted(matching.discrepancies)}) WHERE class <> 'restated'"
        f" UNION ALL SELECT {{side}}_seq FROM read_parquet({quoted(matching.matches)})"
    )
    return _pair_score(
        f"SELECT processor_seq, ledger_seq FROM read_parquet({quoted(matching.matches)})"
        " UNION ALL SELECT p.seq, l.seq FROM"
        f" (SELECT seq, transaction_id FROM read_parquet({quoted(generated.day.transactions)}) AS t"
        f"  ANTI JOIN ({alone.format(side='processor')}) AS a ON t.seq = a.seq) AS p"
        f" INNER JOIN (SELECT seq, transaction_id FROM read_parquet({quoted(generated.day.ledger_entries)}) AS t"
        f"  ANTI JOIN ({alone.format(side='ledger')}) AS a ON t.seq = a.seq) AS l USING (transaction_id)",
        generated,
    )


def keyless_pairs(generated: GeneratedDay, matching: Matching) -> PairScores:
    """Confirmed pairs, and suggested ones counted as found when the right one is among a record's."""
    return _pair_scores(
        f"SELECT processor_seq, ledger_seq FROM read_parquet({quoted(matching.matches)})",
        f"SELECT processor_seq, ledger_seq FROM read_parquet({quoted(matching.candidates)})",
        generated,
    )


def keyless_pairs_of_a_peer(generated: GeneratedDay, found: Path) -> PairScores:
    """The same of a file with processor_seq, ledger_seq and is_confirmed."""
    pairs = f"SELECT processor_seq, ledger_seq FROM read_parquet({quoted(found)}) WHERE "
    return _pair_scores(pairs + "is_confirmed", pairs + "NOT is_confirmed", generated)


def _pair_scores(confirmed: str, suggested: str, generated: GeneratedDay) -> PairScores:
    ((candidates, records),) = _rows(f"SELECT count(*), count(DISTINCT processor_seq) FROM ({suggested})", generated)
    return PairScores(
        confirmed=_pair_score(confirmed, generated),
        with_suggestions=_pair_score(f"{confirmed} UNION {suggested}", generated),
        candidates_a_record=candidates / records if records else 0.0,
    )


def _pair_score(found: str, generated: GeneratedDay) -> Score:
    truth = f"read_parquet({quoted(generated.pairs)})"
    ((count, right, true),) = _rows(
        f"WITH found AS ({found}) SELECT (SELECT count(*) FROM found),"
        f" (SELECT count(*) FROM found INNER JOIN {truth} USING (processor_seq, ledger_seq)),"
        f" (SELECT count(*) FROM {truth})",
        generated,
    )
    return Score(count, right, true)
