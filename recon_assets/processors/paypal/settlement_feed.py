"""The configuration of `kind: paypal_settlement`: settlement reports (STL), files as on PayPal's SFTP server."""

from typing import TYPE_CHECKING, Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from recon_assets.feeds.files.late import LateFiles
from recon_assets.feeds.files.places import Folder, SftpLogin, checked_login, place_at

if TYPE_CHECKING:
    from recon_assets.feeds.adapter import Adapter, Surroundings

DATE: Final = "{date}"
"""In `pattern`: becomes yyyymmdd."""


def _names_the_day(pattern: str) -> str:
    if pattern.count(DATE) != 1 or set(pattern.replace(DATE, "")) & set("{}/"):
        raise ValueError("must be a file name with {date}, which becomes yyyymmdd, once")
    return pattern


class PayPalSettlementFeed(BaseModel):
    """Configuration. `whole_unit_currencies`: PayPal writes these without decimals, ISO 4217 gives them two."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["paypal_settlement"] = "paypal_settlement"
    folder: Folder
    sftp: SftpLogin | None = None
    late_files: LateFiles = LateFiles()
    pattern: Annotated[str, AfterValidator(_names_the_day)] = "STL-{date}.*.CSV"
    whole_unit_currencies: frozenset[str] = frozenset({"HUF", "TWD"})

    @model_validator(mode="after")
    def _login_is_of_the_place(self) -> Self:
        checked_login(self.folder, self.sftp)
        return self

    def adapter(self, around: "Surroundings") -> "Adapter":
        """The reports in `folder`."""
        from recon_assets.processors.paypal.settlement_adapter import PayPalSettlementAdapter

        return PayPalSettlementAdapter(
            processor=around.processor,
            place=place_at(self.folder, feeds_dir=around.feeds_dir, login=self.sftp, credentials=around.credentials),
            pattern=self.pattern,
            late_files=self.late_files,
            whole_unit_currencies=self.whole_unit_currencies,
        )
