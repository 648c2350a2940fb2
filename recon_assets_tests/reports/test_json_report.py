"""The JSON report: its keys, its exact amounts, and what it does not say."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recon_assets_tests.matching.frames import Record
from recon_assets_tests.reports.days import json_of, reconciled, sample_day

LARGEST = 2**63 - 1


def test_the_report_has_exactly_these_parts_and_keys(tmp_path: Path) -> None:
    _, report = json_of(tmp_path, reconciled(tmp_path, *sample_day()))

    assert {part: list(report[part]) for part in report if isinstance(report[part], dict)} == {
        "report_metadata": [
            "generated_at",
            "schema_version",
            "run_id",
            "version",
            "dagster_run_id",
            "processor_feed",
            "ledger_feed",
            "dagster_pages",
        ],
        "reconciliation_summary": [
            "date",
            "processor",
            "verdict",
            "incomplete_reasons",
            "processor_transactions",
            "internal_transactions",
            "matched",
            "discrepancy_count",
            "pending_count",
            "discrepancies_by_class",
            "pending_by_class",
            "explained_by_class",
            "matched_by_pass",
            "rule_version",
            "currency",
            "total_discrepancy_amount",
            "total_volume_processed",
            "proof",
        ],
        "financial_impact": ["discrepancy_rate", "value_at_risk_rate", "risk_level", "compliance_status"],
    }
    assert list(report)[4:] == ["missing_transactions", "discrepancies", "pending", "explained"]
    assert list(report["missing_transactions"][0]) == [
        "transaction_id",
        "amount",
        "merchant_id",
        "currency",
        "processor_name",
        "transaction_date",
        "reference_number",
        "fee",
        "status",
        "occurred_at",
        "discrepancy_id",
    ]


def test_the_sample_day_says_the_known_figures(tmp_path: Path) -> None:
    written, report = json_of(tmp_path, reconciled(tmp_path, *sample_day()))

    summary = report["reconciliation_summary"]
    assert (summary["date"], summary["processor"], summary["verdict"]) == ("2025-09-30", "stripe", "discrepancies")
    assert (summary["processor_transactions"], summary["internal_transactions"], summary["matched"]) == (30, 25, 25)
    assert (summary["discrepancy_count"], summary["discrepancies_by_class"]) == (5, {"missing_in_ledger": 5})
    assert summary["incomplete_reasons"] == []
    assert b'"total_discrepancy_amount":19.95,"total_volume_processed":6577.50,' in written
    assert report["financial_impact"]["risk_level"] == "LOW"
    assert report["financial_impact"]["compliance_status"] == "COMPLIANT"
    assert b'"discrepancy_rate":0.1667,"value_at_risk_rate":0.0030,' in written


def test_the_proof_of_a_currency_names_both_totals_and_a_residual_of_zero(tmp_path: Path) -> None:
    written, _ = json_of(tmp_path, reconciled(tmp_path, *sample_day()))

    assert (
        b'"proof":{"USD":{"processor_transactions":30,"internal_transactions":25,"processor_total":6577.50,'
        b'"ledger_total":6557.55,"difference":19.95,"explained_by_discrepancies":19.95,"residual":0.00,'
        b'"discrepancy_count":5,"total_discrepancy_amount":19.95,"pending_count":0,"total_pending_amount":0.00,'
        b'"total_volume_processed":6577.50}}' in written
    )


def test_a_missing_transaction_is_told_with_its_amount_merchant_and_way_back(tmp_path: Path) -> None:
    charge = Record("TXN-1", 399, reference_number="REF-7", fee_minor=42, second=5)

    written, report = json_of(tmp_path, reconciled(tmp_path, [charge, Record("b")], [Record("b")]))

    (missing,) = report["missing_transactions"]
    (discrepancy,) = report["discrepancies"]
    assert missing | {"amount": None, "fee": None} == {
        "transaction_id": "TXN-1",
        "amount": None,
        "merchant_id": "ACME",
        "currency": "USD",
        "processor_name": "stripe",
        "transaction_date": "2025-09-30",
        "reference_number": "REF-7",
        "fee": None,
        "status": "completed",
        "occurred_at": "2025-09-30T12:00:05.000000Z",
        "discrepancy_id": discrepancy["discrepancy_id"],
    }
    assert b'"transaction_id":"TXN-1","amount":3.99,' in written
    assert b'"fee":0.42,' in written
    assert (discrepancy["processor_raw_file"], discrepancy["processor_record_number"]) == ("page-00001.json", 1)


def test_the_report_says_when_it_was_made_and_of_which_run(tmp_path: Path) -> None:
    _, report = json_of(tmp_path, reconciled(tmp_path, *sample_day()))

    metadata = report["report_metadata"]
    age = datetime.now(UTC) - datetime.fromisoformat(metadata["generated_at"])
    assert timedelta(0) <= age < timedelta(hours=1)
    assert (metadata["run_id"], metadata["version"], metadata["dagster_run_id"]) == ("0199-run", 3, "dagster-run")


AMOUNTS = [
    ("USD", 657750, b"6577.50"),
    ("USD", 1, b"0.01"),
    ("USD", -1, b"-0.01"),
    ("USD", -100, b"-1.00"),
    ("JPY", 6577, b"6577"),
    ("JPY", -6577, b"-6577"),
    ("KWD", 1234, b"1.234"),
    ("KWD", -5, b"-0.005"),
    ("CLF", 1, b"0.0001"),
    ("EUR", LARGEST, b"92233720368547758.07"),
    ("EUR", -LARGEST, b"-92233720368547758.07"),
    ("KRW", LARGEST, b"9223372036854775807"),
    ("BHD", 2**53 + 1, b"9007199254740.993"),
    ("USD", 0, b"0.00"),
]


def test_an_amount_is_a_json_number_with_every_digit_and_no_more(tmp_path: Path) -> None:
    charges = [Record(f"id-{n:02}", minor, currency) for n, (currency, minor, _) in enumerate(AMOUNTS)]

    written, report = json_of(tmp_path, reconciled(tmp_path, [*charges, Record("b")], [Record("b")]))

    expected = [(f"id-{n:02}".encode(), digits) for n, (_, _, digits) in enumerate(AMOUNTS)]
    listed = re.findall(rb'"transaction_id":"([^"]+)",[^}]*?"amount":([^,}]+),', written)
    assert listed == expected * 2, "once among the missing transactions, once among the discrepancies"
    assert re.findall(rb'"processor_amount":([^,}]+),', written) == [digits for _, digits in expected]
    assert len(report["missing_transactions"]) == len(AMOUNTS)


@pytest.mark.parametrize(
    ("currency", "amount_minor", "signed", "gross"),
    [
        ("USD", -110, b"-1.10", b"1.10"),
        ("JPY", 6577, b"6577", b"6577"),
        ("KWD", -LARGEST, b"-9223372036854775.807", b"9223372036854775.807"),
    ],
)
def test_totals_have_the_places_of_their_currency_too(
    tmp_path: Path, currency: str, amount_minor: int, signed: bytes, gross: bytes
) -> None:
    booked = Record("b", 0, currency)

    written, _ = json_of(tmp_path, reconciled(tmp_path, [Record("a", amount_minor, currency), booked], [booked]))

    assert b'"total_discrepancy_amount":%s,"total_volume_processed":%s,"proof"' % (gross, gross) in written
    assert b'"difference":%s,"explained_by_discrepancies":%s,' % (signed, signed) in written


def test_a_total_beyond_64_bits_keeps_every_digit(tmp_path: Path) -> None:
    day = reconciled(tmp_path, [Record("a", LARGEST), Record("b", LARGEST), Record("c")], [Record("c")])

    written, _ = json_of(tmp_path, day)

    assert b'"total_discrepancy_amount":184467440737095516.14,' in written


def test_a_fee_that_the_feed_did_not_say_is_null_and_not_zero(tmp_path: Path) -> None:
    _, report = json_of(tmp_path, reconciled(tmp_path, [Record("a"), Record("b")], [Record("b")]))

    assert report["missing_transactions"][0]["fee"] is None


def test_several_currencies_have_no_total_but_a_proof_each(tmp_path: Path) -> None:
    processor = [Record("a", 1000, "USD"), Record("b", 1000, "JPY"), Record("c", 1000, "KWD")]

    written, report = json_of(tmp_path, reconciled(tmp_path, processor, processor[:1]))

    summary = report["reconciliation_summary"]
    assert (summary["currency"], summary["total_discrepancy_amount"], summary["total_volume_processed"]) == (None,) * 3
    assert list(summary["proof"]) == ["JPY", "KWD", "USD"]
    for currency, total in (("JPY", b"1000"), ("KWD", b"1.000"), ("USD", b"10.00")):
        assert re.search(rb'"%s":\{[^}]*"processor_total":%s,' % (currency.encode(), re.escape(total)), written)
        assert summary["proof"][currency]["residual"] == 0


def test_offsetting_differences_are_not_netted_away(tmp_path: Path) -> None:
    day = reconciled(tmp_path, [Record("a", 100), Record("b", 200)], [Record("a", 200), Record("b", 100)])

    written, _ = json_of(tmp_path, day)

    assert b'"difference":0.00,"explained_by_discrepancies":0.00,"residual":0.00,' in written
    assert b'"total_discrepancy_amount":2.00,' in written


def test_an_incomplete_day_names_its_reasons_and_claims_nothing_missing(tmp_path: Path) -> None:
    day = reconciled(tmp_path, *sample_day(), problem="page 2 did not come")

    _, report = json_of(tmp_path, day)

    summary = report["reconciliation_summary"]
    assert (summary["verdict"], summary["incomplete_reasons"]) == (
        "incomplete",
        ["processor feed: page 2 did not come"],
    )
    assert report["missing_transactions"] == []
    assert len(report["discrepancies"]) == 5
    assert report["financial_impact"]["compliance_status"] == "NEEDS_REVIEW"


def test_only_missing_in_ledger_is_a_missing_transaction_and_every_class_is_a_discrepancy(tmp_path: Path) -> None:
    processor = [Record("lost"), Record("cent", 1000), Record("twice"), Record("twice", second=1)]
    ledger = [Record("cent", 999), Record("twice"), Record("ghost")]

    _, report = json_of(tmp_path, reconciled(tmp_path, processor, ledger))

    assert [row["transaction_id"] for row in report["missing_transactions"]] == ["lost"]
    assert [(row["class"], row["transaction_id"]) for row in report["discrepancies"]] == [
        ("missing_at_processor", "ghost"),
        ("amount_mismatch", "cent"),
        ("duplicate_at_processor", "twice"),
        ("missing_in_ledger", "lost"),
    ]


def test_a_currency_mismatch_shows_each_side_in_the_places_of_its_own_currency(tmp_path: Path) -> None:
    written, _ = json_of(tmp_path, reconciled(tmp_path, [Record("a", 1000, "KWD")], [Record("a", 1000, "JPY")]))

    assert b'"processor_amount":1.000,"processor_currency":"KWD",' in written
    assert b'"ledger_amount":1000,"ledger_currency":"JPY",' in written


def test_a_day_on_which_nothing_happened_has_no_rate_and_empty_lists(tmp_path: Path) -> None:
    _, report = json_of(tmp_path, reconciled(tmp_path, [], [], says_empty=True))

    assert report["reconciliation_summary"]["verdict"] == "reconciled"
    assert report["reconciliation_summary"]["proof"] == {}
    assert (report["missing_transactions"], report["discrepancies"]) == ([], [])
    assert report["financial_impact"] == {
        "discrepancy_rate": None,
        "value_at_risk_rate": None,
        "risk_level": "LOW",
        "compliance_status": "COMPLIANT",
    }


def test_text_comes_back_as_it_was(tmp_path: Path) -> None:
    merchant = 'O\'Neil "Søn"\\ 株式会社 🧾\n</script>'

    _, report = json_of(
        tmp_path, reconciled(tmp_path, [Record("ü'", merchant_id=merchant), Record("b")], [Record("b")])
    )

    (missing,) = report["missing_transactions"]
    assert (missing["transaction_id"], missing["merchant_id"]) == ("ü'", merchant)


def test_a_day_longer_than_a_batch_is_written_to_its_last_row(tmp_path: Path) -> None:
    charges = [Record(f"{number:05}", number) for number in range(20_003)]

    _, report = json_of(tmp_path, reconciled(tmp_path, charges, charges[:1]))

    assert [row["transaction_id"] for row in report["discrepancies"]] == [f"{n:05}" for n in range(1, 20_003)]
    assert len(report["missing_transactions"]) == 20_002
