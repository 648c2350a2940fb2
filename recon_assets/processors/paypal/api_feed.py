"""The configuration of `kind: paypal_api`: Transaction Search, `GET {base_url}/v1/reporting/transactions`."""

from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr

from recon_assets.feeds.addresses import BaseUrl
from recon_assets.feeds.credentials import EnvironmentName

if TYPE_CHECKING:
    from recon_assets.feeds.adapter import Adapter, Surroundings

LIVE_URL: Final = "https://api-m.paypal.com"
MAX_PAGE_SIZE: Final = 500
"""PayPal's limit."""


class PayPalApiFeed(BaseModel):
    """Configuration. `fields: all` would bring names and addresses of payers into the raw files as well."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["paypal_api"] = "paypal_api"
    base_url: BaseUrl = LIVE_URL
    client_id_env: EnvironmentName = "PAYPAL_CLIENT_ID"
    client_secret_env: EnvironmentName = "PAYPAL_CLIENT_SECRET"  # noqa: S105 - the name of a variable
    page_size: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = MAX_PAGE_SIZE
    fields: Annotated[str, Field(pattern=r"^(all|[a-z_]+(,[a-z_]+)*)$")] = "transaction_info,store_info"

    _own_login: tuple[str, SecretStr] | None = PrivateAttr(default=None)

    def with_login(self, *, base_url: str, client_id: str, client_secret: SecretStr) -> Self:
        """The same feed elsewhere, with a login that is not from the environment: for the sandbox."""
        copy = self.model_copy(update={"base_url": base_url})
        copy._own_login = (client_id, client_secret)  # noqa: SLF001 - our own
        return copy

    def adapter(self, around: "Surroundings") -> "Adapter":
        """Transaction Search. The processor's name is not sent: the login says whose they are."""
        from recon_assets.processors.paypal.api_adapter import PayPalApiAdapter
        from recon_assets.processors.paypal.session import Credentials

        def login() -> tuple[str, str]:
            if self._own_login is not None:
                return self._own_login[0], self._own_login[1].get_secret_value()
            client_id = around.credentials.value(self.client_id_env)
            return client_id.get_secret_value(), around.credentials.value(self.client_secret_env).get_secret_value()

        return PayPalApiAdapter(
            base_url=self.base_url,
            page_size=self.page_size,
            fields=self.fields,
            limits=around.limits,
            credentials=Credentials(
                names=f"{self.client_id_env} and {self.client_secret_env}",
                get=login,
            ),
        )
