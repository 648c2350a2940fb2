"""Prepared days with known content from a seed: what the matching would have handed over."""

import random
from dataclasses import dataclass
from pathlib import Path

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.proof import CurrencyProof
from recon_assets_tests.store.builders import conclusion, missing, write

EXPONENTS = {"EUR": 2, "JPY": 0, "KWD": 3, "USD": 2}
CLASSES = ("missing_in_ledger", "missing_at_processor", "amount_mismatch", "status_mismatch")


@dataclass(frozen=True, slots=True)
class PreparedDay:
    """`key` is the idempotency key; `rows` is exactly what the file holds."""

    key: str
    rows: tuple[dict[str, object], ...]
    answer: Conclusion
    file: Path


def prepare(folder: Path, *, processor: str, key: str, rng: random.Random, count: int) -> PreparedDay:
    folder.mkdir(parents=True)
    rows = tuple(_row(number, rng) for number in range(count))
    proofs = [_proof(currency, [row for row in rows if row["currency"] == currency]) for currency in EXPONENTS]
    answer = conclusion(rows, proofs=[proof for proof in proofs if proof.discrepancy_count], processor=processor)
    return PreparedDay(key=key, rows=rows, answer=answer, file=write(folder, rows))


def _row(number: int, rng: random.Random) -> dict[str, object]:
    amount = rng.choice([-1, 1]) * rng.randrange(1, 10**9)
    words = {"class": rng.choice(CLASSES), "currency": rng.choice(list(EXPONENTS)), "processor_seq": number}
    return missing(f"txn-{number}", amount, merchant_id=f"m{rng.randrange(50)}", fee_minor=rng.randrange(99), **words)


def _proof(currency: str, rows: list[dict[str, object]]) -> CurrencyProof:
    amounts = [int(str(row["amount_minor"])) for row in rows]
    return CurrencyProof(
        currency=currency,
        exponent=EXPONENTS[currency],
        processor_transactions=30,
        ledger_entries=25,
        processor_total_minor=1_000 + sum(amounts),
        ledger_total_minor=1_000,
        signed_discrepancies_minor=sum(amounts),
        discrepancy_count=len(rows),
        discrepancy_amount_minor=sum(map(abs, amounts)),
        volume_minor=1_000 + sum(map(abs, amounts)),
    )
