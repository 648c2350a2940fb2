"""PayPal's transaction event codes as our kinds of movement.

A code is `T`, two digits for its group and two for its type. PayPal adds types, and says that the group is enough to
reconcile by: a type that is not named below has the kind of its group. The same code is a credit for a seller and a
debit for a buyer, so the code says nothing about the sign.
"""

from collections.abc import Mapping
from typing import Final

from recon_assets.domain.records import Movement

_GROUPS: Final[Mapping[str, Movement]] = {
    "T00": Movement.PAYMENT,
    "T01": Movement.FEE,
    "T02": Movement.CONVERSION,
    "T03": Movement.TOPUP,
    "T04": Movement.PAYOUT,
    "T05": Movement.PAYMENT,  # with the PayPal debit card
    "T06": Movement.PAYOUT,  # to a credit card
    "T07": Movement.TOPUP,  # from a credit card
    "T08": Movement.ADJUSTMENT,  # bonus
    "T09": Movement.ADJUSTMENT,  # incentive
    "T10": Movement.PAYMENT,  # bill pay
    "T11": Movement.REFUND,  # reversals of payments
    "T12": Movement.ADJUSTMENT,
    "T13": Movement.RESERVE,  # authorisations: they move no balance
    "T14": Movement.ADJUSTMENT,  # dividend
    "T15": Movement.RESERVE,
    "T16": Movement.TRANSFER,  # buyer credit
    "T17": Movement.PAYOUT,  # to what is no bank
    "T18": Movement.TRANSFER,  # buyer credit
    "T19": Movement.ADJUSTMENT,
    "T20": Movement.TRANSFER,
    "T21": Movement.RESERVE,
    "T22": Movement.RESERVE,  # restricted balance
    "T23": Movement.ADJUSTMENT,  # tax withheld
    "T30": Movement.PAYMENT,
    "T50": Movement.TRANSFER,  # disbursement
    "T97": Movement.ADJUSTMENT,  # payables and receivables
    "T98": Movement.UNCLASSIFIED,  # "display only"
    "T99": Movement.UNCLASSIFIED,  # "other": PayPal does not say what it is
}

_TYPES: Final[Mapping[str, Movement]] = {
    "T1101": Movement.PAYOUT_REVERSAL,
    "T1103": Movement.ADJUSTMENT,  # points
    "T1104": Movement.TOPUP,  # taken back
    "T1105": Movement.RESERVE,  # hold taken back
    "T1106": Movement.DISPUTE,
    "T1108": Movement.FEE_REVERSAL,
    "T1109": Movement.FEE_REVERSAL,
    "T1110": Movement.RESERVE,  # hold for a dispute
    "T1111": Movement.RESERVE,  # and its end
    "T1201": Movement.DISPUTE,
    "T1202": Movement.DISPUTE_REVERSAL,
    "T1205": Movement.DISPUTE_REVERSAL,  # reimbursement
    "T1207": Movement.DISPUTE,  # re-presentment rejected
    "T1208": Movement.DISPUTE_REVERSAL,  # cancelled
}

_GROUP_CHARACTERS: Final = 3
_CODE_CHARACTERS: Final = 5


def movement_of(event_code: str) -> Movement:
    """The kind of movement of one event code; `UNCLASSIFIED` for a code of a group that is not known."""
    if len(event_code) != _CODE_CHARACTERS:
        return Movement.UNCLASSIFIED
    group = _GROUPS.get(event_code[:_GROUP_CHARACTERS], Movement.UNCLASSIFIED)
    return _TYPES.get(event_code, group)
