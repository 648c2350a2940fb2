"""What a product of the stand-in processor means: a completed charge, with the fee that was agreed."""

from dataclasses import dataclass

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.money import MAX_MINOR
from recon_assets.domain.records import Status
from recon_assets.feeds.http_pages import ParsedRecord
from recon_assets.feeds.json_records import FieldRefused, JsonFields, net_minor

BASIS_POINTS = 10_000
"""Basis points in one."""


def scheduled_fee_minor(amount_minor: int, *, basis_points: int, fixed_minor: int) -> int:
    """Proportional plus fixed fee of a charge of `amount_minor` >= 0, half a minor unit rounded up, in integers."""
    assert amount_minor >= 0, "a charge is not negative"
    return (amount_minor * basis_points + BASIS_POINTS // 2) // BASIS_POINTS + fixed_minor


@dataclass(frozen=True, slots=True)
class Charge:
    """The currency and the fee of every charge."""

    currency: str
    exponent: int
    fee_basis_points: int
    fee_fixed_minor: int

    def parse(self, product: JsonFields, day: BusinessDay) -> ParsedRecord:
        """A product as a completed charge at the start of `day`."""
        product_id = product.natural_number("id")
        amount_minor = product.amount_minor("price", exponent=self.exponent)
        if amount_minor < 0:
            raise FieldRefused("price", "negative, and a charge is not")
        fee_minor = scheduled_fee_minor(
            amount_minor, basis_points=self.fee_basis_points, fixed_minor=self.fee_fixed_minor
        )
        if fee_minor > MAX_MINOR:
            raise FieldRefused("price", "its fee is out of range for 64 bits of minor units")
        merchant = product.optional_text("brand") or product.optional_text("category")
        return ParsedRecord(
            transaction_id=f"TXN_{day.processor.upper()}_{day.business_date:%Y%m%d}_{product_id:04d}",
            reference_number=product.optional_text("sku"),
            merchant_id=merchant.upper() if merchant else None,
            transaction_type="charge",
            amount_minor=amount_minor,
            currency=self.currency,
            fee_minor=fee_minor,
            net_minor=net_minor(amount_minor=amount_minor, fee_minor=fee_minor),
            status=Status.COMPLETED,
            occurred_at=day.starts_at,
        )
