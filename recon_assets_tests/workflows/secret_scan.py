"""Passwords, keys and tokens in the files of the repository that nobody has reviewed: `make secrets`.

    python -m recon_assets_tests.workflows.secret_scan            lists them and ends with 1, or ends with 0
    python -m recon_assets_tests.workflows.secret_scan --write    takes what is found now as reviewed: look first

detect-secrets finds what looks like one. What was looked at and is none (of tests, of documents, a digest) stands in
`reviewed_secrets.json` by file and kind, as the SHA-1 of the text, never as the text. It has no numbers of lines, so
that it changes only when such a text does. 840 files take 20 seconds: a target and a job of its own, not a part of
`make lint`.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from detect_secrets import SecretsCollection
from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.settings import default_settings

PROJECT: Final = Path(__file__).resolve().parents[2]
REVIEWED: Final = Path(__file__).with_name("reviewed_secrets.json")
NOT_SCANNED: Final = (
    "requirements.lock",  # digests of packages: pip holds the packages against them
    "requirements-dev.lock",
    "deploy/container/builder.lock",
    "sql/schema_fingerprint.json",  # digests of the schema's objects: `recon audit verify` does
    str(REVIEWED.relative_to(PROJECT)),
)

Reviewed = dict[str, dict[str, list[str]]]
"""The SHA-1 of each text, by its file and its kind."""


def tracked_files() -> list[str]:
    """What a commit has, by path from the project's root; not what only lies there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, check=True, capture_output=True, text=True)
    return [name for name in listed.stdout.split("\0") if name and name not in NOT_SCANNED]


def found_in(files: Iterable[str], *, root: Path = PROJECT) -> list[PotentialSecret]:
    """What looks like a secret, by file (below `root`) and line. A file that is gone, or no text, has none."""
    found = []
    with default_settings():
        for name in sorted(files):
            secrets = SecretsCollection()
            secrets.scan_file(str(root / name))
            for _, secret in secrets:
                secret.filename = name
                found.append(secret)
    return sorted(found, key=lambda secret: (secret.filename, secret.line_number, secret.type))


def as_reviewed(secrets: Iterable[PotentialSecret]) -> Reviewed:
    """What `reviewed_secrets.json` says where each of them was looked at."""
    reviewed: Reviewed = {}
    for secret in secrets:
        digests = reviewed.setdefault(secret.filename, {}).setdefault(secret.type, [])
        if secret.secret_hash not in digests:
            digests.append(secret.secret_hash)
    return {
        name: {kind: sorted(digests) for kind, digests in sorted(kinds.items())}
        for name, kinds in sorted(reviewed.items())
    }


def complaints(secrets: Iterable[PotentialSecret], reviewed: Reviewed) -> list[str]:
    """A line for each that was not reviewed, and for each review of what is no longer there. Never the text itself."""
    secrets = list(secrets)
    lines = [
        f"{secret.filename}:{secret.line_number}: looks like a secret ({secret.type}) and was not reviewed"
        for secret in secrets
        if secret.secret_hash not in reviewed.get(secret.filename, {}).get(secret.type, [])
    ]
    now = as_reviewed(secrets)
    lines += [
        f"{name}: a reviewed text ({kind}) is no longer there: write the list anew"
        for name, kinds in reviewed.items()
        for kind, digests in kinds.items()
        if set(digests) - set(now.get(name, {}).get(kind, []))
    ]
    return lines


def main(arguments: list[str]) -> int:
    """The exit code."""
    secrets = found_in(tracked_files())
    if arguments == ["--write"]:
        REVIEWED.write_text(json.dumps(as_reviewed(secrets), indent=2) + "\n")
        return 0
    lines = complaints(secrets, json.loads(REVIEWED.read_text()))
    for line in lines:
        print(line, file=sys.stderr)  # noqa: T201
    if lines:
        print("A true secret: take it out, and renew it where it is valid. None: review it by --write.")  # noqa: T201
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
