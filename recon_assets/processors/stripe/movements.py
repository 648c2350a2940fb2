"""What each `reporting_category` and each `type` of a balance transaction is in our words.

Stripe says to go by `reporting_category`: the type `adjustment` alone covers disputes, their reversals, failed refunds
and some fees. The type decides only where there is no category (old API versions), or where Stripe names a newer
category like the type. Everything else is `unclassified`: a warning of the day, never dropped.

A partial capture is two rows, the whole charge and a `partial_capture_reversal`: both are payment, so that their sum is
what was captured. A failed charge takes its payment back: a refund.
"""

from collections.abc import Mapping
from typing import Final

from recon_assets.domain.records import Movement

MOVEMENT_OF_CATEGORY: Final[Mapping[str, Movement]] = {
    "advance": Movement.ADJUSTMENT,
    "advance_funding": Movement.ADJUSTMENT,
    "charge": Movement.PAYMENT,
    "charge_failure": Movement.REFUND,
    "connect_collection_transfer": Movement.TRANSFER,
    "connect_reserved_funds": Movement.RESERVE,
    "dispute": Movement.DISPUTE,
    "dispute_reversal": Movement.DISPUTE_REVERSAL,
    "fee": Movement.FEE,
    "issuing_authorization_hold": Movement.RESERVE,
    "issuing_authorization_release": Movement.RESERVE,
    "issuing_transaction": Movement.TRANSFER,
    "other_adjustment": Movement.ADJUSTMENT,
    "partial_capture_reversal": Movement.PAYMENT,
    "payout": Movement.PAYOUT,
    "payout_reversal": Movement.PAYOUT_REVERSAL,
    "platform_earning": Movement.PAYMENT,
    "platform_earning_refund": Movement.REFUND,
    "refund": Movement.REFUND,
    "refund_failure": Movement.REFUND_REVERSAL,
    "risk_reserved_funds": Movement.RESERVE,
    "tax": Movement.FEE,
    "topup": Movement.TOPUP,
    "topup_reversal": Movement.TOPUP,
    "transfer": Movement.TRANSFER,
    "transfer_reversal": Movement.TRANSFER,
}

MOVEMENT_OF_TYPE: Final[Mapping[str, Movement]] = {
    "adjustment": Movement.UNCLASSIFIED,  # only its category says what it is
    "advance": Movement.ADJUSTMENT,
    "advance_funding": Movement.ADJUSTMENT,
    "anticipation_repayment": Movement.ADJUSTMENT,
    "application_fee": Movement.PAYMENT,
    "application_fee_refund": Movement.REFUND,
    "charge": Movement.PAYMENT,
    "climate_order_purchase": Movement.ADJUSTMENT,
    "climate_order_refund": Movement.ADJUSTMENT,
    "connect_collection_transfer": Movement.TRANSFER,
    "contribution": Movement.ADJUSTMENT,
    "fee_credit_funding": Movement.FEE_REVERSAL,
    "inbound_transfer": Movement.TOPUP,
    "inbound_transfer_reversal": Movement.TOPUP,
    "issuing_authorization_hold": Movement.RESERVE,
    "issuing_authorization_release": Movement.RESERVE,
    "issuing_dispute": Movement.TRANSFER,
    "issuing_transaction": Movement.TRANSFER,
    "obligation_outbound": Movement.TRANSFER,
    "obligation_reversal_inbound": Movement.TRANSFER,
    "payment": Movement.PAYMENT,
    "payment_failure_refund": Movement.REFUND,
    "payment_network_reserve_hold": Movement.RESERVE,
    "payment_network_reserve_release": Movement.RESERVE,
    "payment_refund": Movement.REFUND,
    "payment_reversal": Movement.REFUND,
    "payment_unreconciled": Movement.ADJUSTMENT,
    "payout": Movement.PAYOUT,
    "payout_cancel": Movement.PAYOUT_REVERSAL,
    "payout_failure": Movement.PAYOUT_REVERSAL,
    "payout_minimum_balance_hold": Movement.RESERVE,
    "payout_minimum_balance_release": Movement.RESERVE,
    "refund": Movement.REFUND,
    "refund_failure": Movement.REFUND_REVERSAL,
    "reserve_hold": Movement.RESERVE,
    "reserve_release": Movement.RESERVE,
    "reserve_transaction": Movement.RESERVE,
    "reserved_funds": Movement.RESERVE,
    "stripe_balance_payment_debit": Movement.TRANSFER,
    "stripe_balance_payment_debit_reversal": Movement.TRANSFER,
    "stripe_fee": Movement.FEE,
    "stripe_fx_fee": Movement.FEE,
    "tax_fee": Movement.FEE,
    "tax_fund": Movement.ADJUSTMENT,
    "topup": Movement.TOPUP,
    "topup_reversal": Movement.TOPUP,
    "transfer": Movement.TRANSFER,
    "transfer_cancel": Movement.TRANSFER,
    "transfer_failure": Movement.TRANSFER,
    "transfer_refund": Movement.TRANSFER,
}


def movement_of(*, category: str | None, type_: str) -> Movement:
    """The movement of one balance transaction."""
    if category is None:
        return MOVEMENT_OF_TYPE.get(type_, Movement.UNCLASSIFIED)
    known = MOVEMENT_OF_CATEGORY.get(category) or MOVEMENT_OF_TYPE.get(category)
    return known or Movement.UNCLASSIFIED
