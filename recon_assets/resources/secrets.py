"""Credentials of feeds from AWS Secrets Manager, through dagster-aws: the `SecretStore` of `feeds.credentials`.

Nothing is contacted before a feed asks for a name that the environment does not have. Values stay in this object: they
are not put into the environment, as dagster-aws's own `SecretsManagerSecretsResource` would. They are fetched anew
after a while, since a code location lives for weeks, and a key that was changed must not need its restart.
"""

import json
import logging
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any, Final

import dagster as dg
from pydantic import SecretStr

from recon_assets.domain.errors import ConfigurationError, FeedRefused, FeedUnavailable, ReconError
from recon_assets.feeds.aws import Answer, aws_failures
from recon_assets.feeds.credentials import NAME_PATTERN

ATTEMPTS: Final = 3
"""Of each request, with botocore's time-outs of 60 s to connect and 60 s between two parts of an answer."""

MAX_AGE_S: Final = 300.0
"""After so long a changed secret is seen by a process that goes on."""

_log = logging.getLogger(__name__)
_NAME: Final = re.compile(NAME_PATTERN)
_WRONG_LOGIN: Final = frozenset(
    {
        "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "IncompleteSignature",
        "ExpiredTokenException", "MissingAuthenticationToken",
    }
)  # fmt: skip
_NO_RIGHT: Final = frozenset({"AccessDeniedException", "AccessDenied", "DecryptionFailure", "OptInRequired"})
_LATER: Final = frozenset({"ThrottlingException", "Throttling", "RequestLimitExceeded", "InternalServiceError"})


class AwsSecrets:
    """The secrets that `RECON_AWS_SECRETS` lists: each a JSON object of names and texts, or the one text it is named
    after. AWS's own credentials and region are those of the process, as for files in S3.
    """

    def __init__(
        self, secret_ids: Sequence[str], *, max_age_s: float = MAX_AGE_S, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._ids = tuple(secret_ids)
        self._max_age_s, self._now = max_age_s, now
        self._lock = Lock()
        self._values: Mapping[str, SecretStr] | None = None
        self._fetched_at = 0.0

    @property
    def where(self) -> str:
        """The ids of the secrets, which are no secrets."""
        return f"the AWS secrets of RECON_AWS_SECRETS: {', '.join(self._ids)}"

    def values(self) -> Mapping[str, SecretStr]:
        """Not older than `max_age_s`, or the last ones while Secrets Manager does not answer.

        Raises `FeedUnavailable` when there are none yet, `FeedRefused`, or `ConfigurationError` for a secret of no use.
        """
        with self._lock:
            if self._values is None or self._now() - self._fetched_at > self._max_age_s:
                self._values = self._fetched_or_kept()
                self._fetched_at = self._now()
            return self._values

    def _fetched_or_kept(self) -> Mapping[str, SecretStr]:
        """A login that was taken away is an error at once; a service that is away is none of the feed's."""
        try:
            return self._fetched()
        except FeedUnavailable as error:
            if self._values is None:
                raise
            _log.warning("the secrets of before are used, since %s", error)
            return self._values

    def _fetched(self) -> Mapping[str, SecretStr]:
        found: dict[str, SecretStr] = {}
        holder_of: dict[str, str] = {}
        with _no_debug_log(), aws_failures("Secrets Manager", self.where, _answered):
            client = _client()
        for secret_id in self._ids:
            where = f"the AWS secret {secret_id}"
            with _no_debug_log(), aws_failures("Secrets Manager", where, _answered):
                answer = client.get_secret_value(SecretId=secret_id)
            values = _named_values(answer, where)
            for name in values:
                if name in holder_of:
                    raise ConfigurationError(
                        f"{name} is in two secrets", where=f"{holder_of[name]}; {where}", remedy="Remove it from one."
                    )
                holder_of[name] = where
            found |= values
        return found


def _client() -> Any:
    from dagster_aws.secretsmanager import SecretsManagerResource

    with warnings.catch_warnings():
        # The resource is in beta; tests pin what we use of it, its client.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return SecretsManagerResource(max_attempts=ATTEMPTS).get_client()


@contextmanager
def _no_debug_log() -> Iterator[None]:
    """At DEBUG botocore logs the body of every answer, and Dagster may be set to keep such a log."""
    before = logging.root.manager.disable
    logging.disable(max(before, logging.DEBUG))
    try:
        yield
    finally:
        logging.disable(before)


def _named_values(answer: Mapping[str, Any], where: str) -> dict[str, SecretStr]:
    """The text values of a secret whose names could be those of variables."""
    text = answer.get("SecretString")
    if not isinstance(text, str):
        raise ConfigurationError(
            "the secret is binary", where=where, remedy="Store it as text: a JSON object of names and values."
        )
    document = None
    with suppress(ValueError, RecursionError):  # its error would hold the text
        document = json.loads(text)
    if isinstance(document, dict):
        pairs = document.items()
        return {name: SecretStr(value) for name, value in pairs if _NAME.match(name) and isinstance(value, str)}
    own_name = str(answer.get("Name", "")).rpartition("/")[2]
    if not _NAME.match(own_name):
        raise ConfigurationError(
            "the secret is no JSON object, and its own name does not end in the name of a variable",
            where=where,
            remedy='Store {"NAME": "value"}, or name it after its one value, such as recon/STRIPE_API_KEY.',
        )
    return {own_name: SecretStr(text)}


def _answered(answer: Answer) -> ReconError:
    code, where = answer.code, answer.where
    if code == "ResourceNotFoundException":
        return ConfigurationError(
            "there is no such secret, or none with a current version",
            where=where,
            remedy="Correct RECON_AWS_SECRETS, or AWS_DEFAULT_REGION and the account.",
        )
    if code in _WRONG_LOGIN:
        return FeedRefused(
            f"Secrets Manager does not take the AWS credentials ({code})",
            where=where,
            remedy="Renew the credentials of AWS.",
        )
    if code in _NO_RIGHT:
        return FeedRefused(
            f"Secrets Manager gives no right to this secret ({code})",
            where=where,
            remedy="Grant secretsmanager:GetSecretValue, and kms:Decrypt for a key of your own.",
        )
    if code in _LATER or answer.status == 429 or answer.status >= 500:
        return FeedUnavailable(f"Secrets Manager could not answer ({code})", where=where, remedy="Try again later.")
    return FeedRefused(
        f"Secrets Manager refused ({code}, HTTP {answer.status})",
        where=where,
        remedy="Look at the secret in AWS: it may be about to be deleted, or its key disabled.",
    )
