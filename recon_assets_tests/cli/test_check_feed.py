"""`recon check-feed`: what a description makes of a file, without database and without leaving anything."""

import shutil
from pathlib import Path

import pytest

from recon_assets_tests.cli.commands import Called, recon

ROOT = Path(__file__).parents[2]
SHIPPED = Path(__file__).parents[1] / "feeds" / "files" / "shipped"


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    processors = tmp_path / "config" / "processors"
    processors.mkdir(parents=True)
    for name in ("adyen", "razorpay", "paypal_activity", "stripe_payout_reconciliation"):
        shutil.copy(ROOT / "config" / "examples" / f"{name}.yaml", processors)
    shutil.copy(ROOT / "config" / "processors" / "stripe.yaml", processors)
    monkeypatch.setenv("RECON_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("RECON_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RECON_HOME", raising=False)

    def call(*arguments: str) -> Called:
        return recon("check-feed", *arguments, monkeypatch=monkeypatch, capsys=capsys)

    return call


def cells(called: Called) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in called.out.splitlines() if "│" in line]


def test_totals_rejections_and_what_is_left_out_are_said_and_nothing_is_stored(check, tmp_path: Path) -> None:
    called = check("paypal_activity", str(SHIPPED / "paypal_activity.csv"))
    assert called.exit_code == 1
    assert "9 records: 5 read, 2 rejected, 2 left out" in called.out
    assert ["USD", "payment", "3", "1,653.75", "48.26", "1,605.49"] in cells(called)
    assert ["occurred_at", "unknown time zone: add it to `times.zones`", "1", "9"] in cells(called)
    assert ["net_minor", "net_is_amount_less_fee", "1", "8"] in cells(called)
    assert "left out: 1 with Balance Impact: Memo" in called.out
    assert not (tmp_path / "data").exists()


SOME = """
name: some
title: Some
owner: team:a
start_date: 2025-09-01
feed: &feed
  kind: files
  folder: some
  pattern: "{date}.csv"
  format: csv
  columns: {transaction_id: id, amount: amount, fee: fee, occurred_at: at}
  constants: {currency: EUR, status: completed}
  times: {format: unix_seconds}
ledger: *feed
"""


def test_what_no_row_says_is_a_dash_and_what_some_say_counts_them(check, tmp_path: Path) -> None:
    (tmp_path / "config" / "processors" / "some.yaml").write_text(SOME, encoding="utf-8")
    (tmp_path / "some.csv").write_text("id,amount,fee,at\na,1.00,0.25,1\nb,2.00,,2\nc,3.00,,3\n", encoding="utf-8")
    called = check("some", str(tmp_path / "some.csv"))
    assert ["EUR", "-", "3", "6.00", "0.25 (1 of 3 rows)", "-"] in cells(called), called.out


def test_control_totals_are_said(check, tmp_path: Path) -> None:
    good = (SHIPPED / "razorpay.json").read_text(encoding="utf-8")
    met = check("razorpay", str(SHIPPED / "razorpay.json"))
    assert "every control total is met" in met.out
    (tmp_path / "other.json").write_text(good.replace('"count": 4', '"count": 5'), encoding="utf-8")
    missed = check("razorpay", str(tmp_path / "other.json"))
    assert (missed.exit_code, "other.json states 5 records, 4 were read" in missed.out) == (1, True)


def test_a_file_that_is_read_whole_is_exit_code_0(check, tmp_path: Path) -> None:
    lines = (SHIPPED / "stripe_payout_reconciliation.csv").read_text(encoding="utf-8").splitlines()[:4]
    (tmp_path / "whole.csv").write_text("\n".join(lines), encoding="utf-8")
    called = check("stripe_payouts", str(tmp_path / "whole.csv"))
    assert (called.exit_code, "3 records: 3 read, 0 rejected, 0 left out" in called.out) == (0, True)


def test_the_ledger_has_files_too(check, tmp_path: Path) -> None:
    (tmp_path / "entries.csv").write_text(
        "external_id,amount_minor,currency,booked_at,state\nch_1,4000,GBP,2025-09-30T09:00:00Z,booked\n"
    )
    called = check("stripe_payouts", str(tmp_path / "entries.csv"), "--side", "ledger")
    assert (called.exit_code, ["GBP", "-", "1", "40.00", "-", "-"] in cells(called)) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["klarna", "{file}"], 2, "there is no processor klarna"),
        (["stripe", "{file}"], 2, "the processor feed of stripe is no files"),
        (["adyen", "{file}"], 1, "the header; the nearest lacks"),
        (["adyen", "none.csv"], 2, "none.csv"),
    ],
)
def test_what_can_not_be_checked_is_refused(check, arguments: list[str], code: int, said: str) -> None:
    called = check(*[argument.format(file=SHIPPED / "paypal_activity.csv") for argument in arguments])
    assert (called.exit_code, said in " ".join(called.err.split())) == (code, True)
