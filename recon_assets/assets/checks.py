"""Asset checks: the specs that the UI lists, and the way of an outcome to Dagster and to `data_quality_checks`."""

from collections.abc import Iterable, Sequence

import dagster as dg

from recon_assets.domain.checks import CheckOutcome, Severity
from recon_assets.quality.checks import DESCRIPTIONS

BLOCKING = frozenset({"proof_residual_is_zero", "report_totals_agree", "reconciliation_is_proven"})
"""Checks after whose failure going on would mislead: figures that do not add up, or a day without a conclusion.

An incomplete feed does not block: the run goes on to say `incomplete`, in the record and in a report, and only then
fails, by `reconciliation_is_proven` on the last asset.
"""


def check_specs(
    key: dg.AssetKey, names: Iterable[str], partitions_def: dg.PartitionsDefinition[str]
) -> list[dg.AssetCheckSpec]:
    """Specs with a partition of their own: without it an outcome is recorded for no day."""
    return [
        dg.AssetCheckSpec(
            name=name,
            asset=key,
            description=DESCRIPTIONS[name],
            blocking=name in BLOCKING,
            partitions_def=partitions_def,
        )
        for name in names
    ]


def check_results(outcomes: Sequence[CheckOutcome]) -> list[dg.AssetCheckResult]:
    """Outcomes as Dagster shows them: counts per broken rule in a table, no values."""
    return [
        dg.AssetCheckResult(
            check_name=outcome.name,
            passed=outcome.passed,
            severity=dg.AssetCheckSeverity.ERROR if outcome.severity is Severity.ERROR else dg.AssetCheckSeverity.WARN,
            description=_sentence(outcome),
            metadata={"rows_checked": outcome.rows_checked, **dict(outcome.facts), **_failed_rules(outcome)},
        )
        for outcome in outcomes
    ]


def _sentence(outcome: CheckOutcome) -> str:
    if outcome.passed:
        return outcome.description
    return "; ".join(f"{rule} ({count})" for rule, count in outcome.failed_rules.items()) or outcome.description


def _failed_rules(outcome: CheckOutcome) -> dict[str, dg.TableMetadataValue]:
    if not outcome.failed_rules:
        return {}
    records = [dg.TableRecord({"rule": rule, "count": count}) for rule, count in outcome.failed_rules.items()]
    return {"failed_rules": dg.MetadataValue.table(records)}
