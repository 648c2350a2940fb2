"""A processor as its YAML would say it, with what a test wants to be different."""

from typing import Any

from recon_assets.configuration import ProcessorConfig


def processor(**different: Any) -> ProcessorConfig:
    return ProcessorConfig.model_validate(
        {
            "name": "square",
            "title": "Square",
            "owner": "team:finance-operations",
            "start_date": "2025-09-01",
            "feed": {"kind": "products_api", "base_url": "https://processor.example"},
            "ledger": {"kind": "ledger_api", "base_url": "https://ledger.example"},
            **different,
        }
    )
