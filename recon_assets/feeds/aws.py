"""Failures of AWS's library as our errors: what has nothing to do with the service that was asked.

The library's texts and causes are not told: an answer may quote the id of a key.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from recon_assets.domain.errors import ConfigurationError, FeedRefused, FeedUnavailable, ReconError

_CODE: Final = re.compile(r"[A-Za-z0-9.]{1,80}")


@dataclass(frozen=True, slots=True)
class Answer:
    """That a service said no: its error code, `no code` where that is none, and the status of HTTP (0 if unknown)."""

    code: str
    status: int
    where: str


@contextmanager
def aws_failures(service: str, where: str, answered: Callable[[Answer], ReconError]) -> Iterator[None]:
    """Raise our error for what boto3 raises. `answered` says what a refusal of the service means."""
    from botocore import exceptions as boto

    try:
        yield
    except boto.ClientError as error:
        raise answered(_answer(error.response, where)) from None
    except (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError):
        raise FeedRefused(
            f"there are no AWS credentials for {service}",
            where=where,
            remedy="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give the machine a role.",
        ) from None
    except boto.NoRegionError:
        raise ConfigurationError(
            f"no AWS region is set, and {service} has one address in each",
            where=where,
            remedy="Set AWS_DEFAULT_REGION, or a region in the profile of AWS_PROFILE.",
        ) from None
    except (boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError) as error:
        raise FeedUnavailable(
            f"{service} did not answer to the end ({type(error).__name__})",
            where=where,
            remedy="Try again; check the network and AWS_ENDPOINT_URL.",
        ) from None
    except (boto.BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"the AWS settings of this process are wrong ({type(error).__name__})",
            where=where,
            remedy="Check AWS_PROFILE, AWS_DEFAULT_REGION and AWS_ENDPOINT_URL.",
        ) from None


def _answer(response: Any, where: str) -> Answer:
    told = str(response.get("Error", {}).get("Code", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return Answer(told if _CODE.fullmatch(told) else "no code", status, where)
