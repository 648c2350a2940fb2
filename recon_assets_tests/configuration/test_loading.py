"""Configuration from real files: what is loaded, and that every mistake names its file and its field."""

from datetime import date, time
from decimal import Decimal
from pathlib import Path

import pytest

from recon_assets.configuration import SANDBOX_URL, Configuration
from recon_assets.domain.errors import ConfigurationError
from recon_assets.domain.risk import RiskThresholds
from recon_assets.ledger.http_api import LedgerApiFeed
from recon_assets.matching.rules import MatchingRules
from recon_assets.processors.paypal.api_feed import PayPalApiFeed
from recon_assets.processors.products_api import ProductsApiFeed
from recon_assets.processors.square.feed import SquareApiFeed
from recon_assets.processors.stripe.feed import StripeApiFeed
from recon_assets.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]
STRIPE = """\
name: stripe
title: Stripe
owner: team:finance-operations
start_date: 2025-09-01
feed:
  kind: products_api
  base_url: https://processor.example
ledger:
  kind: ledger_api
  base_url: https://ledger.example
"""


def loaded(folder: Path, *, risk: str | None = None, settings: dict | None = None, **files: str) -> Configuration:
    """Load what `files` (name of a processor's file to its text) and `risk` say."""
    (folder / "processors").mkdir()
    for name, text in files.items():
        (folder / "processors" / f"{name}.yaml").write_text(text, encoding="utf-8")
    if risk is not None:
        (folder / "risk.yaml").write_text(risk, encoding="utf-8")
    return Configuration.load(Settings(_env_file=None, RECON_CONFIG_DIR=folder, **(settings or {})))


def refusal(folder: Path, **said: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as refused:
        loaded(folder, **said)
    return refused.value


@pytest.fixture(autouse=True)
def _without_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROCESSOR_API_BASE_URL", "INTERNAL_API_BASE_URL", "RECON_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_the_configuration_of_this_repository_is_three_processors_on_the_sandbox() -> None:
    configuration = Configuration.load(Settings(_env_file=None, RECON_HOME=PROJECT))

    kinds = {"paypal": PayPalApiFeed, "square": SquareApiFeed, "stripe": StripeApiFeed}
    assert list(configuration.processors) == list(kinds)
    for config in configuration.processors.values():
        assert (config.start_date, config.time_zone, config.day_starts_at) == (date(2025, 9, 1), "UTC", time())
        assert isinstance(config.feed, kinds[config.name])
        assert isinstance(config.ledger, LedgerApiFeed)
        assert (config.feed.base_url, config.ledger.base_url) == (SANDBOX_URL, SANDBOX_URL)
    assert configuration.risk == RiskThresholds()


def test_a_business_day_has_the_zone_and_the_cut_off_of_its_processor(tmp_path: Path) -> None:
    local = STRIPE + 'time_zone: America/Los_Angeles\nday_starts_at: "17:00"\n'

    day = loaded(tmp_path, stripe=local).processor("stripe").business_day(date(2025, 9, 30))

    assert (day.starts_at.isoformat(), day.processor) == ("2025-10-01T00:00:00+00:00", "stripe")


def test_a_cut_off_without_quotes_is_refused_because_yaml_reads_it_as_a_number(tmp_path: Path) -> None:
    error = refusal(tmp_path, stripe=STRIPE + "day_starts_at: 17:00\n")

    assert "day_starts_at" in error.what
    assert "in quotes" in error.what


def test_a_cut_off_with_an_offset_is_refused_because_the_zone_says_it(tmp_path: Path) -> None:
    assert "without an offset" in refusal(tmp_path, stripe=STRIPE + 'day_starts_at: "17:00Z"\n').what


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("title: Stripe", "title: Stripe\ntitel: Stripe", "titel: Extra inputs are not permitted"),
        ("title: Stripe\n", "", "title: Field required"),
        ("ledger:", "leger:", "ledger: Field required"),
        ("kind: products_api", "kind: telex", "feed: "),
        ("kind: products_api", "kind: products_api\n  colour: red", "feed.products_api.colour: Extra inputs"),
        ("kind: ledger_api", "knd: ledger_api", "ledger: "),
        ("kind: products_api", "kind: products_api\n  currency: XYZ", "feed.products_api.currency: "),
        ("kind: products_api", "kind: products_api\n  page_size: 0", "feed.products_api.page_size: "),
        ("https://processor.example", "sandbox", "feed.products_api.base_url: "),
        ("https://processor.example", "https://me:secret@processor.example", "feed.products_api.base_url: "),
        ("name: stripe", "name: Stripe Inc", "name: "),
        ("name: stripe", "name: no", "name: "),
        ("2025-09-01", "yesterday", "start_date: "),
        (
            "title: Stripe",
            "title: Stripe\ntime_zone: Mars/Olympus",
            "time_zone: Value error, 'Mars/Olympus' is no time",
        ),
        ("title: Stripe", "title: Stripe\ntime_zone: America", "time_zone: Value error, 'America' is no time zone"),
        ("title: Stripe", "title: Stripe\ntime_zone: ../../etc/passwd", "time_zone: Value error"),
        ("title: Stripe", 'title: Stripe\ntime_zone: ""', "time_zone: Value error"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(tmp_path: Path, old: str, new: str, field: str) -> None:
    error = refusal(tmp_path, stripe=STRIPE.replace(old, new))

    assert field in error.what
    assert error.where == str(tmp_path / "processors" / "stripe.yaml")
    assert "secret" not in str(error)


def test_every_wrong_field_of_a_file_is_named_at_once(tmp_path: Path) -> None:
    error = refusal(tmp_path, stripe=STRIPE.replace("title: Stripe\n", "").replace("owner:", "ownr:"))

    assert [field for field in ("title", "owner", "ownr") if f"{field}: " in error.what] == ["title", "owner", "ownr"]


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "stripe"])
def test_a_document_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    assert "the document: " in refusal(tmp_path, stripe=text).what


@pytest.mark.parametrize(
    ("text", "line"),
    [("name: stripe\n\ttitle: Stripe\n", 2), ("name: stripe\ntitle: 'Stripe\n", 3), ("a: 1\nb: c: d\n", 2)],
)
def test_bad_yaml_is_named_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    error = refusal(tmp_path, stripe=text)

    assert (error.what, error.where) == (
        "the file is no valid YAML",
        f"{tmp_path / 'processors' / 'stripe.yaml'}, line {line}",
    )


def test_a_date_that_does_not_exist_is_not_taken_for_a_missing_variable(tmp_path: Path) -> None:
    error = refusal(tmp_path, stripe=STRIPE.replace("2025-09-01", "2025-13-45"))

    assert "month must be in 1..12" in error.what
    assert "${" not in error.what


def test_a_file_that_is_not_in_utf_8_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "processors").mkdir()
    path = tmp_path / "processors" / "stripe.yaml"
    path.write_bytes(STRIPE.replace("title: Stripe", "title: Strüpe").encode("latin-1"))

    with pytest.raises(ConfigurationError) as refused:
        Configuration.load(Settings(_env_file=None, RECON_CONFIG_DIR=tmp_path))

    assert (refused.value.where, "utf-8" in refused.value.what) == (str(path), True)


def test_a_processor_declared_twice_is_refused_in_the_second_file(tmp_path: Path) -> None:
    error = refusal(tmp_path, a=STRIPE, b=STRIPE)

    assert "processor stripe is declared twice" in error.what
    assert error.where.endswith("b.yaml")


def test_a_folder_without_processors_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path)

    assert (error.what, error.where) == ("no processor is configured", str(tmp_path / "processors"))


def test_a_configuration_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no processor is configured"):
        Configuration.load(Settings(_env_file=None, RECON_CONFIG_DIR=tmp_path / "nowhere"))


def test_an_unknown_processor_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    configuration = loaded(tmp_path, stripe=STRIPE, adyen=STRIPE.replace("stripe", "adyen"))

    with pytest.raises(ConfigurationError, match=r"there is no processor klarna .*Known processors: adyen, stripe\."):
        configuration.processor("klarna")


def test_a_variable_of_the_environment_is_put_in_and_only_in_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_HOST", "stripe.example")
    text = STRIPE.replace("processor.example", "${STRIPE_HOST}/v1").replace("title: Stripe", 'title: "Costs $5"')

    config = loaded(tmp_path, stripe=text).processor("stripe")

    assert isinstance(config.feed, ProductsApiFeed)
    assert (config.feed.base_url, config.title) == ("https://stripe.example/v1", "Costs $5")


@pytest.mark.parametrize("text", ["${NOT_SET_ANYWHERE}", "${", "${1x}"])
def test_a_variable_without_a_value_is_refused_with_the_file(tmp_path: Path, text: str) -> None:
    error = refusal(tmp_path, stripe=STRIPE.replace("https://processor.example", f'"{text}"'))

    assert "in the file has no value" in error.what
    assert ("NOT_SET_ANYWHERE" in error.what) == ("NOT_SET_ANYWHERE" in text)
    assert error.where.endswith("stripe.yaml, line 7")


def test_the_word_sandbox_stands_for_the_built_in_sandbox_and_an_address_for_itself(tmp_path: Path) -> None:
    text = STRIPE.replace("https://processor.example", "${PROCESSOR_API_BASE_URL}")
    text = text.replace("https://ledger.example", "${INTERNAL_API_BASE_URL}")

    addresses = {"PROCESSOR_API_BASE_URL": "sandbox", "INTERNAL_API_BASE_URL": "https://ledger.example/api/"}
    config = loaded(tmp_path, stripe=text, settings=addresses).processor("stripe")

    assert isinstance(config.feed, ProductsApiFeed)
    assert isinstance(config.ledger, LedgerApiFeed)
    assert (config.feed.base_url, config.ledger.base_url) == (SANDBOX_URL, "https://ledger.example/api")


def test_every_processor_has_rules_of_matching_and_an_unknown_one_none(tmp_path: Path) -> None:
    (tmp_path / "matching.yaml").write_text("processors:\n  stripe:\n    grace: {ledger: 2}\n", encoding="utf-8")
    configuration = loaded(tmp_path, stripe=STRIPE, adyen=STRIPE.replace("stripe", "adyen"))

    assert configuration.matching_rules("stripe") == MatchingRules.model_validate({"grace": {"ledger": 2}})
    assert configuration.matching_rules("adyen") == MatchingRules()
    with pytest.raises(ConfigurationError, match="there is no processor klarna"):
        configuration.matching_rules("klarna")


def test_wrong_rules_of_matching_stop_the_loading_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "matching.yaml").write_text("restated: true\n\npass: []\n", encoding="utf-8")

    error = refusal(tmp_path, stripe=STRIPE)

    assert "pass: Extra inputs are not permitted (line 3)" in error.what
    assert error.where == str(tmp_path / "matching.yaml")


def test_a_wrong_field_of_a_processor_has_its_line(tmp_path: Path) -> None:
    assert (
        "feed.products_api.colour: Extra inputs are not permitted (line 7)"
        in refusal(tmp_path, stripe=STRIPE.replace("kind: products_api", "kind: products_api\n  colour: red")).what
    )


def test_without_a_risk_file_the_defaults_hold(tmp_path: Path) -> None:
    assert loaded(tmp_path, stripe=STRIPE).risk == RiskThresholds()


def test_a_risk_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    risk = loaded(tmp_path, stripe=STRIPE, risk='low_below_rate: "0.001"\nhigh_from_amount: 5000\n').risk

    assert (risk.low_below_rate, risk.high_from_amount) == (Decimal("0.001"), Decimal(5000))
    assert (risk.low_below_amount, risk.high_from_rate) == (Decimal("1000.00"), Decimal("0.02"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("low_below_rat: 1", "low_below_rat: Extra inputs are not permitted"),
        ("low_below_rate: much", "low_below_rate: Input should be a valid decimal"),
        ("low_below_rate: .nan", "low_below_rate: Input should be a finite number"),
        ("- 1", "the document: "),
        ("", "the document: "),
        ("a: b: c", "no valid YAML"),
    ],
)
def test_a_wrong_risk_file_is_refused_with_its_name(tmp_path: Path, text: str, said: str) -> None:
    error = refusal(tmp_path, stripe=STRIPE, risk=text)

    assert said in error.what
    assert error.where.startswith(str(tmp_path / "risk.yaml"))
