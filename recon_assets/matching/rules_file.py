"""Reads `matching.yaml`: the rules for every processor, and what single processors have instead."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from pydantic import Field

from recon_assets.matching.rules import MatchingRules
from recon_assets.yaml_documents import read_yaml

GUIDE: Final = "docs/matching.md"


class _RulesFile(MatchingRules):
    """The file: its parts are those of the rules, and once more, any of them, for single processors."""

    processors: dict[str, MatchingRules] = Field(default_factory=dict)


def load_rules(path: Path, *, processors: Collection[str]) -> Mapping[str, MatchingRules]:
    """The rules of each of `processors`, by name; the default where there is no file, or one of comments only.

    A part that a processor names replaces that part wholly; the others are those of the file, then the default.
    Raises `ConfigurationError`, by line and field, for rules that are wrong and for a processor that does not exist.
    """
    document = read_yaml(path) if path.exists() else None
    if document is None or document.value is None:
        return dict.fromkeys(processors, MatchingRules())
    said = document.parse(_RulesFile, guide=GUIDE)
    if unknown := [name for name in said.processors if name not in processors]:
        message = f"there is no such processor; known are {', '.join(sorted(processors))}"
        raise document.refused([(("processors", name), message) for name in unknown], guide=GUIDE)
    shared = MatchingRules(**{part: getattr(said, part) for part in MatchingRules.model_fields})
    return {name: _replaced(shared, said.processors.get(name)) for name in processors}


def _replaced(shared: MatchingRules, own: MatchingRules | None) -> MatchingRules:
    if own is None:
        return shared
    return shared.model_copy(update={part: getattr(own, part) for part in own.model_fields_set})
