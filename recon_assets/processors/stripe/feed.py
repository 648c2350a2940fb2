"""The configuration of `kind: stripe_api`."""

from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, StringConstraints

from recon_assets.feeds.addresses import BaseUrl
from recon_assets.feeds.credentials import EnvironmentName

if TYPE_CHECKING:
    from recon_assets.feeds.adapter import Adapter, Surroundings

MAX_PAGE_SIZE: Final = 100
"""Stripe's own limit."""

Mode = Literal["live", "test"]

MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class StripeMetadata(BaseModel):
    """Keys in the metadata of charges and refunds, where a merchant keeps ids of its own. Each may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference_number: MetadataKey | None = None
    order_id: MetadataKey | None = None
    merchant_id: MetadataKey | None = None


class StripeApiFeed(BaseModel):
    """Configuration. `mode` says whose key is expected: with a key of the other mode nothing is fetched."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["stripe_api"]
    base_url: BaseUrl = "https://api.stripe.com"
    api_key_env: EnvironmentName = "STRIPE_API_KEY"
    mode: Mode = "live"
    account: Annotated[str, StringConstraints(pattern=r"^acct_[A-Za-z0-9]{1,64}$")] | None = None
    page_size: int = Field(default=MAX_PAGE_SIZE, ge=1, le=MAX_PAGE_SIZE)
    metadata: StripeMetadata = StripeMetadata()

    _own_key: SecretStr | None = PrivateAttr(default=None)

    def with_key(self, *, base_url: str, api_key: SecretStr) -> Self:
        """The same feed elsewhere, with a key that is not from the environment: for the sandbox."""
        copy = self.model_copy(update={"base_url": base_url, "mode": "test"})
        copy._own_key = api_key  # noqa: SLF001 - our own
        return copy

    def adapter(self, around: "Surroundings") -> "Adapter":
        """The account's balance transactions. The processor's name is not sent: the key says whose they are."""
        from recon_assets.processors.stripe.adapter import StripeAdapter
        from recon_assets.processors.stripe.api import Access
        from recon_assets.processors.stripe.records import MetadataKeys

        return StripeAdapter(
            kind=self.kind,
            access=Access(
                base_url=self.base_url,
                api_key_env=self.api_key_env,
                mode=self.mode,
                account=self.account,
                own_key=self._own_key,
                credentials=around.credentials,
            ),
            page_size=self.page_size,
            keys=MetadataKeys(**self.metadata.model_dump()),
            limits=around.limits,
        )
