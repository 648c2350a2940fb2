"""`matching.yaml`: what it gives each processor, and that every mistake in it names file, line and field."""

from pathlib import Path

import pytest

from recon_assets.domain.errors import ConfigurationError
from recon_assets.matching.rules import MatchingRules
from recon_assets.matching.rules_file import load_rules
from recon_assets_tests.matching.rule_files import HEAD, SCORED, loaded, refusal

PROJECT = Path(__file__).resolve().parents[2]


def test_the_file_of_this_repository_is_the_default_written_out() -> None:
    assert load_rules(PROJECT / "config" / "matching.yaml", processors=["stripe"]) == {"stripe": MatchingRules()}


def test_the_examples_of_the_documentation_are_rules(tmp_path: Path) -> None:
    text = (PROJECT / "docs" / "matching.md").read_text(encoding="utf-8")
    section = text.split("## Writing rules")[1].split("\n## ")[0]
    examples = [block.split("```")[0] for block in section.split("```yaml\n")[1:]]

    rules = loaded(tmp_path, "".join(examples), "stripe", "paypal")

    assert [one.name for one in rules["stripe"].passes] == ["transaction_id", "order", "payouts", "look_alikes"]
    assert rules["paypal"].grace.ledger.count == "business"


def test_what_the_file_of_this_repository_has_commented_out_may_be_put_in(tmp_path: Path) -> None:
    text = (PROJECT / "config" / "matching.yaml").read_text(encoding="utf-8")
    for line in (
        "fees:",
        "  basis_points:",
        "  fixed_minor:",
        "  tolerance_minor:",
        "processors:",
        "  stripe:",
        "    gr",
    ):
        assert f"\n# {line}" in text
        text = text.replace(f"\n# {line}", f"\n{line}")

    rules = loaded(tmp_path, text)["stripe"]

    assert rules.fees is not None
    assert rules.grace.ledger.days == 2


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

    assert "processors.adyen: there is no such processor; known are paypal, stripe (line 7)" in refusal(
        tmp_path, text, "stripe", "paypal"
    )


IN_THE_FILE = [
    ("grace: soon\n", "grace: Input should be a mapping of fields to values (line 5)"),
    ("grace:\n  bank: 1\n", "grace.bank: Extra inputs are not permitted (line 6)"),
    ("grace:\n  ledger: -1\n", "grace.ledger.days: Input should be greater than or equal to 0 (line 6)"),
    ("grace:\n  ledger: 32\n", "grace.ledger.days: Input should be less than or equal to 31 (line 6)"),
    ("grace:\n  ledger: 2.5\n", "grace.ledger.days: Input should be a valid integer (line 6)"),
    ("grace:\n  ledger: true\n", "grace.ledger.days: Input should be a valid integer (line 6)"),
    ("grace:\n  ledger: {days: 1, count: working}\n", "grace.ledger.count: Input should be 'calendar' or 'business'"),
    ("grace_days: 2\n", "grace_days: Extra inputs are not permitted (line 5)"),
    ("restated: 'no'\n", "restated: Input should be a valid boolean (line 5)"),
    ("holidays:\n  - 2025-12-25\n  - 20251226\n", "holidays.1: Value error, write a date as YYYY-MM-DD (line 7)"),
    ("holidays: ['25.12.2025']\n", "holidays.0: Value error, write a date as YYYY-MM-DD (line 5)"),
    ("holidays: ['2025-02-30']\n", "holidays.0: Input should be a valid date"),
    ("fees: {basis_points: 290}\n", "fees.fixed_minor: Field required (line 5)"),
    ("fees: {fixed_minor: {}}\n", "fees.fixed_minor: needs at least 1, has 0"),
    ("fees:\n  fixed_minor:\n    USD: 0.3\n", "fees.fixed_minor.USD: Input should be a valid integer (line 7)"),
    ("fees:\n  fixed_minor:\n    USD: 30\n    DOL: 1\n", "fees.fixed_minor.DOL: Value error, is no currency of"),
    (
        "fees: {fixed_minor: {USD: 30}, basis_points: 2.9}\n",
        "fees.basis_points: Input should be a valid integer (line 5)",
    ),
    ("processors: [stripe]\n", "processors: Input should be a mapping of names to values (line 5)"),
    ("processors:\n  stripe:\n", "processors.stripe: Input should be"),
    ("processors:\n  stripe:\n    passes: []\n", "processors.stripe.passes: needs at least 1, has 0"),
    ("processors:\n  stripe:\n    passes:\n      - name: A\n", "processors.stripe.passes.0.name: String should match"),
    (
        "processors:\n  stripe:\n    processors: {}\n",
        "processors.stripe.processors: Extra inputs are not permitted (line 7)",
    ),
]


@pytest.mark.parametrize(("more", "said"), IN_THE_FILE)
def test_a_mistake_in_a_part_is_named_by_line_and_field(tmp_path: Path, more: str, said: str) -> None:
    assert said in refusal(tmp_path, HEAD + more)


def test_a_part_that_stands_twice_is_refused_because_the_first_would_be_ignored(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"the key grace stands twice, first in line 5 .*matching\.yaml, line 6"
    ):
        loaded(tmp_path, HEAD + "grace: {ledger: 2}\ngrace: {processor: 1}\n")
