"""The outcome of one data-quality check on one partition. The checks themselves are in `recon_assets.quality`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """ERROR: the day can't be called reconciled. WARN: people should know."""

    WARN = "WARN"
    ERROR = "ERROR"


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """`name` is the fact that is true when the check passes.

    `failed_rules` counts the violations per rule; `facts` are figures for people. Neither holds payment values.
    """

    name: str
    passed: bool
    severity: Severity
    description: str
    rows_checked: int = 0
    failed_rules: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, int | str] = field(default_factory=dict)
