"""Arguments that several commands share, and how they are checked."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final

import typer

from recon_assets.observability.logs import install
from recon_assets.settings import Settings

ProcessorArgument = Annotated[str, typer.Argument(help="A configured processor, such as stripe.")]
DateArgument = Annotated[str, typer.Argument(help="The business date, YYYY-MM-DD.")]
WRONG_USAGE: Final = 2


def business_date(text: str) -> date:
    """A business date; anything else is wrong usage (exit code 2), also ISO 8601's other styles such as 20250930."""
    refusal = typer.BadParameter(f"{text!r} is no date; write it as YYYY-MM-DD, such as 2025-09-30")
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise refusal from error
    if found.isoformat() != text:
        raise refusal
    return found


def yesterday() -> date:
    """Yesterday in UTC."""
    return datetime.now(UTC).date() - timedelta(days=1)


def load_settings() -> Settings:
    """The settings, or wrong usage with the name of the variable that is wrong. Logging is as they say from here on."""
    from pydantic import ValidationError

    from recon_assets.domain.errors import ConfigurationError

    try:
        settings = Settings()
    except ValidationError as error:
        problems = "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
        raise ConfigurationError(
            f"a setting is wrong: {problems}", where="environment or .env", remedy="See .env.example."
        ) from error
    install(settings.log_format)
    return settings
