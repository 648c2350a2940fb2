"""Credentials of feeds: named in the configuration, kept in the environment, and nowhere else.

A configuration holds the NAME of an environment variable. Values are read when a feed is asked, go into a header or a
password and are never part of an error, a log, a manifest or Dagster's metadata.
"""

import os
from typing import Annotated

from dotenv import dotenv_values
from pydantic import SecretStr, StringConstraints

from recon_assets.domain.errors import ConfigurationError

EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")]
"""The name of an environment variable, for configuration."""


def credential(name: str) -> SecretStr:
    """The value of `name` in the environment, else in `.env` of the working folder.

    Raises `ConfigurationError` when it is unset or blank.
    """
    value = (os.environ.get(name) or dotenv_values(".env").get(name) or "").strip()
    if not value:
        raise ConfigurationError(
            f"the environment variable {name} has no value",
            where="the environment of this process",
            remedy="Set it, or put it into .env; never into the configuration.",
        )
    return SecretStr(value)
