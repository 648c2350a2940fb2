"""Files of rules for the tests: texts to begin with, and what loading them gives or refuses."""

from pathlib import Path

import pytest

from recon_assets.domain.errors import ConfigurationError
from recon_assets.matching.rules import MatchingRules
from recon_assets.matching.rules_file import load_rules

HEAD = "passes:\n  - name: by_order\n    keys:\n      - [order_id]\n"
"""Four lines: what a test adds begins in line 5, inside the pass when it is indented by four."""

SCORED = """\
passes:
  - name: look_alikes
    where: {}
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


def refusal(folder: Path, text: str, *names: str) -> str:
    """What is said about a file that is refused; where and the guide are the same for all."""
    with pytest.raises(ConfigurationError) as refused:
        loaded(folder, text, *names)
    assert refused.value.where == str(folder / "matching.yaml")
    assert "docs/matching.md" in refused.value.remedy
    assert "(line " in refused.value.what
    return refused.value.what
