"""Where a message finds the report of the answer that it tells. Others know: files lie where they say."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID


class ReportLinks(Protocol):
    """Addresses of reports for people, made when they are asked for and never kept: one may open something."""

    def link(self, run_id: UUID) -> str | None:
        """Where the report of a run can be read, if it can be by an address."""
        ...


class NoLinks:
    """Reports are files here and nowhere else."""

    def link(self, run_id: UUID) -> str | None:  # noqa: ARG002 - the protocol's
        """There is none."""
        return None


@dataclass(frozen=True, slots=True)
class ReportOfRun:
    """What a message says of a report: its files, of which it may carry some, and its address, if it has one."""

    files: tuple[Path, ...] = ()
    link: str | None = None
