"""The feeds of an archived day, read again from its raw bytes by its archived configuration: no network, no login.

What belongs here: the joint between archive, feeds and processors. Not here: comparing (`reperform`).
"""

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recon_assets.domain.errors import ArchiveUnreadable, ReconError
from recon_assets.domain.records import Side

if TYPE_CHECKING:
    from recon_assets.configuration import ProcessorConfig
    from recon_assets.feeds.adapter import Adapter
    from recon_assets.feeds.frame import Frame
    from recon_assets.feeds.raw import RawFeed

TWO_PROCESSES_FROM_BYTES: Final = 30_000_000
"""Of raw bytes: below it a second interpreter starts more slowly than it helps."""


@dataclass(frozen=True, slots=True)
class ArchivedFeed:
    """One side: its raw bytes in the evidence folder, and the file with the configuration that they were read by."""

    raw: "RawFeed"
    folder: Path
    configuration: Path

    @property
    def side(self) -> Side:
        """Whose records these are."""
        return self.raw.side


def configuration_in(path: Path) -> "ProcessorConfig":
    """Raises `ArchiveUnreadable` when the file is not what this program writes, or is of another version."""
    from pydantic import ValidationError

    from recon_assets.configuration import ProcessorConfig

    try:
        return ProcessorConfig.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ArchiveUnreadable(
            f"the archived configuration can't be read ({type(error).__name__})",
            where=f"{path.parent.name}/{path.name}",
            remedy="It was changed, or is of another version of this program: verify with that version.",
        ) from None


def adapter_of(config: "ProcessorConfig", side: Side) -> "Adapter":
    """Only for reading: it has no credentials, no place to look at, and no query."""
    from recon_assets.feeds.adapter import Surroundings
    from recon_assets.feeds.files.adapter import FilesAdapter
    from recon_assets.feeds.files.description import FilesDescription
    from recon_assets.ledger.sql.adapter import SqlLedgerAdapter
    from recon_assets.ledger.sql.description import SqlLedgerFeed

    feed = config.feed if side is Side.PROCESSOR else config.ledger
    if isinstance(feed, FilesDescription):
        return FilesAdapter(config.name, side, feed, Path())
    if isinstance(feed, SqlLedgerFeed):
        return SqlLedgerAdapter(config.name, feed, query="")
    return feed.adapter(Surroundings(processor=config.name, side=side))


def normalised(feeds: tuple[ArchivedFeed, ArchivedFeed], business_date: date, into: Path) -> "Mapping[Side, Frame]":
    """The frames of both sides, written below `into`. Large ones are read in two processes at the same time.

    Raises `ArchiveUnreadable`, or what reading the feed raises.
    """
    first, second = feeds
    if min(feed.raw.size_bytes for feed in feeds) < TWO_PROCESSES_FROM_BYTES:
        return {feed.side: _frame(feed, business_date, into) for feed in feeds}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        beside = pool.submit(_frame_or_refusal, second, business_date, into)
        return {first.side: _frame(first, business_date, into), second.side: _without_refusal(beside.result())}


@dataclass(frozen=True, slots=True)
class _Refusal:
    """An error of ours on its way from another process: exceptions with named parts do not travel."""

    what: str
    where: str
    remedy: str


def _frame_or_refusal(feed: ArchivedFeed, business_date: date, into: Path) -> "Frame | _Refusal":
    try:
        return _frame(feed, business_date, into)
    except ReconError as error:
        return _Refusal(error.what, error.where, error.remedy)


def _without_refusal(made: "Frame | _Refusal") -> "Frame":
    if isinstance(made, _Refusal):
        raise ArchiveUnreadable(made.what, where=made.where, remedy=made.remedy)
    return made


def _frame(feed: ArchivedFeed, business_date: date, into: Path) -> "Frame":
    from recon_assets.feeds.normalise import write_frame

    config = configuration_in(feed.configuration)
    adapter = adapter_of(config, feed.side)
    if adapter.kind != feed.raw.feed_kind:
        raise ArchiveUnreadable(
            f"the raw feed is of the kind {feed.raw.feed_kind}, the archived configuration of {adapter.kind}",
            where=f"{feed.configuration.parent.name}/{feed.configuration.name}",
            remedy="It is the configuration of another run: restore the folder from a copy.",
        )
    chunks = adapter.read(feed.raw, feed.folder, config.business_day(business_date))
    return write_frame(chunks, side=feed.side, storage_root=into, folder=str(feed.side))
