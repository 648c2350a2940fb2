"""The configuration of `kind: square_api`."""

from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, StringConstraints, field_validator

from recon_assets.feeds.addresses import BaseUrl
from recon_assets.feeds.credentials import EnvironmentName

if TYPE_CHECKING:
    from recon_assets.feeds.adapter import Adapter, Surroundings

MAX_PAGE_SIZE: Final = 100
"""Square's own limit; it ignores a larger one."""

MAX_LOCATIONS: Final = 999
"""Names of raw files have three digits for it."""

LocationId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,50}$")]


class SquareApiFeed(BaseModel):
    """Configuration. Without `locations` those of the account are asked for each time, so a new one is not missed.

    `payouts` needs a token that may read them; without it they and what only their entries say are not in the feed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["square_api"]
    base_url: BaseUrl = "https://connect.squareup.com"
    access_token_env: EnvironmentName = "SQUARE_ACCESS_TOKEN"  # noqa: S105 - the name of a variable
    locations: Annotated[tuple[LocationId, ...], Field(min_length=1, max_length=MAX_LOCATIONS)] | None = None
    page_size: int = Field(default=MAX_PAGE_SIZE, ge=1, le=MAX_PAGE_SIZE)
    cash_and_external: Literal["leave_out", "keep"] = "leave_out"
    payouts: bool = True
    merchant_id: Literal["location_id", "location_name"] = "location_id"

    _own_token: SecretStr | None = PrivateAttr(default=None)

    @field_validator("locations")
    @classmethod
    def _are_different(cls, locations: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if locations is not None and len(set(locations)) != len(locations):
            raise ValueError("a location is named twice: its payments would be too")
        return locations

    def with_token(self, *, base_url: str, access_token: SecretStr) -> Self:
        """The same feed elsewhere, with a token that is not from the environment: for the sandbox."""
        copy = self.model_copy(update={"base_url": base_url})
        copy._own_token = access_token  # noqa: SLF001 - our own
        return copy

    def adapter(self, around: "Surroundings") -> "Adapter":
        """Payments, refunds and payouts of the account. The processor's name is not sent: the token says whose."""
        from recon_assets.processors.square.adapter import SquareAdapter
        from recon_assets.processors.square.api import Access
        from recon_assets.processors.square.day import Asked

        return SquareAdapter(
            kind=self.kind,
            access=Access(
                base_url=self.base_url,
                access_token_env=self.access_token_env,
                own_token=self._own_token,
                credentials=around.credentials,
            ),
            asked=Asked(
                locations=self.locations or (),
                page_size=self.page_size,
                payouts=self.payouts,
                names=self.merchant_id == "location_name",
            ),
            keep_outside_square=self.cash_and_external == "keep",
            limits=around.limits,
        )
