"""The stages against the rule book in plain Python (`oracle`), on thousands of small random days under random rules."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from recon_assets.matching.engine import Matching
from recon_assets.matching.rules import MatchingRules
from recon_assets_tests.matching.days import DAY, match, rows, rows_of
from recon_assets_tests.matching.frames import Record
from recon_assets_tests.matching.oracle import Row, expected_day
from recon_assets_tests.matching.random_days import frames, group_passes, keyed_passes, rules, scored_passes

SMALL_DAYS = 20

Frames = tuple[list[Record], list[Record]]


@contextmanager
def compared(both: Frames, its: MatchingRules, **other: object) -> Iterator[Matching]:
    with tempfile.TemporaryDirectory() as folder:
        yield match(Path(folder), *both, its, **other)


def answer(matching: Matching) -> Counter[Row]:
    return Counter(
        Row(
            kind=row["class"],
            side=row["side"],
            processor_seq=row["processor_seq"],
            ledger_seq=row["ledger_seq"],
            amount_minor=row["amount_minor"],
            rule=row["pass"],
            differs=row["differs"],
            due_on=row["due_on"],
            fee_difference_minor=row["fee_difference_minor"],
        )
        for row in rows(matching)
    )


def check(both: Frames, its: MatchingRules, **other: object) -> None:
    """Engine and oracle say the same, the proof closes, and every record is accounted for once."""
    expected = expected_day(*both, its, business_date=DAY, **other)
    with compared(both, its, **other) as matching:
        found = answer(matching)
        assert (found - expected.rows, expected.rows - found) == (Counter(), Counter())
        assert matching.matched_by_pass == expected.matched_by_pass
        assert matching.open_records is not None
        assert {(row["side"], row["seq"]) for row in rows_of(matching.open_records)} == expected.open_records
        check_accounts(both, matching, found)


def check_accounts(both: Frames, matching: Matching, found: Counter[Row]) -> None:
    assert all(proof.residual_minor == 0 for proof in matching.proofs)
    looked_at = rows_of(matching.matches)
    for place, (frame, name) in enumerate(zip(both, ("processor", "ledger"), strict=True)):
        in_match = {(row[f"{name}_seq"], row["pass"], row["step"], row["match_no"]) for row in looked_at}
        alone = [seq for row in found.elements() if (seq := row[2 + place]) is not None and row[3 - place] is None
                 and row.kind not in {"restated", "unclassified"}]  # fmt: skip
        matched = [seq for seq, *_ in in_match]
        records = [getattr(by_pass, f"{name}_records") for by_pass in matching.matched_by_pass.values()]
        assert len(set(matched)) == len(matched), "a record is in two matches"
        assert len(set(alone)) == len(alone), "a record has two rows"
        assert not set(alone) & set(matched), "a record is matched and alone"
        assert sum(records) + len(alone) == len(frame), "a record is not accounted for"


@settings(max_examples=40)
@given(both=frames(small_days=SMALL_DAYS))
def test_random_days_under_the_default_rules(both: Frames) -> None:
    check(both, MatchingRules())


@settings(max_examples=40)
@given(both=frames(small_days=SMALL_DAYS), data=st.data())
def test_random_days_under_any_keys_tolerances_and_filters(both: Frames, data: DataObject) -> None:
    passes = tuple(data.draw(keyed_passes(name=f"pass_{number}")) for number in range(2))

    check(both, MatchingRules(passes=passes))


@settings(max_examples=40)
@given(both=frames(small_days=SMALL_DAYS), passes=st.tuples(group_passes(name="sums"), keyed_passes(name="keys")))
def test_random_days_with_groups(both: Frames, passes: tuple) -> None:
    check(both, MatchingRules(passes=passes))


@settings(max_examples=40)
@given(both=frames(small_days=8), passes=st.tuples(scored_passes(name="scores"), keyed_passes(name="keys")))
def test_random_days_with_scores(both: Frames, passes: tuple) -> None:
    check(both, MatchingRules(passes=passes))


@settings(max_examples=40)
@given(both=frames(small_days=10), its=rules(), days_later=st.integers(0, 4), data=st.data())
def test_random_days_under_random_rules_with_an_answer_of_before(
    both: Frames, its: MatchingRules, days_later: int, data: DataObject
) -> None:
    changes = st.sampled_from(["amount_minor", "status", "fee_minor", "gone", "same", "same"])
    before = []
    for record in both[0]:
        change = data.draw(changes)
        if change in {"amount_minor", "fee_minor"}:
            before.append(replace(record, **{change: 77}))
        elif change == "status":
            before.append(replace(record, status="reversed"))
        elif change == "same":
            before.append(record)

    check(both, its, newest_date=DAY + timedelta(days=days_later), concluded=before)
