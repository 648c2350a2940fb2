"""Credentials of feeds: named in the configuration, kept in the environment or a store of secrets, and nowhere else.

A configuration holds a NAME. Its value is read when a feed is asked, goes into a header or a password and is never part
of an error, a log, a manifest or Dagster's metadata. Not here: any store of secrets (`recon_assets.resources.secrets`).
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Protocol

from dotenv import dotenv_values
from pydantic import SecretStr, StringConstraints

from recon_assets.domain.errors import ConfigurationError

NAME_PATTERN: Final = r"^[A-Z][A-Z0-9_]{0,99}$"
_HEADER_TEXT: Final = re.compile(r"[\x21-\x7e]{1,8192}")
EnvironmentName = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""The name of an environment variable, for configuration."""


class SecretStore(Protocol):
    """Named values beside the environment. Making one contacts nothing."""

    @property
    def where(self) -> str:
        """For people: which store, and how it is set."""
        ...

    def values(self) -> Mapping[str, SecretStr]:
        """Everything it holds, fetched when it is first asked for and kept for this process.

        Raises `FeedUnavailable`, `FeedRefused` or `ConfigurationError`, and may then be asked again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where values are looked for: the environment, `.env` of the working folder, then the store, if there is one."""

    store: SecretStore | None = None

    @property
    def where(self) -> str:
        """For errors about a value."""
        own = "the environment of this process"
        return own if self.store is None else f"{own} and {self.store.where}"

    def value(self, name: str) -> SecretStr:
        """The value of `name`. Raises `ConfigurationError` when it is unset or blank, and what the store raises."""
        value = self.optional(name)
        if value is not None:
            return value
        if self.store is None:
            raise ConfigurationError(
                f"the environment variable {name} has no value",
                where=self.where,
                remedy="Set it, or put it into .env; never into the configuration.",
            )
        raise ConfigurationError(
            f"{name} has no value, neither as an environment variable nor in a secret",
            where=self.where,
            remedy=f"Set the variable, or add {name} with a text for its value to a secret.",
        )

    def optional(self, name: str) -> SecretStr | None:
        """The value of `name`, or None when it is unset or blank everywhere. Raises what the store raises."""
        value = (os.environ.get(name) or dotenv_values(".env").get(name) or "").strip()
        if not value and self.store is not None:
            value = self.store.values().get(name, SecretStr("")).get_secret_value().strip()
        return SecretStr(value) if value else None

    def bearer(self, name: str) -> Mapping[str, str]:
        """The header that carries the token `name`. Raises like `value`, also for what can't stand in a header."""
        token = self.value(name).get_secret_value()
        if not _HEADER_TEXT.fullmatch(token):
            raise ConfigurationError(
                f"the value of {name} is no token: it has blanks or marks beyond ASCII, or is very long",
                where=self.where,
                remedy="Copy it again from where it was issued.",
            )
        return {"Authorization": f"Bearer {token}"}


ENVIRONMENT: Final = Credentials()
"""The environment and `.env` alone."""
