"""Small builders: a conclusion of one currency, and the matching's files that belong to it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.domain.conclusion import Conclusion, PassMatches, count_of_outcome, count_of_warnings
from recon_assets.domain.discrepancies import DiscrepancyClass, Outcome
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.risk import assess
from recon_assets.domain.verdict import conclude
from recon_assets.store.across_days import AcrossDays
from recon_assets.store.publication import PublishedRun, publish_run
from recon_assets.store.runs import BegunRun, begin_run
from recon_assets.store.staging import ACROSS_COLUMNS, MATCHING_COLUMNS

DAY = date(2025, 9, 30)
STARTED = datetime(2025, 10, 1, 2, 0, tzinfo=UTC)
NAMESPACE = UUID(int=7)
RULES = "4" * 64
OTHER_RULES = "5" * 64


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


def in_ledger(transaction_id: str, amount_minor: int = 399, **other: object) -> dict[str, object]:
    """Missing at the processor: a ledger entry that stayed alone."""
    figures = {
        "discrepancy_id": str(uuid5(NAMESPACE, f"ledger {transaction_id}")),
        "class": "missing_at_processor",
        "priority": 1,
        "side": "ledger",
        "amount_minor": -amount_minor,
        "ledger_amount_minor": amount_minor,
        "ledger_currency": "USD",
        "ledger_status": "completed",
        "ledger_seq": 0,
    }
    nothing = {name: None for name in missing("") if name.startswith("processor_")}
    return missing(transaction_id, amount_minor) | nothing | figures | other


def of_class(row: dict[str, object], kind: DiscrepancyClass, **other: object) -> dict[str, object]:
    """The same row under another class, with the outcome and priority that follow."""
    return row | {"class": str(kind), "outcome": str(kind.outcome), "priority": int(kind.priority)} | other


def write(folder: Path, rows: Sequence[dict[str, object]]) -> Path:
    file = folder / "discrepancies.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows), schema=MATCHING_COLUMNS), file)
    return file


def matched_with(row: dict[str, object], counterpart: date) -> dict[str, object]:
    """The row of a record that was matched with one of that other day."""
    return of_class(row, DiscrepancyClass.MATCHED_PRIOR_DAY, counterpart_date=counterpart, **{"pass": "reference"})


def pair(
    transaction: dict[str, object], processor_date: date, entry: dict[str, object], ledger_date: date, **other: object
) -> dict[str, object]:
    """A match across days of the two records."""
    return {
        "processor_date": processor_date,
        "processor_discrepancy_id": transaction["discrepancy_id"],
        "ledger_date": ledger_date,
        "ledger_discrepancy_id": entry["discrepancy_id"],
        "currency": transaction["currency"],
        "amount_minor": transaction["processor_amount_minor"],
        "pass": "reference",
    } | other


def across(folder: Path, pairs: Sequence[dict[str, object]], *, days: int = 3) -> AcrossDays:
    """The matching's file of all matches between the days around `DAY`."""
    file = folder / "across_days.parquet"
    pq.write_table(pa.Table.from_pylist(list(pairs), schema=ACROSS_COLUMNS), file)
    return AcrossDays(file, since=DAY - timedelta(days=days), until=DAY + timedelta(days=days))


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
    by_currency: dict[str, list[dict[str, object]]] = {"USD": []} | {str(row["currency"]): [] for row in rows}
    for row in rows:
        by_currency[str(row["currency"])].append(row)
    return [
        proof(
            currency,
            processor_total_minor=655_755 + sum(_minor(found)),
            signed_discrepancies_minor=sum(_minor(found)),
            discrepancy_count=len(_minor(found, "discrepancy")),
            discrepancy_amount_minor=sum(map(abs, _minor(found, "discrepancy"))),
            pending_count=len(_minor(found, "pending")),
            pending_amount_minor=sum(map(abs, _minor(found, "pending"))),
        )
        for currency, found in by_currency.items()
    ]


def _minor(rows: Sequence[dict[str, object]], *outcomes: str) -> list[int]:
    return [int(str(row["amount_minor"])) for row in rows if not outcomes or row["outcome"] in outcomes]


def conclusion(
    rows: Sequence[dict[str, object]],
    *,
    proofs: Sequence[CurrencyProof] | None = None,
    reasons: tuple[str, ...] = (),
    processor: str = "stripe",
    day: date = DAY,
    rule_version: str = RULES,
) -> Conclusion:
    counts = Counter(DiscrepancyClass(str(row["class"])) for row in rows)
    verdict = conclude(
        incomplete_reasons=reasons,
        discrepancy_count=count_of_outcome(counts, Outcome.DISCREPANCY),
        warning_count=count_of_warnings(counts),
        pending_count=count_of_outcome(counts, Outcome.PENDING),
    )
    proofs = proofs_of(rows) if proofs is None else proofs
    return Conclusion(
        processor=processor,
        business_date=day,
        processor_transactions=30,
        ledger_entries=25,
        matched_by_pass={"transaction_id": PassMatches.of_pairs(25)},
        count_by_class=counts,
        proofs=tuple(proofs),
        incomplete_reasons=reasons,
        verdict=verdict,
        risk=assess(proofs, verdict=verdict),
        rule_version=rule_version,
    )


def begin(connection: psycopg.Connection, key: str, *, processor: str = "stripe", day: date = DAY) -> BegunRun:
    return begin_run(
        connection,
        processor=processor,
        business_date=day,
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
    across_days: AcrossDays | None = None,
    evidence: Mapping[str, str] | None = None,
    inputs: str | None = None,
) -> PublishedRun:
    """Begin and publish a run of the day."""
    answer = answer or conclusion(rows)
    run = begin(connection, key, processor=answer.processor, day=answer.business_date)
    return publish_run(
        connection,
        run_id=run.run_id,
        conclusion=answer,
        discrepancies=write(folder, rows),
        input_fingerprint=inputs or f"inputs of {key}",
        across_days=across_days,
        evidence=evidence,
    )
