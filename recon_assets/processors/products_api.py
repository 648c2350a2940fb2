"""The stand-in processor: the shape of `GET https://dummyjson.com/products`, a product for a charge.

`{"products": [{"id", "title", "category", "price", "brand"?, "sku"}], "total", "skip", "limit"}`. The parameters
`processor` and `date` are sent too; DummyJSON ignores them, our sandbox answers by them.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from recon_assets.feeds.addresses import DEFAULT_PAGE_SIZE, BaseUrl, PageSize
from recon_assets.schemas.currencies import exponent_of

if TYPE_CHECKING:
    from recon_assets.feeds.adapter import Adapter, Surroundings

MAX_FEE_BASIS_POINTS = 10_000


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
    fee_basis_points: int = Field(default=290, ge=0, le=MAX_FEE_BASIS_POINTS)
    fee_fixed_minor: int = Field(default=30, ge=0, le=1_000_000)

    def adapter(self, around: "Surroundings") -> "Adapter":
        """The feed of the processor."""
        from recon_assets.feeds.http_pages import HttpPagesAdapter
        from recon_assets.processors.products_charges import Charge

        exponent = exponent_of(self.currency)
        assert exponent is not None, "the currency was checked when the configuration was read"
        charge = Charge(
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
