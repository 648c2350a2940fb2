"""The words by which known reports call our columns, statuses and movements. Not here: what is done with them."""

import re
from typing import Final

COLUMN_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "transaction_id": (
        "transaction id", "transaktionscode", "id. de transacción", "psp reference", "payment id", "entity id", "id",
        "balance transaction id", "reference id", "external id",
    ),
    "amount": (
        "gross", "brutto", "bruto", "amount", "gross amount", "betrag", "importe", "total collected", "amount minor",
        "gross in holding currency", "initialamount.value", "amount.value",
    ),
    "credit": ("credit", "haben", "haber", "gross credit (gc)"),
    "debit": ("debit", "soll", "debe", "gross debit (gc)"),
    "net_credit": ("net credit (nc)",),
    "net_debit": ("net debit (nc)",),
    "fee": ("fee", "fees", "gebühr", "entgelt", "tarifa", "comisión", "deductions.value", "fee.value",
            "deduction in holding currency"),
    "net": ("net", "netto", "neto", "net total", "net amount", "resultamount.value", "net.value",
            "net in holding currency"),
    "currency": ("currency", "währung", "divisa", "moneda", "gross currency", "holding currency", "amount.currency",
                 "initialamount.currency"),
    "occurred_at": ("created utc", "created", "created at", "createdat", "creation date", "processed on", "timestamp",
                    "occurred at", "booked at", "transaction date"),
    "date": ("date", "datum", "fecha"),
    "time": ("time", "uhrzeit", "hora"),
    "time_zone": ("timezone", "time zone", "zeitzone", "zona horaria"),
    "status": ("status", "state", "estado", "transaction status"),
    "transaction_type": ("type", "typ", "tipo", "event type", "reporting category"),
    "reference_number": ("reference", "merchant reference", "reference txn id", "source id",
                         "zugehöriger transaktionscode"),
    "order_id": ("order id", "invoice number", "invoice id", "rechnungsnummer", "número de factura"),
    "payout_id": ("payout id", "automatic payout id", "deposit id", "batch number", "settlement id"),
    "merchant_id": ("merchant account", "merchant id", "client entity id", "merchant"),
}  # fmt: skip

CURRENCY_WORDS: Final = ("currency", "währung", "divisa", "moneda")
"""What the name of any column of currencies holds."""

STATUS_WORDS: Final = {
    "completed": ("completed", "complete", "succeeded", "success", "paid", "settled", "captured", "available",
                  "abgeschlossen", "completado"),
    "pending": ("pending", "in process", "open", "ausstehend", "offen", "pendiente"),
    "failed": ("failed", "declined", "fehlgeschlagen", "fallido"),
    "cancelled": ("cancelled", "canceled", "voided", "storniert", "cancelado"),
    "reversed": ("reversed", "chargeback", "rückgängig gemacht", "revertido"),
}  # fmt: skip

MOVEMENT_WORDS: Final = {
    "payment": ("payment", "charge", "settled", "capture", "zahlung", "pago"),
    "refund": ("refund", "refunded", "payment refund", "rückzahlung", "reembolso"),
    "dispute": ("chargeback", "dispute"),
    "dispute_reversal": ("chargebackreversed", "chargeback reversal", "dispute reversal"),
    "fee": ("fee", "fees"),
    "payout": ("payout", "merchantpayout", "merchant payout", "withdrawal"),
    "transfer": ("transfer", "balancetransfer"),
    "adjustment": ("adjustment",),
}


def plain(name: str) -> str:
    """A name without case, and with blanks for underscores."""
    return re.sub(r"[_\s]+", " ", name).strip().casefold()


def our_word(word: str, known: dict[str, tuple[str, ...]]) -> str | None:
    """What a word of the file is in ours, where it is known."""
    return next((ours for ours, theirs in known.items() if plain(word) in theirs), None)
