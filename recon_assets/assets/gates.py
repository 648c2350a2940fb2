"""What must hold before a stage may be made, also in a later run of that stage alone.

A blocking check of Dagster stops only the stages after it in its own run. Here the record is asked, which remembers.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from recon_assets.assets.stage import Stage
from recon_assets.domain.errors import StoreRefused
from recon_assets.store.checks import newest_outcomes

GATES: Final[Mapping[str, Mapping[str, str]]] = {
    "report": {"proof_residual_is_zero": "discrepancies"},
    "archive": {"proof_residual_is_zero": "discrepancies", "report_totals_agree": "report"},
}
"""By stage: the checks before it that say whether going on would mislead, and whose checks they are."""


def refuse_unless_gates_passed(stage: Stage, run_id: UUID) -> None:
    """Look at the newest outcome of every gate of the answer `run_id`. Raises `StoreRefused` for the first in the way.

    A check that was never recorded is in the way like one that failed: nobody knows what it would say.
    """
    gates = GATES[stage.name]
    with stage.record.connect() as connection:
        outcomes = newest_outcomes(connection, run_id=run_id, check_names=list(gates))
    for check_name, of_stage in gates.items():
        outcome = outcomes.get(check_name)
        if outcome is not None and outcome.passed:
            continue
        broken = "; ".join(outcome.failed_rules) if outcome else "it was not made"
        raise StoreRefused(
            f"the check {check_name} of this day did not pass, so the {stage.name} would mislead: {broken}",
            where=f"{stage.day.processor} {stage.day.text}, {of_stage}, run {run_id}",
            remedy=f"Materialise {stage.day.processor}/{of_stage} for {stage.day.text} again; if the check fails again,"
            " its page in Dagster and v_check_history say which rules are broken.",
        )
