"""A pass that is wrong in `matching.yaml`: every mistake names file, line and field."""

from pathlib import Path

import pytest

from recon_assets.matching.rules import MAX_PASSES
from recon_assets_tests.matching.rule_files import HEAD, SCORED, refusal

NORMALISED = """\
  - name: more
    keys:
      - - processor: order_id
          ledger: order_id
          normalise:
            - """
"""Goes on after `HEAD`: the step is in line 10."""

IN_A_PASS = [
    ("    key: [[order_id]]\n", "passes.0.key: Extra inputs are not permitted (line 5)"),
    ("    differs: shout\n", "passes.0.differs: Input should be 'report' or 'leave' (line 5)"),
    ("    differs: true\n", "passes.0.differs: Input should be 'report' or 'leave' (line 5)"),
    ("    cardinality: many_to_many\n", "passes.0.cardinality: Input should be 'one_to_one', "),
    ("    cardinality: many_to_one\n", "passes.0.cardinality: many_to_one needs group_by"),
    ("    group_by: payout_id\n", "passes.0.group_by: is for one_to_many and many_to_one (line 5)"),
    (
        "    cardinality: one_to_many\n    group_by: payout_id\n    amount:\n      tolerance:\n        minor: 1\n",
        "passes.0.amount.tolerance: one_to_many is exact: no tolerance (line 8)",
    ),
    ("    cardinality: one_to_many\n    group_by: amount\n", "passes.0.group_by: Input should be 'transaction_id'"),
    ("    amount: {compare: net}\n", "passes.0.amount.compare: Extra inputs are not permitted (line 5)"),
    (
        "    amount:\n      tolerance:\n        minor: 1.5\n",
        "tolerance.minor: Input should be a valid integer (line 7)",
    ),
    (
        "    amount:\n      tolerance:\n        minor: '1'\n",
        "tolerance.minor: Input should be a valid integer (line 7)",
    ),
    (
        "    amount:\n      tolerance:\n        minor: true\n",
        "tolerance.minor: Input should be a valid integer (line 7)",
    ),
    (
        "    amount:\n      tolerance:\n        minor: -1\n",
        "tolerance.minor: Input should be greater than or equal to 0",
    ),
    (
        "    amount: {tolerance: {minor: 1000000000001}}\n",
        "tolerance.minor: Input should be less than or equal to 1000",
    ),
    ("    amount: {tolerance: {basis_points: 10001}}\n", "basis_points: Input should be less than or equal to 10000"),
    ("    amount: {tolerance: {minor: 1, base: ledger}}\n", "tolerance.base: is what basis_points are taken of, and"),
    ("    amount: {tolerance: {direction: ledger_more}}\n", "tolerance.direction: needs a tolerance: give minor or"),
    ("    amount: {tolerance: {minor: 1, direction: up}}\n", "tolerance.direction: Input should be 'either', "),
    ("    amount: {tolerance: {minor: 1, base: both}}\n", "tolerance.base: Input should be 'processor', 'ledger', "),
    (
        "    dates:\n      days_after: 32\n",
        "passes.0.dates.days_after: Input should be less than or equal to 31 (line 6)",
    ),
    ("    dates:\n      days_before: -1\n", "passes.0.dates.days_before: Input should be greater than or equal to 0"),
    ("    dates: {count: banking}\n", "passes.0.dates.count: Input should be 'calendar' or 'business' (line 5)"),
    ("    where: {bank: {}}\n", "passes.0.where.bank: Extra inputs are not permitted (line 5)"),
    (
        "    where:\n      ledger:\n        amount: {in: [1]}\n",
        "where.ledger.amount: Extra inputs are not permitted (line 7)",
    ),
    (
        "    where:\n      ledger:\n        currency:\n          in: [USD, usd]\n",
        "currency.in.1: Value error, is no currency",
    ),
    (
        "    where:\n      ledger:\n        status: {not_in: [paid]}\n",
        "where.ledger.status.not_in.0: Input should be 'pending'",
    ),
    ("    where: {ledger: {movement: {in: [salary]}}}\n", "where.ledger.movement.in.0: Input should be 'payment', "),
    ("    where: {ledger: {merchant_id: {in: [007]}}}\n", "merchant_id.in.0: Input should be a valid string (line 5)"),
    ("    where: {ledger: {merchant_id: {in: []}}}\n", "merchant_id.in: needs at least 1, has 0"),
    ("    where: {ledger: {currency: {}}}\n", "where.ledger.currency: Value error, write either in or not_in (line 5)"),
    (
        "    where: {ledger: {currency: {in: [USD], not_in: [EUR]}}}\n",
        "currency: Value error, write either in or not_in",
    ),
    ("    where: {ledger: {currency: [USD]}}\n", "currency: Value error, write in: […] or not_in: […] (line 5)"),
    (
        "  - name: by_order\n    keys: [[record_id]]\n",
        "passes.1.name: the name by_order is taken by an earlier pass (line 5)",
    ),
    ("  - name: By order\n    keys: [[record_id]]\n", "passes.1.name: String should match pattern"),
    ("  - keys: [[record_id]]\n", "passes.1.name: Field required (line 5)"),
    ("  - name: nothing\n", "passes.1.keys: a pass needs keys, or scored (line 5)"),
    ("  - name: more\n    keys: []\n", "passes.1.keys: a pass needs keys, or scored (line 6)"),
    ("  - name: more\n    keys: [[]]\n", "passes.1.keys.0: needs at least 1, has 0"),
    ("  - name: more\n    keys: [order_id]\n", "passes.1.keys.0: an alternative is a list of columns: write - [tran"),
    ("  - name: more\n    keys: order_id\n", "passes.1.keys: Input should be a list (line 6)"),
    (
        "  - name: more\n    keys:\n      - [order_id]\n      - [amount]\n",
        "keys.1.0: Value error, is no column to match by",
    ),
    (
        "  - name: more\n    keys:\n      - [order_id]\n      - [order_id]\n",
        "keys.1: the same alternative stands before it (line 8)",
    ),
    (
        "  - name: more\n    keys:\n      - [order_id, order_id]\n",
        "keys.0.1: the column stands twice in this alternative",
    ),
    ("  - name: more\n    keys:\n      - - processor: order_id\n", "passes.1.keys.0.0.ledger: Field required (line 7)"),
    (
        "  - name: more\n    keys:\n      - - {processor: a, ledger: order_id}\n",
        "keys.0.0.processor: Input should be 'transact",
    ),
]

STEPS = [
    ("trimm", "normalise.0: Value error, write one of trim, upper, lower, digits"),
    ("{strip_prefix: ''}", "normalise.0.strip_prefix: needs a text of 1 to 50 characters, in quotes (line 10)"),
    ("{strip_suffix: 12}", "normalise.0.strip_suffix: needs a text of 1 to 50 characters, in quotes (line 10)"),
    ("strip_prefix", "normalise.0: Value error, write one of trim"),
    ("{replace: a}", "normalise.0: Value error, write one of trim"),
    ("{step: trim, text: a}", "normalise.0: Value error, trim takes no text (line 10)"),
    ("{step: strip_prefix}", "normalise.0: Value error, strip_prefix needs a text (line 10)"),
]


@pytest.mark.parametrize(("more", "said"), [*IN_A_PASS, *((NORMALISED + step, said) for step, said in STEPS)])
def test_a_mistake_in_a_pass_is_named_by_line_and_field(tmp_path: Path, more: str, said: str) -> None:
    assert said in refusal(tmp_path, HEAD + more)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    where: {}", "    dates: {days_after: 1}", "passes.0.dates: a scored pass looks at one day (line 3)"),
        (
            "    where:",
            "    keys: [[order_id]]\n    where:",
            "passes.0.scored: a pass has keys or is scored, not both (line 5)",
        ),
        ("    where:", "    differs: report\n    where:", "passes.0.differs: a scored pass has no key to report by"),
        (
            "    where:",
            "    cardinality: one_to_many\n    group_by: order_id\n    where:",
            "cardinality: a scored pass is one",
        ),
        (
            "    where:",
            "    amount: {tolerance: {minor: 6}}\n    where:",
            "scored.amount_band_minor: must not be below the",
        ),
        ("confirm_from: 90", "confirm_from: 101", "confirm_from: is never reached: full agreement scores 100 (line 7)"),
        ("suggest_from: 60", "suggest_from: 91", "scored.suggest_from: must not be above confirm_from (line 9)"),
        (
            "suggest_from: 60",
            "suggest_from: 0",
            "scored.suggest_from: Input should be greater than or equal to 1 (line 9)",
        ),
        ("margin: 20", "margin: 0", "scored.margin: Input should be greater than or equal to 1 (line 8)"),
        ("margin: 20", "margin: 0.2", "scored.margin: Input should be a valid integer (line 8)"),
        ("      margin: 20\n", "", "scored.margin: Field required"),
        ("merchant_equal", "merchant_likes", "scored.features.merchant_likes: Extra inputs are not permitted (line 5)"),
        (
            "merchant_equal: 40",
            "merchant_equal: 1001",
            "merchant_equal: Input should be less than or equal to 1000 (line 5)",
        ),
        ("merchant_equal", "time_close", "scored.time_close_seconds: goes with a weight of time_close"),
        ("      margin", "      time_close_seconds: 60\n      margin", "scored.time_close_seconds: goes with a weight"),
        (
            "      margin",
            "      time_close_seconds: 86401\n      margin",
            "time_close_seconds: Input should be less than or",
        ),
    ],
)
def test_a_mistake_in_a_scored_pass_is_named_by_line_and_field(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in refusal(tmp_path, SCORED.replace(old, new))


def test_a_mistake_is_not_told_again_by_what_encloses_it(tmp_path: Path) -> None:
    said = refusal(tmp_path, "passes:\n  - name: more\n    keys:\n      - [amount]\n")

    assert said.count("(line ") == 1


def test_more_passes_than_anyone_can_follow_are_refused(tmp_path: Path) -> None:
    text = "passes:\n" + "".join(f"  - {{name: p{n}, keys: [[order_id]]}}\n" for n in range(MAX_PASSES + 1))

    assert "passes: takes at most 20 (line 1)" in refusal(tmp_path, text)
