"""What a log line must not hold although a library wrote it: credentials, and numbers that may be those of a card."""

import re
from typing import Final

from recon_assets.domain.masking import masked_cards

HIDDEN: Final = "***"

_URL_LOGIN: Final = re.compile(r"(?<=://)[^\s/@]*:[^\s/]*(?=@)")
_AWS_KEY: Final = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")
_TOKEN: Final = re.compile(r"\b((?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_API_KEY: Final = re.compile(r"\b(?:sk|rk|whsec)_[A-Za-z0-9_]{8,}")
_NAMED: Final = re.compile(
    r"((?:password|passwd|secret|token|api[_-]?key|authorization|x-amz-(?:signature|credential|security-token))"
    r"[\"']?\s*[=:]\s*[\"']?)(?!(?:Bearer|Basic)\b)[^\s\"'&,;]+",
    re.IGNORECASE,
)


def cleaned(text: str) -> str:
    """`text` with what looks like a credential hidden, and card-like numbers masked to their last four digits."""
    text = _URL_LOGIN.sub(HIDDEN, text)
    text = _AWS_KEY.sub(HIDDEN, text)
    text = _TOKEN.sub(rf"\g<1>{HIDDEN}", text)
    text = _API_KEY.sub(HIDDEN, text)
    text = _NAMED.sub(rf"\g<1>{HIDDEN}", text)
    return masked_cards(text)
