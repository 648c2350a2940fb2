"""All 144 event codes of PayPal's reference have a kind of movement, and codes that come later have their group's."""

import csv
from pathlib import Path

import pytest

from recon_assets.domain.records import Movement
from recon_assets.processors.paypal.event_codes import movement_of

CODES = Path(__file__).resolve().parents[4] / "shared" / "cases" / "paypal" / "tcodes.csv"

MOVEMENTS_OF_CLASS = {
    "payment": {Movement.PAYMENT},
    "fee": {Movement.FEE},
    "chargeback_fee": {Movement.FEE},
    "currency_conversion": {Movement.CONVERSION},
    "deposit": {Movement.TOPUP},
    "withdrawal": {Movement.PAYOUT},
    "debit_card": {Movement.PAYMENT},
    "bonus": {Movement.ADJUSTMENT},
    "incentive": {Movement.ADJUSTMENT},
    "bill_pay": {Movement.PAYMENT},
    "reversal": {
        Movement.REFUND, Movement.PAYOUT_REVERSAL, Movement.ADJUSTMENT, Movement.TOPUP, Movement.RESERVE
    },
    "chargeback_or_paypal_reversal": {Movement.DISPUTE},
    "refund": {Movement.REFUND},
    "fee_reversal": {Movement.FEE_REVERSAL},
    "fee_refund": {Movement.FEE_REVERSAL},
    "chargeback": {Movement.DISPUTE},
    "chargeback_reversal": {Movement.DISPUTE_REVERSAL},
    "adjustment_chargeback": {Movement.ADJUSTMENT, Movement.DISPUTE, Movement.DISPUTE_REVERSAL},
    "authorization_no_balance": {Movement.RESERVE},
    "dividend": {Movement.ADJUSTMENT},
    "hold": {Movement.RESERVE},
    "buyer_credit": {Movement.TRANSFER},
    "adjustment": {Movement.ADJUSTMENT},
    "transfer": {Movement.TRANSFER},
    "hold_or_reserve": {Movement.RESERVE},
    "restricted_balance": {Movement.RESERVE},
    "tax_withholding": {Movement.ADJUSTMENT},
    "open_wallet": {Movement.PAYMENT},
    "disbursement": {Movement.TRANSFER},
    "payable_receivable": {Movement.ADJUSTMENT},
    "display_only": {Movement.UNCLASSIFIED},
    "other": {Movement.UNCLASSIFIED},
}  # fmt: skip


@pytest.mark.skipif(not CODES.is_file(), reason="PayPal's list of codes is not beside this project")
def test_every_code_of_paypals_reference_has_the_movement_of_its_class() -> None:
    with CODES.open(newline="") as lines:
        codes = list(csv.DictReader(lines))
    assert len(codes) == 144
    wrong = [row["code"] for row in codes if movement_of(row["code"]) not in MOVEMENTS_OF_CLASS[row["suggested_class"]]]
    assert wrong == []


@pytest.mark.parametrize(
    ("code", "movement"),
    [
        ("T0006", Movement.PAYMENT),
        ("T0400", Movement.PAYOUT),
        ("T1101", Movement.PAYOUT_REVERSAL),
        ("T1106", Movement.DISPUTE),
        ("T1107", Movement.REFUND),
        ("T1108", Movement.FEE_REVERSAL),
        ("T1111", Movement.RESERVE),
        ("T1201", Movement.DISPUTE),
        ("T1208", Movement.DISPUTE_REVERSAL),
        ("T0299", Movement.CONVERSION),  # not in the reference: by its group
        ("T1299", Movement.ADJUSTMENT),
        ("T7700", Movement.UNCLASSIFIED),
        ("T9900", Movement.UNCLASSIFIED),
        ("T00", Movement.UNCLASSIFIED),
        ("T00060", Movement.UNCLASSIFIED),
        ("", Movement.UNCLASSIFIED),
    ],
)
def test_a_code_has_the_movement_of_its_type_or_of_its_group(code: str, movement: Movement) -> None:
    assert movement_of(code) == movement
