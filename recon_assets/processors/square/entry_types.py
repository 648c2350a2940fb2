"""What each type of a payout entry is in our words, and which entries another record already is.

The types are Square's `ActivityType`; a type that is not in this table is `unclassified`, never dropped. An entry whose
money is a payment, a refund, a fee of either or a payout of its own is counted and is no row: with a row it would be
there twice. The sign of an entry says its direction.
"""

from collections.abc import Mapping
from typing import Final

from recon_assets.domain.records import Movement

OF_A_SALE: Final = "payout entry of a payment, a refund or the fee of one, which are rows of their own"
OF_A_PAYOUT: Final = "payout entry of a transfer to the bank, whose payout is a row of its own"

SAID_ELSEWHERE: Final[Mapping[str, str]] = {
    "CHARGE": OF_A_SALE,
    "REFUND": OF_A_SALE,
    "FEE": OF_A_SALE,  # a later correction: `processing_fee` of the payment has it as ADJUSTMENT
    "PROCESSING_FEE": OF_A_SALE,  # gross settlement: the fee is not in the entry of the payment
    "PROCESSING_FEE_REFUND": OF_A_SALE,
    "UNDO_PROCESSING_FEE_REFUND": OF_A_SALE,
    "MONEY_TRANSFER": OF_A_PAYOUT,  # a SIMPLE payout
    "PAYOUT": OF_A_PAYOUT,
}

MOVEMENT_OF_TYPE: Final[Mapping[str, Movement]] = {
    "ADJUSTMENT": Movement.ADJUSTMENT,
    "APP_FEE_REFUND": Movement.REFUND,
    "APP_FEE_REVENUE": Movement.PAYMENT,
    "AUTOMATIC_BITCOIN_CONVERSIONS": Movement.TRANSFER,
    "AUTOMATIC_BITCOIN_CONVERSIONS_REVERSED": Movement.TRANSFER,
    "AUTOMATIC_SAVINGS": Movement.TRANSFER,
    "AUTOMATIC_SAVINGS_REVERSED": Movement.TRANSFER,
    "BALANCE_FOLDERS_TRANSFER": Movement.TRANSFER,
    "BALANCE_FOLDERS_TRANSFER_REVERSED": Movement.TRANSFER,
    "CREDIT_CARD_REPAYMENT": Movement.TRANSFER,
    "CREDIT_CARD_REPAYMENT_REVERSED": Movement.TRANSFER,
    "DEPOSIT_FEE": Movement.FEE,
    "DEPOSIT_FEE_REVERSED": Movement.FEE_REVERSAL,
    "DISPUTE": Movement.DISPUTE,
    "ESCHEATMENT": Movement.TRANSFER,
    "FREE_PROCESSING": Movement.FEE_REVERSAL,
    "GIFT_CARD_LOAD_FEE": Movement.FEE,
    "GIFT_CARD_LOAD_FEE_REFUND": Movement.FEE_REVERSAL,
    "GIFT_CARD_POOL_TRANSFER": Movement.TRANSFER,
    "GIFT_CARD_POOL_TRANSFER_REVERSED": Movement.TRANSFER,
    "HOLD_ADJUSTMENT": Movement.RESERVE,
    "INITIAL_BALANCE_CHANGE": Movement.ADJUSTMENT,
    "LOCAL_OFFERS_CASHBACK": Movement.ADJUSTMENT,
    "LOCAL_OFFERS_FEE": Movement.FEE,
    "MONEY_TRANSFER_REVERSAL": Movement.PAYOUT_REVERSAL,
    "OPEN_DISPUTE": Movement.DISPUTE,
    "OTHER": Movement.UNCLASSIFIED,
    "OTHER_ADJUSTMENT": Movement.ADJUSTMENT,
    "PAID_SERVICE_FEE": Movement.FEE,
    "PAID_SERVICE_FEE_REFUND": Movement.FEE_REVERSAL,
    "PERCENTAGE_PROCESSING_DEACTIVATION": Movement.ADJUSTMENT,
    "PERCENTAGE_PROCESSING_ENROLLMENT": Movement.ADJUSTMENT,
    "PERCENTAGE_PROCESSING_REPAYMENT": Movement.ADJUSTMENT,
    "PERCENTAGE_PROCESSING_REPAYMENT_REVERSED": Movement.ADJUSTMENT,
    "REDEMPTION_CODE": Movement.ADJUSTMENT,
    "RELEASE_ADJUSTMENT": Movement.RESERVE,
    "RESERVE_HOLD": Movement.RESERVE,
    "RESERVE_RELEASE": Movement.RESERVE,
    "RETURNED_PAYOUT": Movement.PAYOUT_REVERSAL,
    "SQUARE_CAPITAL_PAYMENT": Movement.ADJUSTMENT,
    "SQUARE_CAPITAL_REVERSED_PAYMENT": Movement.ADJUSTMENT,
    "SQUARE_PAYROLL_TRANSFER": Movement.TRANSFER,
    "SQUARE_PAYROLL_TRANSFER_REVERSED": Movement.TRANSFER,
    "SUBSCRIPTION_FEE": Movement.FEE,
    "SUBSCRIPTION_FEE_PAID_REFUND": Movement.FEE_REVERSAL,
    "SUBSCRIPTION_FEE_REFUND": Movement.FEE_REVERSAL,
    "TAX_ON_FEE": Movement.FEE,
    "THIRD_PARTY_FEE": Movement.FEE,
    "THIRD_PARTY_FEE_REFUND": Movement.FEE_REVERSAL,
    "UNDO_GIFT_CARD_LOAD_FEE_REFUND": Movement.FEE,
}


def movement_of(type_: str) -> Movement:
    """The movement of an entry that is a row."""
    return MOVEMENT_OF_TYPE.get(type_, Movement.UNCLASSIFIED)
