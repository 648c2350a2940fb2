"""What all assets of a processor have in common: key, group, owner, tags, pool."""

from typing import TypedDict

import dagster as dg

from recon_assets.configuration import ProcessorConfig


class Common(TypedDict):
    """Keyword arguments of `dg.asset` that are the same for every stage of a processor."""

    group_name: str
    owners: list[str]
    kinds: set[str]
    tags: dict[str, str]
    code_version: str
    pool: str


def key_of(config: ProcessorConfig, stage: str) -> dg.AssetKey:
    """`[processor, stage]`."""
    return dg.AssetKey([config.name, stage])


def described(
    config: ProcessorConfig, *, kinds: set[str], stage: str, code_version: str = "1", decided_by: str | None = None
) -> Common:
    """What the UI says of a stage beside its description.

    The pool lets one run of a processor in at a time; `code_version` is raised when a stage gives another answer.
    `decided_by` is the SHA-256 of rules that decide about the answer too: with other rules Dagster marks the days that
    were made by the old ones.
    """
    return {
        "group_name": config.name,
        "owners": [config.owner],
        "kinds": kinds,
        "tags": {"processor": config.name, "stage": stage},
        "code_version": f"{code_version}+{decided_by[:12]}" if decided_by else code_version,
        "pool": f"recon_{config.name}",
    }
