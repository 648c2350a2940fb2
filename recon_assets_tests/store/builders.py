"""Small builders: a conclusion of one currency, and the matching's file of discrepancies that belongs to it."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID, uuid5

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.risk import assess
from recon_assets.domain.verdict import conclude
from recon_assets.store.publication import PublishedRun, publish_run
from recon_assets.store.runs import BegunRun, begin_run
from recon_assets.store.staging import MATCHING_COLUMNS

DAY = date(2025, 9, 30)
STARTED = datetime(2025, 10, 1, 2, 0, tzinfo=UTC)
NAMESPACE = UUID(int=7)


def missing(transaction_id: str, amount_minor: int = 399, **other: object) -> dict[str, object]:
    return {
        "discrepancy_id": str(uuid5(NAMESPACE, transaction_id)),
        "class": "missing_in_ledger",
        "outcome": "discrepancy",
        "priority": 3,
        "side": "processor",
        "transaction_id": transaction_id,
        "occurrence": 1,
        "currency": "USD",
        "amount_minor": amount_minor,
        "processor_amount_minor": amount_minor,
        "processor_currency": "USD",
        "processor_status": "completed",
        "processor_seq": 0,
        "processor_raw_file": "page-0001.json",
        "processor_record_number": 1,
        "occurred_at": datetime(2025, 9, 30, 12, 0, 0, 123456, tzinfo=UTC),
    } | other


def write(folder: Path, rows: Sequence[dict[str, object]]) -> Path:
    file = folder / "discrepancies.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows), schema=MATCHING_COLUMNS), file)
    return file


def proof(currency: str = "USD", **other: int) -> CurrencyProof:
    figures = {
        "exponent": 2,
        "processor_transactions": 30,
        "ledger_entries": 25,
        "processor_total_minor": 657_750,
        "ledger_total_minor": 655_755,
        "signed_discrepancies_minor": 1_995,
        "discrepancy_count": 5,
        "discrepancy_amount_minor": 1_995,
        "volume_minor": 657_750,
    }
    return CurrencyProof(currency=currency, **(figures | other))


def quiet_proof(currency: str = "USD", **other: int) -> CurrencyProof:
    """Of a currency without a discrepancy."""
    nothing = {"signed_discrepancies_minor": 0, "discrepancy_count": 0, "discrepancy_amount_minor": 0}
    return proof(currency, **(nothing | {"processor_total_minor": 655_755} | other))


def proofs_of(rows: Sequence[dict[str, object]]) -> list[CurrencyProof]:
    """One per currency of the rows, and always one of dollars. No row is a mismatch of currencies."""
    amounts = {"USD": []} | {str(row["currency"]): [] for row in rows}
    for row in rows:
        amounts[str(row["currency"])].append(int(str(row["amount_minor"])))
    return [
        proof(
            currency,
            processor_total_minor=655_755 + sum(minor),
            signed_discrepancies_minor=sum(minor),
            discrepancy_count=len(minor),
            discrepancy_amount_minor=sum(map(abs, minor)),
        )
        for currency, minor in amounts.items()
    ]


def conclusion(
    rows: Sequence[dict[str, object]],
    *,
    proofs: Sequence[CurrencyProof] | None = None,
    reasons: tuple[str, ...] = (),
    processor: str = "stripe",
) -> Conclusion:
    counts = Counter(DiscrepancyClass(str(row["class"])) for row in rows)
    verdict = conclude(incomplete_reasons=reasons, discrepancy_count=counts.total())
    proofs = proofs_of(rows) if proofs is None else proofs
    return Conclusion(
        processor=processor,
        business_date=DAY,
        processor_transactions=30,
        ledger_entries=25,
        matched_by_pass={"transaction_id": 25},
        count_by_class=counts,
        proofs=tuple(proofs),
        incomplete_reasons=reasons,
        verdict=verdict,
        risk=assess(proofs, verdict=verdict),
    )


def begin(connection: psycopg.Connection, key: str, *, processor: str = "stripe") -> BegunRun:
    return begin_run(
        connection,
        processor=processor,
        business_date=DAY,
        idempotency_key=key,
        dagster_run_id=f"dagster-{key}",
        started_at=STARTED,
    )


def publish(
    connection: psycopg.Connection,
    folder: Path,
    *,
    key: str,
    rows: Sequence[dict[str, object]],
    answer: Conclusion | None = None,
) -> PublishedRun:
    """Begin and publish a run of the day."""
    answer = answer or conclusion(rows)
    run = begin(connection, key, processor=answer.processor)
    return publish_run(
        connection,
        run_id=run.run_id,
        conclusion=answer,
        discrepancies=write(folder, rows),
        input_fingerprint=f"inputs of {key}",
    )
