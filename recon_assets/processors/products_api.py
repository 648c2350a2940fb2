"""The stand-in processor: the shape of `GET https://dummyjson.com/products`, a product for a charge.

`{"products": [{"id", "title", "category", "price", "brand"?, "sku"}], "total", "skip", "limit"}`. The parameters
`processor` and `date` are sent too; DummyJSON ignores them, our sandbox answers by them.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from recon_assets.domain.business_day import BusinessDay
from recon_assets.domain.money import MAX_MINOR
from recon_assets.domain.records import Status
from recon_assets.feeds.adapter import Adapter, Surroundings
from recon_assets.feeds.http_pages import (
    DEFAULT_PAGE_SIZE,
    BaseUrl,
    HttpPagesAdapter,
    PageSize,
    ParsedRecord,
)
from recon_assets.feeds.json_records import FieldRefused, JsonFields, net_minor
from recon_assets.schemas.currencies import exponent_of

BASIS_POINTS = 10_000
"""Basis points in one."""


def _known_currency(code: str) -> str:
    if exponent_of(code) is None:
        raise ValueError("is no currency code of ISO 4217")
    return code


class ProductsApiFeed(BaseModel):
    """Configuration. The feed says neither currency nor fee: both are what was agreed with the processor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["products_api"] = "products_api"
    base_url: BaseUrl
    page_size: PageSize = DEFAULT_PAGE_SIZE
    currency: Annotated[str, AfterValidator(_known_currency)] = "USD"
    fee_basis_points: int = Field(default=290, ge=0, le=BASIS_POINTS)
    fee_fixed_minor: int = Field(default=30, ge=0, le=1_000_000)

    def adapter(self, around: Surroundings) -> Adapter:
        """The feed of the processor."""
        exponent = exponent_of(self.currency)
        assert exponent is not None, "the currency was checked when the configuration was read"
        charge = _Charge(
            currency=self.currency,
            exponent=exponent,
            fee_basis_points=self.fee_basis_points,
            fee_fixed_minor=self.fee_fixed_minor,
        )
        return HttpPagesAdapter(
            kind=self.kind,
            url=f"{self.base_url}/products",
            processor=around.processor,
            record_list_field="products",
            page_size=self.page_size,
            limits=around.limits,
            parse=charge.parse,
        )


def scheduled_fee_minor(amount_minor: int, *, basis_points: int, fixed_minor: int) -> int:
    """Proportional plus fixed fee of a charge of `amount_minor` >= 0, half a minor unit rounded up, in integers."""
    assert amount_minor >= 0, "a charge is not negative"
    return (amount_minor * basis_points + BASIS_POINTS // 2) // BASIS_POINTS + fixed_minor


@dataclass(frozen=True, slots=True)
class _Charge:
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
