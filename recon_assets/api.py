"""The product from Python, without Dagster: fetch a processor-day, reconcile it, store the answer.

    from datetime import date
    from recon_assets.api import Reconciler

    with Reconciler() as reconciler:
        day = reconciler.fetch("stripe", date(2025, 9, 30))
        answer = reconciler.reconcile(day)
        print(answer.conclusion.verdict, answer.discrepancies().head())
        run = reconciler.store(answer)

The configuration is that of the deployment (`config/`, environment, `.env`), and so are feeds, rules, storage and
record. Reports and the archive are Dagster's: `recon backfill` makes them for days that were stored here.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

import pandas as pd
import pyarrow.parquet as pq

from recon_assets.assets.columns import FRAME_STAGE_OF_SIDE
from recon_assets.assets.days_around import days_around
from recon_assets.assets.frames import read_frame
from recon_assets.assets.handles import NormalisedFeed
from recon_assets.assets.raw_feeds import STAGE_OF_SIDE, fetch_raw_feed
from recon_assets.assets.reconciling import DecidedBy, concluded, reconcile_and_publish
from recon_assets.assets.stage import Stage, failures_recorded
from recon_assets.configuration import Configuration, ProcessorConfig
from recon_assets.domain.checks import CheckOutcome
from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.errors import ConfigurationError
from recon_assets.domain.records import Side
from recon_assets.resources.feeds import Feeds
from recon_assets.resources.record import Record
from recon_assets.resources.storage import Storage
from recon_assets.settings import Settings

__all__ = ["Reconciler", "FetchedDay", "Answer", "StoredRun"]  # noqa: RUF022 - in the order in which they are used


@dataclass(frozen=True, slots=True)
class FetchedSide:
    """One side of a fetched day: its raw feed, its frame, and what the checks of both found."""

    feed: NormalisedFeed
    of_raw_feed: tuple[CheckOutcome, ...]
    of_frame: tuple[CheckOutcome, ...]


@dataclass(frozen=True, slots=True)
class FetchedDay:
    """Both sides of one processor-day as they came, kept as files. `attempt` names these files."""

    processor: str
    business_date: date
    attempt: str
    transactions: FetchedSide
    ledger_entries: FetchedSide
    storage_root: Path

    def frame(self, side: Side) -> pd.DataFrame:
        """The records of one side in the canonical schema, one row each; columns by `schemas.frames.FRAME_SCHEMA`.

        Amounts and fees are integers in minor units. Records that could not be read are not among them:
        `checks` counts them by reason.
        """
        frame = self._of(side).feed.frame
        return _table(self.storage_root / frame.folder / frame.file)

    @property
    def checks(self) -> tuple[CheckOutcome, ...]:
        """What the data-quality checks of both sides found, passes included."""
        sides = (self.transactions, self.ledger_entries)
        return tuple(outcome for side in sides for outcome in (*side.of_raw_feed, *side.of_frame))

    def _of(self, side: Side) -> FetchedSide:
        return self.transactions if side is Side.PROCESSOR else self.ledger_entries


@dataclass(frozen=True, slots=True)
class Answer:
    """What the comparison of a day says: `conclusion` has the verdict, the counts and the proof by currency."""

    day: FetchedDay
    conclusion: Conclusion
    discrepancies_file: Path

    def discrepancies(self) -> pd.DataFrame:
        """A row for every finding, in a fixed order; columns by `schemas.discrepancies.DISCREPANCY_COLUMNS`.

        Amounts are integers in minor units of the row's currency.
        """
        return _table(self.discrepancies_file)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """The run in the record that has the answer. An answer that stood already keeps its run and version."""

    run_id: UUID
    version: int
    conclusion: Conclusion


class Reconciler:
    """The processors of a deployment. Use it as a context manager: it holds the database's connections.

    `settings` are those of the environment and `.env`, if left out.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._configuration = Configuration.load(self._settings)
        self._feeds = Feeds(self._settings)
        self._storage = Storage.from_settings(self._settings)
        self._record = Record(self._settings)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.callback(self._record.close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def processors(self) -> tuple[str, ...]:
        """Names of the configured processors."""
        return tuple(sorted(self._configuration.processors))

    def fetch(self, processor: str, business_date: date) -> FetchedDay:
        """Ask both feeds of a processor for one business date, and read what came into frames. Writes no record.

        A feed that came short is fetched all the same: its checks say so, and the answer will be `incomplete`.
        Raises `ConfigurationError` for an unknown processor and a day that it does not have (yet), and what the feeds
        raise: `FeedUnavailable`, `FeedRefused`, `FeedNotUnderstood`, `LimitExceeded`.
        """
        config = self._configuration.processor(processor)
        _refuse_other_days(config, business_date)
        attempt = f"api-{uuid4()}"
        return FetchedDay(
            processor=processor,
            business_date=business_date,
            attempt=attempt,
            transactions=self._fetch_side(config, business_date, attempt, Side.PROCESSOR),
            ledger_entries=self._fetch_side(config, business_date, attempt, Side.LEDGER),
            storage_root=self._storage.root,
        )

    def reconcile(self, day: FetchedDay) -> Answer:
        """Compare both sides by the processor's rules of matching, and with the open records of the days around.

        Writes no record, and takes no lock: `store` compares again, alone on the processor. Raises `StoreUnavailable`.
        """
        config = self._configuration.processor(day.processor)
        stage = self._stage(config, day.business_date, day.attempt, "discrepancies")
        by, sides = self._decided_by(config), (day.transactions.feed, day.ledger_entries.feed)
        with self._record.connect() as connection:
            around = days_around(connection, stage, by.rules, sides[0])
        matching, conclusion = concluded(stage, sides, around, by)
        return Answer(day, conclusion, matching.discrepancies)

    def store(self, answer: Answer) -> StoredRun:
        """Publish the answer of a day in the record, with the checks that led to it, and make it the current one.

        The comparison is done again while nobody else publishes a day of the processor, so what is stored is true of
        the days around at that moment; the conclusion that is returned is the stored one. All of it or nothing: a
        failure is recorded as a failed attempt, and the answer that stood stays. The same answer as the current one
        adds no copy. Raises `StoreUnavailable` and `StoreRefused`.
        """
        day, config = answer.day, self._configuration.processor(answer.day.processor)
        stage = self._stage(config, day.business_date, day.attempt, "discrepancies")
        with failures_recorded(stage):
            for side, fetched in ((Side.PROCESSOR, day.transactions), (Side.LEDGER, day.ledger_entries)):
                raw_stage, frame_stage = STAGE_OF_SIDE[side], FRAME_STAGE_OF_SIDE[side]
                self._keep(config, day, raw_stage, fetched.feed.raw, fetched.of_raw_feed)
                self._keep(config, day, frame_stage, fetched.feed, fetched.of_frame)
            stored, outcomes = reconcile_and_publish(
                stage, day.transactions.feed, day.ledger_entries.feed, self._decided_by(config)
            )
            stage.keep(stored, outcomes=outcomes, run_id=stored.run_id)
        return StoredRun(UUID(stored.run_id), stored.version, stored.conclusion)

    def _fetch_side(self, config: ProcessorConfig, business_date: date, attempt: str, side: Side) -> FetchedSide:
        adapter = self._feeds.adapter(config, side)
        raw_stage, frame_stage = STAGE_OF_SIDE[side], FRAME_STAGE_OF_SIDE[side]
        raw, outcome = fetch_raw_feed(self._stage(config, business_date, attempt, raw_stage), adapter, side)
        feed, outcomes = read_frame(self._stage(config, business_date, attempt, frame_stage), config, adapter, raw)
        return FetchedSide(feed, (outcome,), tuple(outcomes))

    def _keep(
        self, config: ProcessorConfig, day: FetchedDay, stage: str, handle: object, outcomes: Sequence[CheckOutcome]
    ) -> None:
        self._stage(config, day.business_date, day.attempt, stage).keep(handle, outcomes=outcomes)

    def _decided_by(self, config: ProcessorConfig) -> DecidedBy:
        rules = self._configuration.matching_rules(config.name)
        return DecidedBy(rules, self._configuration.risk, config.time_zone)

    def _stage(self, config: ProcessorConfig, business_date: date, attempt: str, name: str) -> Stage:
        return Stage(
            name=name,
            asset_key=f"{config.name}/{name}",
            day=config.business_day(business_date),
            dagster_run_id=attempt,
            attempt_key=f"{attempt}:{config.name}:{business_date}",
            started_at=datetime.now(UTC),
            record=self._record,
            storage=self._storage,
            in_backfill=False,
        )


def _refuse_other_days(config: ProcessorConfig, business_date: date) -> None:
    last = config.last_ended_business_date(datetime.now(UTC))
    if not config.start_date <= business_date <= last:
        raise ConfigurationError(
            f"{config.name} has no business date {business_date}: its days are {config.start_date} to {last}",
            where=f"config/processors, {config.name}",
            remedy="Take a day that is over; for earlier ones change start_date.",
        )


def _table(file: Path) -> pd.DataFrame:
    """Arrow's own types, so that integers stay integers where a value is missing."""
    table: pd.DataFrame = pq.read_table(file).to_pandas(types_mapper=pd.ArrowDtype)
    return table
