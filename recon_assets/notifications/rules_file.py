"""Reads `notifications.yaml`."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from recon_assets.notifications.rules import NotificationRules
from recon_assets.yaml_documents import Place, read_yaml

GUIDE: Final = "docs/notifications.md"


def load_notification_rules(path: Path, *, processors: Collection[str], checks: Collection[str]) -> NotificationRules:
    """The rules; the defaults where there is no file, or one of comments only.

    Raises `ConfigurationError`, by line and field, for rules that are wrong, two of one name, and for a processor or a
    check that does not exist.
    """
    document = read_yaml(path) if path.exists() else None
    if document is None or document.value is None:
        return NotificationRules()
    rules = document.parse(NotificationRules, guide=GUIDE)
    if problems := list(_unknown_names(rules, processors, checks)):
        raise document.refused(problems, guide=GUIDE)
    return rules


def _unknown_names(
    rules: NotificationRules, processors: Collection[str], checks: Collection[str]
) -> Iterator[tuple[Place, str]]:
    names: set[str] = set()
    for number, rule in enumerate(rules.rules):
        if rule.name in names:
            yield ("rules", number, "name"), f"there is another rule {rule.name}"
        names.add(rule.name)
        for field, said, known in (
            ("processors", rule.processors or (), processors),
            ("except_checks", rule.except_checks, checks),
        ):
            for place, name in enumerate(said):
                if name not in known:
                    yield ("rules", number, field, place), f"there is no {name}; known are {', '.join(sorted(known))}"
