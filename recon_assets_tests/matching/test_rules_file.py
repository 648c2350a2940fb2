"""`matching.yaml`: what it gives each processor, and that every mistake in it names file, line and field."""

from pathlib import Path

import pytest

from recon_assets.domain.errors import ConfigurationError
from recon_assets.matching.rules import MAX_PASSES, MatchingRules
from recon_assets.matching.rules_file import load_rules

PROJECT = Path(__file__).resolve().parents[2]
HEAD = "passes:\n  - name: by_order\n    keys:\n      - [order_id]\n"
"""Four lines: what a test adds begins in line 5, inside the pass when it is indented by four."""

SCORED = """\
passes:
  - name: look_alikes
    dates: {days_after: 1}
    scored:
      features: {amount_equal: 60, amount_close: 50, merchant_equal: 40}
      amount_band_minor: 5
      confirm_from: 90
      margin: 20
      suggest_from: 60
"""


def loaded(folder: Path, text: str, *names: str) -> dict[str, MatchingRules]:
    path = folder / "matching.yaml"
    path.write_text(text, encoding="utf-8")
    return dict(load_rules(path, processors=names or ("stripe",)))


def test_the_file_of_this_repository_is_the_default_written_out() -> None:
    assert load_rules(PROJECT / "config" / "matching.yaml", processors=["stripe"]) == {"stripe": MatchingRules()}


def test_without_a_file_or_with_comments_only_the_default_holds(tmp_path: Path) -> None:
    assert load_rules(tmp_path / "matching.yaml", processors=["stripe"]) == {"stripe": MatchingRules()}
    assert loaded(tmp_path, "# nothing yet\n") == {"stripe": MatchingRules()}


def test_a_part_that_the_file_does_not_name_is_the_default(tmp_path: Path) -> None:
    rules = loaded(tmp_path, "grace: {ledger: 2}\n")["stripe"]

    assert rules == MatchingRules.model_validate({"grace": {"ledger": 2}})
    assert type(rules) is MatchingRules


def test_a_scored_pass_is_read(tmp_path: Path) -> None:
    scored = loaded(tmp_path, SCORED)["stripe"].passes[0].scored

    assert scored is not None
    assert (scored.features.highest_score, scored.confirm_from, scored.amount_band_minor) == (100, 90, 5)


def test_a_processor_replaces_the_parts_it_names_as_a_whole_and_no_other(tmp_path: Path) -> None:
    shared = HEAD + "grace: {ledger: 2, processor: 1}\nfees: {fixed_minor: {USD: 30}}\n"
    own = "processors:\n  paypal:\n    grace: {processor: 3}\n    fees:\n"

    rules = loaded(tmp_path, shared + own, "stripe", "paypal")

    stripe, paypal = rules["stripe"], rules["paypal"]
    assert (stripe.grace.ledger.days, stripe.grace.processor.days) == (2, 1)
    assert (paypal.grace.ledger.days, paypal.grace.processor.days) == (0, 3)
    assert paypal.passes == stripe.passes
    assert stripe.fees is not None
    assert paypal.fees is None
    assert paypal.version != stripe.version
    assert paypal == MatchingRules(passes=stripe.passes, grace=paypal.grace)


def test_a_processor_with_passes_of_its_own_has_none_of_the_others(tmp_path: Path) -> None:
    own = "processors:\n  paypal:\n    passes:\n      - {name: mine, keys: [[record_id]]}\n"

    rules = loaded(tmp_path, HEAD + own, "stripe", "paypal")

    assert {name: [one.name for one in said.passes] for name, said in rules.items()} == {
        "stripe": ["by_order"],
        "paypal": ["mine"],
    }


def test_an_unknown_processor_is_refused_with_its_line_and_the_known_ones(tmp_path: Path) -> None:
    text = HEAD + "processors:\n  stripe: {}\n  adyen:\n    restated: false\n"

    with pytest.raises(ConfigurationError) as refused:
        loaded(tmp_path, text, "stripe", "paypal")

    assert "processors.adyen: there is no such processor; known are paypal, stripe (line 7)" in refused.value.what
    assert refused.value.where == str(tmp_path / "matching.yaml")


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
    ("    amount: {compare: fee}\n", "passes.0.amount.compare: Input should be 'amount' or 'net' (line 5)"),
    ("    amount:\n      tolerance:\n        minor: 1.5\n", "tolerance.minor: Input should be a valid integer (line 7)"),
    ("    amount:\n      tolerance:\n        minor: '1'\n", "tolerance.minor: Input should be a valid integer (line 7)"),
    ("    amount:\n      tolerance:\n        minor: true\n", "tolerance.minor: Input should be a valid integer (line 7)"),
    ("    amount:\n      tolerance:\n        minor: -1\n", "tolerance.minor: Input should be greater than or equal to 0"),
    ("    amount: {tolerance: {minor: 1000000000001}}\n", "tolerance.minor: Input should be less than or equal to 1000"),
    ("    amount: {tolerance: {basis_points: 10001}}\n", "basis_points: Input should be less than or equal to 10000"),
    ("    amount: {tolerance: {minor: 1, base: ledger}}\n", "tolerance.base: is what basis_points are taken of, and"),
    ("    amount: {tolerance: {direction: ledger_more}}\n", "tolerance.direction: needs a tolerance: give minor or"),
    ("    amount: {tolerance: {minor: 1, direction: up}}\n", "tolerance.direction: Input should be 'either', "),
    ("    amount: {tolerance: {minor: 1, base: both}}\n", "tolerance.base: Input should be 'processor', 'ledger', "),
    ("    dates:\n      days_after: 32\n", "passes.0.dates.days_after: Input should be less than or equal to 31 (line 6)"),
    ("    dates:\n      days_before: -1\n", "passes.0.dates.days_before: Input should be greater than or equal to 0"),
    ("    dates: {count: banking}\n", "passes.0.dates.count: Input should be 'calendar' or 'business' (line 5)"),
    ("    where: {bank: {}}\n", "passes.0.where.bank: Extra inputs are not permitted (line 5)"),
    ("    where:\n      ledger:\n        amount: {in: [1]}\n", "where.ledger.amount: Extra inputs are not permitted (line 7)"),
    ("    where:\n      ledger:\n        currency:\n          in: [USD, usd]\n", "currency.in.1: Value error, is no currency"),
    ("    where:\n      ledger:\n        status: {not_in: [paid]}\n", "where.ledger.status.not_in.0: Input should be 'pending'"),
    ("    where: {ledger: {movement: {in: [salary]}}}\n", "where.ledger.movement.in.0: Input should be 'payment', "),
    ("    where: {ledger: {merchant_id: {in: [007]}}}\n", "merchant_id.in.0: Input should be a valid string (line 5)"),
    ("    where: {ledger: {merchant_id: {in: []}}}\n", "merchant_id.in: Tuple should have at least 1 item"),
    ("    where: {ledger: {currency: {}}}\n", "where.ledger.currency: Value error, write either in or not_in (line 5)"),
    ("    where: {ledger: {currency: {in: [USD], not_in: [EUR]}}}\n", "currency: Value error, write either in or not_in"),
    ("    where: {ledger: {currency: [USD]}}\n", "currency: Value error, write in: […] or not_in: […] (line 5)"),
    ("  - name: by_order\n    keys: [[record_id]]\n", "passes.1.name: the name by_order is taken by an earlier pass (line 5)"),
    ("  - name: By order\n    keys: [[record_id]]\n", "passes.1.name: String should match pattern"),
    ("  - keys: [[record_id]]\n", "passes.1.name: Field required (line 5)"),
    ("  - name: nothing\n", "passes.1.keys: a pass needs keys, or scored (line 5)"),
    ("  - name: more\n    keys: []\n", "passes.1.keys: a pass needs keys, or scored (line 6)"),
    ("  - name: more\n    keys: [[]]\n", "passes.1.keys.0: Tuple should have at least 1 item"),
    ("  - name: more\n    keys: [order_id]\n", "passes.1.keys.0: an alternative is a list of columns: write - [tran"),
    ("  - name: more\n    keys: order_id\n", "passes.1.keys: Input should be a valid tuple (line 6)"),
    ("  - name: more\n    keys:\n      - [order_id]\n      - [amount]\n", "keys.1.0: Value error, is no column to match by"),
    ("  - name: more\n    keys:\n      - [order_id]\n      - [order_id]\n", "keys.1: the same alternative stands before it (line 8)"),
    ("  - name: more\n    keys:\n      - [order_id, order_id]\n", "keys.0.1: the column stands twice in this alternative"),
    ("  - name: more\n    keys:\n      - - processor: order_id\n", "passes.1.keys.0.0.ledger: Field required (line 7)"),
    ("  - name: more\n    keys:\n      - - {processor: a, ledger: order_id}\n", "keys.0.0.processor: Input should be 'transact"),
]  # fmt: skip

STEPS = [
    ("trimm", "normalise.0: Value error, write one of trim, upper, lower, digits"),
    ("{strip_prefix: ''}", "normalise.0.strip_prefix: needs a text of 1 to 50 characters, in quotes (line 9)"),
    ("{strip_suffix: 12}", "normalise.0.strip_suffix: needs a text of 1 to 50 characters, in quotes (line 9)"),
    ("strip_prefix", "normalise.0: Value error, write one of trim"),
    ("{replace: a}", "normalise.0: Value error, write one of trim"),
    ("{step: trim, text: a}", "normalise.0: Value error, trim takes no text (line 9)"),
    ("{step: strip_prefix}", "normalise.0: Value error, strip_prefix needs a text (line 9)"),
]

IN_THE_FILE = [
    ("grace: soon\n", "grace: Input should be a valid dictionary"),
    ("grace:\n  bank: 1\n", "grace.bank: Extra inputs are not permitted (line 6)"),
    ("grace:\n  ledger: -1\n", "grace.ledger.days: Input should be greater than or equal to 0 (line 6)"),
    ("grace:\n  ledger: 32\n", "grace.ledger.days: Input should be less than or equal to 31 (line 6)"),
    ("grace:\n  ledger: true\n", "grace.ledger.days: Input should be a valid integer (line 6)"),
    ("grace:\n  ledger: {days: 1, count: working}\n", "grace.ledger.count: Input should be 'calendar' or 'business'"),
    ("grace_days: 2\n", "grace_days: Extra inputs are not permitted (line 5)"),
    ("restated: 'no'\n", "restated: Input should be a valid boolean (line 5)"),
    ("holidays:\n  - 2025-12-25\n  - 20251226\n", "holidays.1: Value error, write a date as YYYY-MM-DD (line 7)"),
    ("holidays: ['25.12.2025']\n", "holidays.0: Value error, write a date as YYYY-MM-DD (line 5)"),
    ("holidays: ['2025-02-30']\n", "holidays.0: Input should be a valid date"),
    ("fees: {basis_points: 290}\n", "fees.fixed_minor: Field required (line 5)"),
    ("fees: {fixed_minor: {}}\n", "fees.fixed_minor: Dictionary should have at least 1 item"),
    ("fees:\n  fixed_minor:\n    USD: 0.3\n", "fees.fixed_minor.USD: Input should be a valid integer (line 7)"),
    ("fees:\n  fixed_minor:\n    USD: 30\n    DOL: 1\n", "fees.fixed_minor.DOL.[key]: Value error, is no currency of"),
    ("fees: {fixed_minor: {USD: 30}, basis_points: 2.9}\n", "fees.basis_points: Input should be a valid integer (line 5)"),
    ("processors: [stripe]\n", "processors: Input should be a valid dictionary (line 5)"),
    ("processors:\n  stripe:\n", "processors.stripe: Input should be"),
    ("processors:\n  stripe:\n    passes: []\n", "processors.stripe.passes: Tuple should have at least 1 item"),
    ("processors:\n  stripe:\n    passes:\n      - name: A\n", "processors.stripe.passes.0.name: String should match"),
    ("processors:\n  stripe:\n    processors: {}\n", "processors.stripe.processors: Extra inputs are not permitted (line 7)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "said"),
    [
        *IN_A_PASS,
        *IN_THE_FILE,
        *(
            (f"  - name: more\n    keys:\n      - - {{processor: order_id, ledger: order_id,\n           normalise: [\n{step}]}}\n", said)
            for step, said in STEPS
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_file_line_and_field(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        loaded(tmp_path, HEAD + more)

    assert said in refused.value.what
    assert "(line " in refused.value.what
    assert refused.value.where == str(tmp_path / "matching.yaml")
    assert "docs/matching.md" in refused.value.remedy


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    dates: {days_after: 1}\n", "", "passes.0.dates: a scored pass needs a window"),
        ("    dates:", "    keys: [[order_id]]\n    dates:", "passes.0.scored: a pass has keys or is scored, not both (line 5)"),
        ("    dates:", "    differs: report\n    dates:", "passes.0.differs: a scored pass has no key to report by"),
        ("    dates:", "    cardinality: one_to_many\n    group_by: order_id\n    dates:", "cardinality: a scored pass is one"),
        ("    dates:", "    amount: {tolerance: {minor: 6}}\n    dates:", "scored.amount_band_minor: must not be below the"),
        ("confirm_from: 90", "confirm_from: 101", "confirm_from: is never reached: full agreement scores 100 (line 7)"),
        ("suggest_from: 60", "suggest_from: 91", "scored.suggest_from: must not be above confirm_from (line 9)"),
        ("suggest_from: 60", "suggest_from: 0", "scored.suggest_from: Input should be greater than or equal to 1 (line 9)"),
        ("margin: 20", "margin: 0", "scored.margin: Input should be greater than or equal to 1 (line 8)"),
        ("margin: 20", "margin: 0.2", "scored.margin: Input should be a valid integer (line 8)"),
        ("      margin: 20\n", "", "scored.margin: Field required"),
        ("merchant_equal", "merchant_likes", "scored.features.merchant_likes: Extra inputs are not permitted (line 5)"),
        ("merchant_equal: 40", "merchant_equal: 1001", "merchant_equal: Input should be less than or equal to 1000 (line 5)"),
        ("merchant_equal", "time_close", "scored.time_close_seconds: goes with a weight of time_close"),
        ("      margin", "      time_close_seconds: 60\n      margin", "scored.time_close_seconds: goes with a weight"),
        ("      margin", "      time_close_seconds: 86401\n      margin", "time_close_seconds: Input should be less than or"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_scored_pass_is_named_by_line_and_field(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        loaded(tmp_path, SCORED.replace(old, new))

    assert said in refused.value.what
    assert refused.value.where == str(tmp_path / "matching.yaml")


def test_more_passes_than_anyone_can_follow_are_refused(tmp_path: Path) -> None:
    text = "passes:\n" + "".join(f"  - {{name: p{n}, keys: [[order_id]]}}\n" for n in range(MAX_PASSES + 1))

    with pytest.raises(ConfigurationError, match="passes: Tuple should have at most 20 items"):
        loaded(tmp_path, text)


def test_a_part_that_stands_twice_is_refused_because_the_first_would_be_ignored(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"the key grace stands twice, first in line 5 .*matching\.yaml, line 6"
    ):
        loaded(tmp_path, HEAD + "grace: {ledger: 2}\ngrace: {processor: 1}\n")
