"""The names under which a `Reading` is told to Prometheus, and its text format.

Names and units are a promise: alarms and dashboards hang on them. Labels are bounded by the configuration: processor,
currency, verdict, status, component. Prometheus' values are floats: minor units are exact up to 2**53.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from recon_assets.domain.errors import ReconError
from recon_assets.domain.readings import ProcessorReading, Queue, Reading
from recon_assets.domain.verdict import Verdict

UNANSWERED: Final = "none"
"""The verdict label of a day that has no answer."""
STATUSES: Final = ("running", "completed", "incomplete", "unchanged", "failed", "aborted")
COMPONENT_STATES: Final = ("healthy", "degraded", "down")

REACHABLE: Final = "recon_record_reachable"


class RecordCollector(Collector):
    """Reads the record anew at every scrape. `release` is our version.

    When the record can't be read only `recon_record_reachable 0` is told: old figures would look like new ones.
    """

    def __init__(self, read: Callable[[], Reading], *, release: str, failed: Callable[[ReconError], None]) -> None:
        self._read = read
        self._release = release
        self._failed = failed

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing, so that registering does not read the record."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every metric, of one reading."""
        try:
            reading = self._read()
        except ReconError as error:
            self._failed(error)
            yield _gauge(REACHABLE, "1 when the database of record could be read, else 0.", 0)
            return
        yield _gauge(REACHABLE, "1 when the database of record could be read, else 0.", 1)
        yield from _families(reading, release=self._release)


def registry_of(collector: Collector) -> CollectorRegistry:
    """A registry with our figures only: none of the exporter's own process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return registry


def exposition(collector: Collector) -> str:
    """Prometheus' text format."""
    return generate_latest(registry_of(collector)).decode()


def _gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value=value)


def _families(reading: Reading, *, release: str) -> Iterator[GaugeMetricFamily]:
    build = GaugeMetricFamily("recon_build_info", "Always 1.", labels=["version", "schema_version"])
    build.add_metric([release, str(reading.schema_version)], 1)
    yield build
    yield from _days(reading)
    yield from _runs(reading)
    yield from _money(reading)
    yield from _queue(reading.outbox, "recon_outbox", "messages that are neither delivered nor given up", reading.at)
    yield _gauge(
        "recon_outbox_given_up", "Messages of the last 30 days that nobody got and nobody put again.", reading.given_up
    )
    yield from _queue(reading.archives, "recon_archives", "archives that wait for their bucket", reading.at)
    if reading.seal is not None:
        age = max((reading.at - reading.seal.sealed_at).total_seconds(), 0.0)
        yield _gauge("recon_audit_seal_number", "Number of the newest seal of the audit log.", reading.seal.number)
        yield _gauge("recon_audit_seal_age_seconds", "Age of the newest seal of the audit log.", age)
    yield from _components(reading)


def _days(reading: Reading) -> Iterator[GaugeMetricFamily]:
    verdicts = GaugeMetricFamily(
        "recon_latest_day_verdict",
        "1 for the verdict of the latest business date that is over, 0 for the others; none: it has no answer.",
        labels=["processor", "verdict"],
    )
    proven = _by_processor("recon_latest_day_proven", "1 when the latest business date that is over is proven, else 0.")
    ended = _by_processor(
        "recon_latest_day_end_timestamp_seconds", "When the latest business date that is over ended, Unix time."
    )
    unproven = _by_processor(
        "recon_unproven_days",
        "Business dates without a proven answer: of the last 400, from the first that was run on.",
    )
    since = _by_processor("recon_days_since_last_proven_day", "Days from the last proven date to the latest ended one.")
    lag = _by_processor(
        "recon_feed_lag_seconds",
        "Time that is not proven yet: from the end of the last proven business date until now.",
    )
    for one in reading.processors:
        name = one.watched.name
        found = str(one.verdict) if one.verdict else UNANSWERED
        for verdict in (*map(str, Verdict), UNANSWERED):
            verdicts.add_metric([name, verdict], verdict == found)
        proven.add_metric([name], one.is_latest_proven)
        ended.add_metric([name], one.watched.until_ended_at.timestamp())
        unproven.add_metric([name], one.unproven_days)
        if one.last_proven is not None:
            days = (one.watched.until - one.last_proven).days
            since.add_metric([name], days)
            lag.add_metric([name], (reading.at - one.watched.until_ended_at).total_seconds() + days * 86_400)
    yield from (verdicts, proven, ended, unproven, since, lag)


def _runs(reading: Reading) -> Iterator[GaugeMetricFamily]:
    recent = GaugeMetricFamily(
        "recon_recent_runs", "Runs that began in the last 24 hours.", labels=["processor", "status"]
    )
    took = _by_processor(
        "recon_last_run_duration_seconds", "Of the newest attempt of the newest day, once it has ended."
    )
    ended = _by_processor("recon_last_run_end_timestamp_seconds", "When that attempt ended, Unix time.")
    for one in reading.processors:
        for status in STATUSES:
            recent.add_metric([one.watched.name, status], one.runs_by_status.get(status, 0))
        if one.last_run_took is not None and one.last_run_ended_at is not None:
            took.add_metric([one.watched.name], one.last_run_took.total_seconds())
            ended.add_metric([one.watched.name], one.last_run_ended_at.timestamp())
    yield from (recent, took, ended)


def _money(reading: Reading) -> Iterator[GaugeMetricFamily]:
    count = _by_currency("recon_discrepancies", "Discrepancies of the current answers of the last 400 days.")
    amount = _by_currency(
        "recon_money_at_stake_minor_units", "Their amounts, gross, in minor units of the currency; exact up to 2**53."
    )
    age = _by_currency(
        "recon_oldest_discrepancy_age_seconds", "Since the start of the oldest business date that has one, in UTC."
    )
    residual = _by_currency(
        "recon_proof_residual_minor_units",
        "What no discrepancy explains, gross, in minor units: anything but 0 is wrong.",
    )
    for one in reading.processors:
        _add_money(one, reading.at, (count, amount, age, residual))
    yield from (count, amount, age, residual)


def _add_money(one: ProcessorReading, at: datetime, families: tuple[GaugeMetricFamily, ...]) -> None:
    count, amount, age, residual = families
    for stake in one.at_stake:
        labels = [one.watched.name, stake.currency]
        count.add_metric(labels, stake.discrepancies)
        amount.add_metric(labels, stake.amount_minor)
        residual.add_metric(labels, stake.residual_minor)
        if stake.oldest is not None:
            age.add_metric(labels, (at - datetime.combine(stake.oldest, time(), tzinfo=UTC)).total_seconds())


def _queue(queue: Queue, name: str, what: str, at: datetime) -> Iterator[GaugeMetricFamily]:
    yield _gauge(f"{name}_waiting", f"How many {what}.", queue.waiting)
    age = max((at - queue.oldest).total_seconds(), 0.0) if queue.oldest else 0.0
    yield _gauge(f"{name}_oldest_age_seconds", f"Age of the oldest of the {what}; 0 when there is none.", age)


def _components(reading: Reading) -> Iterator[GaugeMetricFamily]:
    states = GaugeMetricFamily(
        "recon_component_state",
        "1 for what the newest probe of the component found, 0 for the others.",
        labels=["component", "state"],
    )
    checked = GaugeMetricFamily(
        "recon_component_check_timestamp_seconds", "When that probe was, Unix time.", labels=["component"]
    )
    for one in reading.components:
        for state in COMPONENT_STATES:
            states.add_metric([one.component, state], state == one.status)
        checked.add_metric([one.component], one.checked_at.timestamp())
    yield from (states, checked)


def _by_processor(name: str, says: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, labels=["processor"])


def _by_currency(name: str, says: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, labels=["processor", "currency"])
