"""Writing the answer of a processor-day: its rows, matches, proofs and figures, in the caller's transaction.

Not here: when it is written, and what else belongs to it (`publication`).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final
from uuid import UUID

from psycopg.types.json import Jsonb

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.errors import StoreRefused
from recon_assets.domain.verdict import Verdict
from recon_assets.schemas.currencies import exponents
from recon_assets.store.staging import STAGED_COLUMNS, STAGED_VALUES
from recon_assets.store.tenancy import TenantConnection

INSERT_DISCREPANCIES: Final = f"""
    INSERT INTO discrepancies (id, run_id, processor_name, business_date, exponent, status, {STAGED_COLUMNS})
    SELECT
        encode(substring(sha256(convert_to(
            concat_ws('|', %(run_id)s::uuid, s.discrepancy_id, s.class, s.side, s.occurrence), 'UTF8'
        )) FROM 1 FOR 16), 'hex')::uuid,
        %(run_id)s, %(processor)s, %(date)s, (%(exponents)s::jsonb ->> s.currency)::smallint,
        coalesce(s.processor_status, s.ledger_status),
        {STAGED_VALUES}
    FROM staged_discrepancies AS s
"""  # noqa: S608 (column names of ours)

_INSERT_MATCHES: Final = """
    INSERT INTO matches (run_id, pass, match_count, processor_records, ledger_records) VALUES (%s, %s, %s, %s, %s)
"""

_PROOF_COLUMNS: Final = (
    "currency",
    "exponent",
    "processor_transactions",
    "ledger_entries",
    "processor_total_minor",
    "ledger_total_minor",
    "signed_discrepancies_minor",
    "discrepancy_count",
    "discrepancy_amount_minor",
    "volume_minor",
    "pending_count",
    "pending_amount_minor",
)
"""Of `reconciliation_proofs`, and of `CurrencyProof`."""

_INSERT_PROOFS: Final = f"""
    INSERT INTO reconciliation_proofs (run_id, {", ".join(_PROOF_COLUMNS)})
    VALUES (%s, {", ".join(["%s"] * len(_PROOF_COLUMNS))})
"""  # noqa: S608 (column names of ours)

_COMPLETE: Final = """
    UPDATE reconciliation_runs
    SET
        status = %(status)s, is_current = TRUE, end_time = greatest(clock_timestamp(), start_time),
        verdict = %(verdict)s, processor_transactions = %(processor_transactions)s,
        internal_transactions = %(ledger_entries)s, matched_count = %(matched)s,
        discrepancy_count = %(discrepancy_count)s, pending_count = %(pending_count)s,
        missing_transaction_count = %(missing_count)s, rule_version = %(rule_version)s,
        discrepancy_rate = %(discrepancy_rate)s, value_at_risk_rate = %(value_at_risk_rate)s,
        risk_level = %(risk_level)s, compliance_status = %(compliance)s,
        incomplete_reasons = %(incomplete_reasons)s, input_fingerprint = %(input_fingerprint)s,
        result_digest = %(result_digest)s, metadata = %(metadata)s, currency = money.currency,
        total_volume_processed = money.volume, total_discrepancy_amount = money.discrepancy_amount
    FROM (
        SELECT  -- nulls unless there is exactly one currency: currencies are never added
            CASE count(*) WHEN 1 THEN min(currency) END AS currency,
            CASE count(*) WHEN 1 THEN min(amount_from_minor(volume_minor, exponent)) END AS volume,
            CASE count(*) WHEN 1 THEN min(amount_from_minor(discrepancy_amount_minor, exponent))
            END AS discrepancy_amount
        FROM reconciliation_proofs WHERE run_id = %(run_id)s
    ) AS money
    WHERE id = %(run_id)s
"""


def facts_of_rows(run_id: UUID, conclusion: Conclusion) -> dict[str, object]:
    """The parameters of `INSERT_DISCREPANCIES`."""
    return {
        "run_id": run_id,
        "processor": conclusion.processor,
        "date": conclusion.business_date,
        "exponents": Jsonb(exponents()),
    }


def insert_rows(connection: TenantConnection, run_id: UUID, conclusion: Conclusion) -> None:
    """The staged rows, and what the conclusion says of matches and money."""
    connection.execute(INSERT_DISCREPANCIES.encode(), facts_of_rows(run_id, conclusion))
    with connection.cursor() as cursor:
        cursor.executemany(
            _INSERT_PROOFS.encode(),
            [(run_id, *(getattr(proof, name) for name in _PROOF_COLUMNS)) for proof in conclusion.proofs],
        )
        cursor.executemany(
            _INSERT_MATCHES,
            [
                (run_id, name, found.matches, found.processor_records, found.ledger_records)
                for name, found in conclusion.matched_by_pass.items()
            ],
        )


def complete_run(
    connection: TenantConnection,
    run_id: UUID,
    conclusion: Conclusion,
    *,
    input_fingerprint: str | None,
    result_digest: str,
    evidence: Mapping[str, str],
) -> None:
    """Give the answer: the run ends with its figures and is the current one. The database holds them to its rows."""
    risk = conclusion.risk
    connection.execute(
        _COMPLETE,
        {
            "run_id": run_id,
            "verdict": str(conclusion.verdict),
            "processor_transactions": conclusion.processor_transactions,
            "ledger_entries": conclusion.ledger_entries,
            "matched": conclusion.matched,
            "discrepancy_count": conclusion.discrepancy_count,
            "pending_count": conclusion.pending_count,
            "missing_count": conclusion.missing_count,
            "rule_version": conclusion.rule_version,
            "discrepancy_rate": risk.discrepancy_rate,
            "value_at_risk_rate": risk.value_at_risk_rate,
            "risk_level": risk.level.name,
            "compliance": str(risk.compliance),
            "status": "incomplete" if conclusion.verdict is Verdict.INCOMPLETE else "completed",
            "incomplete_reasons": Jsonb(list(conclusion.incomplete_reasons)),
            "input_fingerprint": input_fingerprint,
            "result_digest": result_digest,
            "metadata": Jsonb(_metadata(conclusion, evidence)),
        },
    )


def _metadata(conclusion: Conclusion, evidence: Mapping[str, str]) -> dict[str, object]:
    """What has no column: counts by class, the likely causes if there are some, and where the evidence lies."""
    causes = [asdict(cause) for cause in conclusion.causes]
    return {
        "count_by_class": {str(kind): count for kind, count in conclusion.count_by_class.items()},
        **({"causes": causes} if causes else {}),
        **({"evidence": dict(evidence)} if evidence else {}),
    }


def check_counts(staged: Mapping[str, int], conclusion: Conclusion, run_id: UUID) -> None:
    """Raise `StoreRefused` unless the rows in the file are those that the conclusion counts."""
    expected = Counter({str(kind): count for kind, count in conclusion.count_by_class.items() if count})
    if staged != expected:
        raise StoreRefused(
            f"the discrepancies are not those that the conclusion counts: {sum(staged.values())} rows in the file, "
            f"{expected.total()} counted",
            where=f"run {run_id}",
            remedy="Nothing was published; run the day again, and report it if it repeats.",
        )
