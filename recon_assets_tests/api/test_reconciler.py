"""`recon_assets.api`: the same answer as a run of Dagster's, in the record only once it is stored."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from recon_assets.api import Reconciler
from recon_assets.domain.errors import ConfigurationError, FeedNotUnderstood
from recon_assets.domain.records import Side
from recon_assets.domain.verdict import Verdict
from recon_assets.settings import Settings
from recon_assets_tests.integration.deployments import HEADER, ROW, SAMPLE_DAY, Deployment, with_configuration

WRITTEN = "SELECT (SELECT count(*) FROM reconciliation_runs) + (SELECT count(*) FROM data_quality_checks)"
EVERY_CLASS_DAY, INCOMPLETE_DAY = date(2025, 9, 29), date(2025, 9, 28)


@pytest.fixture
def sample(settings: Settings) -> Deployment:
    return Deployment(settings)


@pytest.fixture
def reconciler(sample: Deployment) -> Iterator[Reconciler]:
    with Reconciler(sample.settings) as opened:
        yield opened


def test_a_stored_answer_is_that_of_a_run_and_a_run_finds_it_unchanged(
    sample: Deployment, reconciler: Reconciler
) -> None:
    answer = reconciler.reconcile(reconciler.fetch("stripe", SAMPLE_DAY))
    assert sample.query(WRITTEN) == [(0,)], "nothing is in the record before it is stored"

    stored = reconciler.store(answer)

    assert stored.conclusion == answer.conclusion
    rows = sample.query("SELECT id, version, status, is_current FROM reconciliation_runs")
    assert rows == [(stored.run_id, 1, "completed", True)]
    assert sample.query("SELECT sum(amount) FROM missing_transactions") == [(Decimal("19.95"),)]
    assert sample.query("SELECT count(*), count(*) FILTER (WHERE passed) FROM data_quality_checks") == [(12, 12)]
    assert sample.run("stripe").id == stored.run_id, "the run found the answer that stands"
    assert reconciler.store(answer).run_id == stored.run_id
    assert sample.query("SELECT count(*) FROM reconciliation_runs WHERE is_current") == [(1,)]


def test_frames_and_findings_are_exact_integers_that_add_up(reconciler: Reconciler) -> None:
    day = reconciler.fetch("stripe", EVERY_CLASS_DAY)
    answer = reconciler.reconcile(day)

    found = answer.discrepancies()
    for proof in answer.conclusion.proofs:
        totals = [
            int(frame.loc[frame["currency"] == proof.currency, "amount_minor"].sum())
            for frame in (day.frame(side) for side in Side)
        ]
        assert totals == [proof.processor_total_minor, proof.ledger_total_minor]
    assert str(found["amount_minor"].dtype) == "int64[pyarrow]"
    assert len(found) == sum(answer.conclusion.count_by_class.values())


def test_a_feed_that_did_not_come_is_an_incomplete_answer_with_its_reasons(reconciler: Reconciler) -> None:
    day = reconciler.fetch("stripe", INCOMPLETE_DAY)
    stored = reconciler.store(reconciler.reconcile(day))

    assert stored.conclusion.verdict is Verdict.INCOMPLETE
    assert stored.conclusion.incomplete_reasons == ("the ledger feed is empty, the other is not",)


def test_what_is_stored_is_true_of_the_days_around_at_that_moment(settings: Settings, tmp_path: Path) -> None:
    """An answer that was made before another day was published is made again when it is stored."""
    shop = with_configuration(settings, tmp_path)
    late, monday = "late,5.00,USD,completed,2025-09-29T23:50:00Z", "m,1.00,USD,completed,2025-09-29T10:00:00Z"
    both = f"{HEADER}\n{monday}\n"
    shop.files_processor("shop", processor=f"{both}{late}\n", ledger=both, day=EVERY_CLASS_DAY)
    booked = f"{HEADER}\n{ROW}\n{late.replace('09-29T23:50', '09-30T00:10')}\n"
    shop.files_processor("shop", processor=f"{HEADER}\n{ROW}\n", ledger=booked)
    (shop.settings.config_dir / "matching.yaml").write_text("grace: {ledger: 1}\n")
    with Reconciler(shop.settings) as reconciler:
        tuesday = reconciler.reconcile(reconciler.fetch("shop", SAMPLE_DAY))
        assert tuesday.conclusion.discrepancy_count == 1
        reconciler.store(reconciler.reconcile(reconciler.fetch("shop", EVERY_CLASS_DAY)))
        assert reconciler.store(tuesday).conclusion.discrepancy_count == 0


@pytest.mark.parametrize(
    ("processor", "day", "says"),
    [
        ("acme", SAMPLE_DAY, r"no processor acme.*Known processors: paypal, square, stripe"),
        ("stripe", date(2024, 1, 1), r"no business date 2024-01-01.*2025-09-01 to .*change start_date"),
        ("stripe", datetime.now(UTC).date() + timedelta(days=1), r"no business date .*Take a day that is over"),
    ],
)
def test_a_day_that_there_is_not_is_refused(reconciler: Reconciler, processor: str, day: date, says: str) -> None:
    with pytest.raises(ConfigurationError, match=f"(?s){says}"):
        reconciler.fetch(processor, day)


def test_a_feed_that_is_not_understood_raises_and_leaves_no_trace_in_the_record(
    settings: Settings, tmp_path: Path
) -> None:
    shop = with_configuration(settings, tmp_path)
    shop.files_processor("shop", processor="no,header,of,ours\n1,2,3,4\n", ledger=f"{HEADER}\n{ROW}\n")
    with Reconciler(shop.settings) as reconciler, pytest.raises(FeedNotUnderstood, match="header"):
        reconciler.fetch("shop", SAMPLE_DAY)
    assert shop.query(WRITTEN) == [(0,)]


def test_an_answer_that_can_not_be_stored_is_a_failed_attempt(sample: Deployment, reconciler: Reconciler) -> None:
    answer = reconciler.reconcile(reconciler.fetch("stripe", SAMPLE_DAY))
    (frame,) = sample.settings.storage_root.glob("stripe/2025-09-30/*/transactions/*transactions*.parquet")
    frame.unlink()

    with pytest.raises(FeedNotUnderstood, match=r"frame of the processor is gone.*fetch the day again"):
        reconciler.store(answer)

    failed = sample.newest("stripe")
    assert (failed.status, failed.failed_stage) == ("failed", "discrepancies")


def test_processors_are_those_of_the_configuration(reconciler: Reconciler) -> None:
    assert reconciler.processors == ("paypal", "square", "stripe")
