"""The demo needs no variable: the sandbox has a key of its own, and no other place gets it."""

from pathlib import Path
from typing import Any

from recon_assets.configuration import Configuration, ProcessorConfig
from recon_assets.domain.records import Side
from recon_assets.resources.feeds import SANDBOX_SOURCE, Feeds
from recon_assets.settings import Settings
from recon_assets_tests.integration.deployments import with_configuration
from recon_assets_tests.sandbox.reading import reading_of

YAML = """
name: stripe
title: Stripe
owner: team:tests
start_date: 2025-09-01
feed: {{kind: stripe_api, base_url: "{base_url}"}}
ledger: {{kind: ledger_api, base_url: "http://sandbox"}}
"""


def configured(folder: Path, monkeypatch: Any, *, base_url: str) -> tuple[Feeds, ProcessorConfig]:
    monkeypatch.delenv("STRIPE_API_KEY", raising=False)
    monkeypatch.chdir(folder)
    settings = with_configuration(Settings(_env_file=None), folder).settings
    (settings.config_dir / "processors").mkdir(parents=True)
    (settings.config_dir / "processors" / "stripe.yaml").write_text(YAML.format(base_url=base_url))
    return Feeds(settings), Configuration.load(settings).processor("stripe")


def test_the_sandbox_is_read_without_any_variable(tmp_path: Path, monkeypatch: Any) -> None:
    feeds, config = configured(tmp_path, monkeypatch, base_url="http://sandbox")
    adapter = feeds.adapter(config, Side.PROCESSOR)
    adapter.probe()
    assert len(reading_of(adapter).rows) == 30
    assert feeds.source(config, Side.PROCESSOR) == SANDBOX_SOURCE
    assert adapter.source.endswith("(test mode)")


def test_any_other_place_needs_a_key_and_says_what_mode_it_is_in(tmp_path: Path, monkeypatch: Any) -> None:
    feeds, config = configured(tmp_path, monkeypatch, base_url="https://stripe.example")
    assert feeds.source(config, Side.PROCESSOR) == "https://stripe.example/v1/balance_transactions (live mode)"
