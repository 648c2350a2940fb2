"""What holds for the engine as a whole, whatever the rules: counts, proofs, ids for life, equal bytes, limits."""

from pathlib import Path

import pytest

from recon_assets.domain.errors import LimitExceeded
from recon_assets.matching.rule_values import KeyColumn
from recon_assets.matching.rules import MatchingRules, Pass
from recon_assets.matching.runner import DuckDB, running
from recon_assets_tests.matching.days import classes, match, matched_by_first, rows
from recon_assets_tests.matching.frames import Record


def test_equal_sides_match_and_leave_no_discrepancy(tmp_path: Path) -> None:
    day = [Record("a"), Record("b", -5), Record("c", currency="JPY")]

    matching = match(tmp_path, day, list(reversed(day)))

    assert matching.matched_by_pass == matched_by_first(3)
    assert matching.count_by_class == {}
    assert [proof.residual_minor for proof in matching.proofs] == [0, 0]
    assert not (tmp_path / "matched" / "spill").exists()


def test_a_day_without_records_has_nothing_to_tell(tmp_path: Path) -> None:
    matching = match(tmp_path, [], [])

    assert (matching.matched_by_pass, matching.count_by_class, matching.proofs) == (matched_by_first(0), {}, ())


def test_a_discrepancy_keeps_its_id_when_its_class_changes(tmp_path: Path) -> None:
    (missing,) = rows(match(tmp_path / "one", [Record("a")], []))
    (mismatch,) = rows(match(tmp_path / "two", [Record("a")], [Record("a", 999)]))

    assert missing["class"] != mismatch["class"]
    assert missing["discrepancy_id"] == mismatch["discrepancy_id"]


def test_equal_frames_give_equal_bytes(tmp_path: Path) -> None:
    processor, ledger = [Record(str(i)) for i in range(500)], [Record(str(i), 999) for i in range(500)]

    first, second = match(tmp_path / "one", processor, ledger), match(tmp_path / "two", processor, ledger)

    assert first.discrepancies.read_bytes() == second.discrepancies.read_bytes()


def test_totals_beyond_64_bits_stay_exact(tmp_path: Path) -> None:
    largest = 2**63 - 1

    matching = match(tmp_path, [Record("a", largest), Record("b", largest)], [Record("a", largest), Record("c", -1)])

    (proof,) = matching.proofs
    assert proof.processor_total_minor == 2 * largest
    assert proof.residual_minor == 0


def test_a_difference_beyond_64_bits_is_refused_and_not_repeated_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded, match="does not fit in 64 bits") as caught:
        match(tmp_path, [Record("a", 2**63 - 1)], [Record("a", -(2**63 - 1))])

    assert str(2**63 - 1) not in str(caught.value)


def test_offsetting_differences_are_counted_gross_and_add_up_to_the_difference_of_the_totals(tmp_path: Path) -> None:
    matching = match(tmp_path, [Record("a", 1000), Record("b", 1000)], [Record("a", 900), Record("b", 1100)])

    (proof,) = matching.proofs
    assert classes(matching) == {"amount_mismatch": 2}
    assert (proof.signed_discrepancies_minor, proof.discrepancy_amount_minor, proof.residual_minor) == (0, 200, 0)


def test_a_record_keeps_its_id_when_its_namesake_matches_by_another_key(tmp_path: Path) -> None:
    by_order = MatchingRules(passes=(Pass(name="order", keys=((KeyColumn.same("order_id"),),), differs="report"),))
    first, second = Record("a", order_id="o1"), Record("a", 500, order_id="o2", second=1)

    alone = match(tmp_path / "both_missing", [first, second], [], by_order)
    clean = match(tmp_path / "first_clean", [first, second], [Record("z", order_id="o1")], by_order)

    ids = {row["processor_seq"]: row["discrepancy_id"] for row in rows(alone)}
    assert [row["discrepancy_id"] for row in rows(clean)] == [ids[1]]


@pytest.mark.parametrize(("limit", "buffers"), [("256MiB", "192.0 MiB"), ("1GiB", "896.0 MiB"), ("2GiB", "1.7 GiB")])
def test_duckdb_gets_less_than_the_limit_since_the_process_needs_some_of_it(
    tmp_path: Path, limit: str, buffers: str
) -> None:
    with running(DuckDB(limit), spill=tmp_path / "spill") as runner:
        (row,) = runner.rows("SELECT current_setting('memory_limit') AS allowed")

    assert row["allowed"] == buffers
