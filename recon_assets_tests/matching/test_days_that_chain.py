"""Days of one processor in every order, run again, late and incomplete: what matches across days ends the same."""

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, DrawFn

from recon_assets.domain.records import Side
from recon_assets.matching.across_days import chained_window, days_needed
from recon_assets.matching.engine import Matching
from recon_assets.matching.rules import MatchingRules
from recon_assets_tests.matching.days import match, rows, rows_of
from recon_assets_tests.matching.frames import Record
from recon_assets_tests.matching.oracle import AcrossDays, OpenRecord, expected_across_days, expected_day
from recon_assets_tests.matching.random_days import keyed_passes, open_records, windows

FIRST = date(2025, 9, 25)
DAYS = [FIRST + timedelta(days=number) for number in range(6)]
SMALL_DAYS = 8

Frames = tuple[list[Record], list[Record]]


@dataclass
class Store:
    """What the database and the storage keep between runs: open records by day, and the live matches across days."""

    folder: Path
    rules: MatchingRules
    open_records: dict[date, Path] = field(default_factory=dict)
    across_days: set[AcrossDays] = field(default_factory=set)
    runs: int = 0

    def run(self, day: date, frames: Frames, *, complete: bool = True) -> Matching:
        """One run of one day, published as `assets/discrepancies.py` does."""
        self.runs += 1
        since, until = days_needed(day, self.rules)
        near = {other: file for other, file in self.open_records.items() if since <= other <= until and other != day}
        matching = match(
            self.folder / str(self.runs), *frames, self.rules, business_date=day, complete=complete, neighbours=near
        )
        self.open_records.pop(day, None)
        if matching.open_records is not None:
            self.open_records[day] = matching.open_records
        since, until = chained_window(day, self.rules)
        kept = {
            m for m in self.across_days if not (since <= m.processor_date <= until and since <= m.ledger_date <= until)
        }
        self.across_days = kept | {
            AcrossDays(*(row[name] for name in _COLUMNS)) for row in rows_of(matching.across_days)
        }
        return matching

    def by_address(self) -> set[AcrossDays]:
        """The live matches, with the records' places in their frames instead of their ids."""
        seqs = {
            (day, row["side"], row["discrepancy_id"]): row["seq"]
            for day, file in self.open_records.items()
            for row in rows_of(file)
        }
        return {
            found._replace(
                processor=seqs[found.processor_date, "processor", found.processor],
                ledger=seqs[found.ledger_date, "ledger", found.ledger],
            )
            for found in self.across_days
        }


_COLUMNS = ("processor_date", "processor_discrepancy_id", "ledger_date", "ledger_discrepancy_id", "pass")


def expected(frames: dict[date, Frames], rules: MatchingRules) -> set[AcrossDays]:
    """What the rule book says matches across these days."""
    left = {
        day: [
            OpenRecord(Side(side), seq, both[side == Side.LEDGER][seq])
            for side, seq in expected_day(*both, rules, business_date=day).open_records
        ]
        for day, both in frames.items()
    }
    return expected_across_days(left, rules)


def check_own_rows(day: date, both: Frames, matching: Matching, live: set[AcrossDays], rules: MatchingRules) -> None:
    """What the re-run day says of its records is what matches across days, and else what it says alone."""
    found = Counter((row["class"], row["side"], row["processor_seq"], row["ledger_seq"], row["counterpart_date"], row["pass"])
                    for row in rows(matching))  # fmt: skip
    ours = {("processor", m.processor): (m.ledger_date, m.rule) for m in live if m.processor_date == day}
    ours |= {("ledger", m.ledger): (m.processor_date, m.rule) for m in live if m.ledger_date == day}
    says = Counter[tuple[object, ...]]()
    for row in expected_day(*both, rules, business_date=day).rows.elements():
        seq = row.processor_seq if row.side == "processor" else row.ledger_seq
        across = ours.get((row.side, seq)) if row.kind.startswith("missing") else None
        kind, counterpart = ("matched_prior_day", across[0]) if across else (row.kind, None)
        says[kind, row.side, row.processor_seq, row.ledger_seq, counterpart, across[1] if across else row.rule] += 1
    assert found == says
    assert all(proof.residual_minor == 0 for proof in matching.proofs)


@st.composite
def histories(draw: DrawFn) -> dict[date, Frames]:
    """Frames of a few days with much that stays alone, and is alike on several of them."""
    frames: dict[date, Frames] = {day: ([], []) for day in DAYS}
    for number in range(10, 10 + SMALL_DAYS):
        for both in frames.values():
            for frame in both:
                frame += draw(st.lists(open_records(number), max_size=2))
    return frames


@st.composite
def chaining_rules(draw: DrawFn) -> MatchingRules:
    """The default, or passes of several alternatives with windows up to two days, of which not all chain."""
    if draw(st.booleans()):
        by_id = MatchingRules().passes[0].model_copy(update={"dates": draw(windows(2))})
        return MatchingRules(passes=(by_id, MatchingRules().passes[1].model_copy(update={"dates": draw(windows(2))})))
    passes = [draw(keyed_passes(name=f"pass_{number}")) for number in range(2)]
    return MatchingRules(
        passes=tuple(one.model_copy(update={"dates": draw(st.none() | windows(2))}) for one in passes),
        holidays=draw(st.sampled_from([(), (DAYS[1],)])),
    )


@settings(max_examples=6)
@given(frames=histories(), rules=chaining_rules(), data=st.data())
def test_in_whatever_order_days_run_and_however_often_it_ends_the_same(
    frames: dict[date, Frames], rules: MatchingRules, data: DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, concluded = Store(Path(folder), rules), dict[date, Frames]()

        def run(day: date, both: Frames, *, complete: bool = True) -> Matching:
            matching = store.run(day, both, complete=complete)
            concluded.pop(day, None)
            concluded.update({day: both} if complete else {})
            assert store.by_address() == expected(concluded, rules), "the matches are not those of the open records"
            return matching

        for day in data.draw(st.permutations(DAYS)):
            transactions, entries = frames[day]
            how = data.draw(st.sampled_from(["whole", "whole", "early", "incomplete"]))
            run(day, (transactions, entries[:-1]) if how == "early" else frames[day], complete=how != "incomplete")
        for day in data.draw(st.permutations(DAYS)):
            matching = run(day, frames[day])
        assert store.by_address() == expected(frames, rules)
        check_own_rows(day, frames[day], matching, store.by_address(), rules)
        run(day, frames[day], complete=False)
