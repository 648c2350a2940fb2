"""`recon explain` and `recon simulate` on days that were run for real: what is told, and that nothing is written."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest

from recon_assets.settings import Settings
from recon_assets.store.database import open_database
from recon_assets_tests.cli.commands import Called, recon
from recon_assets_tests.conftest import settings_on
from recon_assets_tests.integration.deployments import HEADER, ROW, SAMPLE_DAY, Deployment, with_configuration

NEXT = date(2025, 10, 1)
CARD_ROW = "4111111111111111,5.00,USD,completed,2025-09-30T11:00:00Z"
LATE_ROW = "late,7.00,USD,completed,{day}T11:00:00Z"
OTHER_RULES = """
passes:
  - name: transaction_id
    keys: [[transaction_id]]
    differs: report
grace: {ledger: 3}
"""

Recon = Callable[..., Called]


# all on one worker, which runs the two days once
pytestmark = pytest.mark.xdist_group("explain")


@pytest.fixture(scope="module")
def two_days(
    server, new_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Deployment, Path]]:
    """A processor by files after two days, and a copy of its files.

    One pair each, one card-like id that is missing, one record that comes a day late.
    """
    folder = tmp_path_factory.mktemp("shop") / "as it is"
    deployment = with_configuration(settings_on(server, folder, name=new_database()), folder)
    rows = {
        SAMPLE_DAY: ([ROW, CARD_ROW, LATE_ROW.format(day=SAMPLE_DAY)], [ROW]),
        NEXT: ([], [LATE_ROW.format(day=NEXT)]),
    }
    for day, (processor, ledger) in rows.items():
        first = ROW.replace("a,", f"first{day},").replace("2025-09-30", str(day))
        deployment.files_processor(
            "shop",
            processor="\n".join([HEADER, *processor, first]),
            ledger="\n".join([HEADER, *ledger, first]),
            day=day,
        )
        deployment.run("shop", day)
    shutil.copytree(folder, kept := folder.parent / "as it was", copy_function=shutil.copy2, symlinks=True)
    with open_database(deployment.settings) as database, database.connect():  # who has a session is not dropped
        yield deployment, kept


@pytest.fixture
def shop(two_days: tuple[Deployment, Path]) -> Iterator[Deployment]:
    """A test may change the files, which are brought back. It can't change the record: explaining only reads."""
    deployment, kept = two_days
    folder = deployment.settings.reports_dir.parent
    yield deployment
    shutil.rmtree(folder)
    shutil.copytree(kept, folder, symlinks=True)


@pytest.fixture
def superuser(shop: Deployment) -> Iterator[psycopg.Connection]:
    with open_database(shop.settings) as database, database.connect_as_migrator() as connected:
        yield connected


@pytest.fixture
def call(shop: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Recon:
    """`recon` on that deployment, in this process."""
    for name in [name for name in os.environ if name.startswith(("RECON_", "DB_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    for name, value in shop.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(shop.settings.reports_dir.parent)
    return lambda *arguments: recon(*arguments, monkeypatch=monkeypatch, capsys=capsys)


def evidence_folders(deployment: Deployment) -> tuple[Path, Path]:
    return deployment.settings.storage_root, deployment.settings.archive_dir


def test_a_plain_match_shows_its_pass_its_counterpart_and_both_raw_records(shop: Deployment, call: Recon) -> None:
    called = call("explain", "shop", "a")

    assert called.exit_code == 0
    assert "shop 2025-09-30 (version 1, discrepancies, rules " in called.out
    assert "matched by pass transaction_id (transaction_id): its key stands once on each side" in called.out
    assert "with ledger entry a: 12.34 USD" in called.out
    assert called.out.count(f"    {HEADER}\n    {ROW}\n") == 2


def test_what_is_missing_tells_what_each_step_saw_and_shows_no_card_number_of_the_raw_record(
    shop: Deployment, call: Recon
) -> None:
    called = call("explain", "shop", "4111111111111111", "--date", "2025-09-30")

    assert called.exit_code == 0
    assert "missing_in_ledger (discrepancy, priority 3): 5.00 USD" in called.out
    assert "transaction_id (transaction_id): nothing in the ledger has its key" in called.out
    assert "UTC, version 1: missing_in_ledger, 5.00 USD" in called.out
    assert f"    {CARD_ROW.replace('411111111111', '************')}\n" in called.out


def test_a_record_that_came_a_day_late_is_explained_from_both_days_with_its_life(shop: Deployment, call: Recon) -> None:
    called = call("explain", "shop", "late")

    newer, older = called.out.split("\n\n")
    assert "shop 2025-10-01" in newer
    assert "matched_prior_day (ok, priority 4): -7.00 USD, its counterpart is of 2025-09-30" in newer
    assert "matched across days by pass transaction_id with 2025-09-30, transaction late: 7.00 USD" in newer
    assert "missing_in_ledger (discrepancy, priority 3): 7.00 USD" in older
    assert "resolved by the answer of 2025-10-01 (version 1): missing_in_ledger -> -" in older
    assert "matched across days by pass transaction_id with 2025-10-01, ledger entry late: 7.00 USD" in older


def test_machines_get_json_and_an_id_of_a_discrepancy_finds_its_record(shop: Deployment, call: Recon) -> None:
    ((identity,),) = shop.query("SELECT discrepancy_id FROM discrepancies WHERE transaction_id = '4111111111111111'")

    told = json.loads(call("explain", "shop", str(identity), "--json").out)

    (one,) = told["told"]
    assert (told["searched_days"], told["not_searched"], told["has_more"]) == (2, [], False)
    assert one["explanation"]["business_date"] == "2025-09-30"
    assert one["explanation"]["rows"][0]["amount_minor"] == 500
    assert one["explanation"]["record"]["side"] == "processor"
    assert one["life"]["appearances"][0]["kind"] == "missing_in_ledger"
    assert one["raw_records"][0][1]["text"].startswith("************1111,5.00")


def test_an_unknown_id_is_one_sentence_and_exit_code_1(shop: Deployment, call: Recon) -> None:
    called, on_a_day = call("explain", "shop", "nope"), call("explain", "shop", "nope", "--date", "2025-09-29")

    assert (called.exit_code, called.out) == (1, "")
    assert "shop has no record with the id nope in the newest 2 answers. Without --date the newest 400" in called.err
    assert on_a_day.exit_code == 1
    assert "no record with the id nope on 2025-09-29: there is no answer" in on_a_day.err


def test_the_archive_stands_in_for_the_storage_and_without_both_the_remedy_is_told(
    shop: Deployment, call: Recon
) -> None:
    storage, archive = evidence_folders(shop)
    before = call("explain", "shop", "a").out
    shutil.rmtree(storage / "shop" / "2025-09-30")
    assert call("explain", "shop", "a").out == before

    shutil.rmtree(archive / "reports" / "2025-09-30")
    asked, on_that_day = call("explain", "shop", "a"), call("explain", "shop", "a", "--date", "2025-09-30")
    late = call("explain", "shop", "late")

    assert (asked.exit_code, on_that_day.exit_code, late.exit_code) == (1, 1, 0)
    assert "1 days could not be searched, such as 2025-09-30" in asked.err
    gone = "transactions.parquet of shop 2025-09-30 is neither in the storage nor in the archive (version 1)."
    assert f"{gone} Restore the day's folder, or `recon run --processors shop --date 2025-09-30`" in on_that_day.err
    assert "with 2025-09-30, a record whose files are gone (7.00 USD)" in late.out
    assert "1 days were not searched, their files are gone: 2025-09-30" in late.out


def test_a_raw_file_that_is_gone_and_one_that_is_read_otherwise_now_are_told_plainly(
    shop: Deployment, call: Recon
) -> None:
    storage, archive = evidence_folders(shop)
    for folder in (storage, archive):
        for file in folder.rglob("raw_ledger_feed/*.csv"):
            file.unlink()
    configuration = shop.settings.config_dir / "processors" / "shop.yaml"
    described = configuration.read_text()
    configuration.write_text(described.replace("format: csv", "format: json"))
    as_document = call("explain", "shop", "a")
    configuration.write_text(described.replace("format: csv", "format: json_lines"))
    as_lines = call("explain", "shop", "4111111111111111")

    assert "not shown: the raw file is neither in the storage nor in the archive" in as_document.out
    assert "not shown: the document is no list at its top (2025-09-30.csv)" in as_document.out
    assert f"    {ROW}\n    none of the row's ids stands in it" in as_lines.out


def test_rules_that_were_changed_are_not_taken_for_those_of_the_answer(shop: Deployment, call: Recon) -> None:
    storage, _ = evidence_folders(shop)
    for file in storage.glob("shop/2025-09-30/*/discrepancies/rules.json"):
        file.write_text(file.read_text().replace('"days_after": 7', '"days_after": 6'))

    called = call("explain", "shop", "a")

    assert called.exit_code == 1
    assert "the rules of shop 2025-09-30 are not those of its answer any more (rules.json)" in called.err


@pytest.mark.parametrize("frame", ["transactions", "ledger_entries"])
def test_a_frame_that_was_changed_is_not_taken_for_that_of_the_answer(
    shop: Deployment, call: Recon, tmp_path: Path, frame: str
) -> None:
    storage, _ = evidence_folders(shop)
    (today,) = storage.glob(f"shop/2025-09-30/*/{frame}/{frame}.parquet")
    (tomorrow,) = storage.glob(f"shop/2025-10-01/*/{frame}/{frame}.parquet")
    shutil.copy(today, tomorrow)
    rules = tmp_path / "new.yaml"
    rules.write_text(OTHER_RULES)

    explained = call("explain", "shop", "a", "--date", "2025-10-01")
    simulated = call("simulate", "--rules", str(rules), "--from", "2025-10-01", "--to", "2025-10-01")

    assert explained.exit_code == simulated.exit_code == 1
    words = frame.replace("_", " ")
    said = f"the {words} of shop 2025-10-01 are not those of its answer any more ({frame}.parquet)"
    assert said in explained.err
    assert f"is left out: {said}" in simulated.out


def everything(deployment: Deployment, superuser: psycopg.Connection) -> dict[str, str]:
    """A digest of every file and of every table of the record."""
    folders = (*evidence_folders(deployment), deployment.settings.reports_dir)
    found = {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }
    tables = superuser.execute(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    ).fetchall()
    for (table,) in tables:
        statement = f"SELECT md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM {table} AS t"
        ((digest,),) = superuser.execute(statement.encode()).fetchall()
        found[table] = digest
    return found


def test_a_simulation_tells_what_would_change_with_money_and_writes_nothing(
    shop: Deployment, call: Recon, superuser: psycopg.Connection, tmp_path: Path
) -> None:
    rules = tmp_path / "new.yaml"
    rules.write_text(OTHER_RULES)
    before = everything(shop, superuser)
    assert "public.reconciliation_runs" in before

    called = call("simulate", "--rules", str(rules), "--processors", "shop", "--from", "2025-09-29", "--to", str(NEXT))

    assert everything(shop, superuser) == before
    assert called.exit_code == 0
    assert "shop 2025-09-30: discrepancies -> reconciled_with_pending" in called.out
    assert "  its answer is older than what its own rules find now: run it again" in called.out
    assert "  matched: transaction_id 2, reference 0 -> transaction_id 2" in called.out
    assert "  changed: 1 rows missing_in_ledger -> pending_in_ledger, 5.00 USD" in called.out
    assert "  changed: 1 rows matched_prior_day -> pending_in_ledger, 7.00 USD" in called.out
    assert "    4111111111111111 (processor): missing_in_ledger -> pending_in_ledger, 5.00 USD" in called.out
    assert "shop 2025-10-01: reconciled -> discrepancies" in called.out
    assert "  changed: 1 rows matched_prior_day -> missing_at_processor, 7.00 USD" in called.out
    assert "shop, 2 days in total by rules " in called.out
    assert "shop 2025-09-29 is left out: it has no answer" in called.out


def test_a_simulation_for_machines_has_every_day_and_the_totals(shop: Deployment, call: Recon, tmp_path: Path) -> None:
    rules = tmp_path / "new.yaml"
    rules.write_text(OTHER_RULES)
    storage, archive = evidence_folders(shop)
    shutil.rmtree(storage / "shop" / str(NEXT))
    shutil.rmtree(archive / "reports" / str(NEXT))

    called = call("simulate", "--rules", str(rules), "--from", "2025-09-30", "--to", str(NEXT), "--rows", "1", "--json")

    told = json.loads(called.out)
    (day,) = told["days"]
    assert (day["processor"], day["change"]["business_date"]) == ("shop", "2025-09-30")
    assert [row["transaction_id"] for row in day["change"]["details"]] == ["late"]
    assert told["rows"]["shop"] == day["change"]["rows"]
    (left_out,) = told["left_out"]
    assert left_out["business_date"] == str(NEXT)
    assert "neither in the storage nor in the archive" in left_out["reason"]


def test_where_no_day_has_an_answer_there_is_nothing_to_simulate(call: Recon, tmp_path: Path) -> None:
    rules = tmp_path / "new.yaml"
    rules.write_text(OTHER_RULES)

    called = call("simulate", "--rules", str(rules), "--from", "2025-09-01", "--to", "2025-09-02")

    assert called.exit_code == 1
    assert called.out.count("is left out: it has no answer") == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("explain nobody a", "there is no processor nobody"),
        ("explain shop a --date 30.09.2025", "is no date"),
        ("explain shop", "ID"),
        ("simulate --rules nowhere.yaml --from 2025-09-30 --to 2025-09-30", "nowhere.yaml"),
        ("simulate --rules new.yaml --from 2025-09-30 --to 2025-09-29", "--from is not after --to"),
        ("simulate --rules new.yaml --from 2025-09-30 --to 2027-09-29", "at most 400 days"),
        ("simulate --rules wrong.yaml --from 2025-09-30 --to 2025-09-30", "passes.0.name"),
        ("simulate --rules new.yaml --from 2025-09-30 --to 2025-09-30 --processors klarna", "no processor klarna"),
    ],
)
def test_wrong_usage_and_wrong_rules_are_exit_code_2(call: Recon, arguments: str, said: str) -> None:
    Path("new.yaml").write_text(OTHER_RULES)
    Path("wrong.yaml").write_text("passes: [{name: Capital}]\n")

    called = call(*arguments.split())

    assert called.exit_code == 2
    assert said in called.err


def test_the_commands_in_a_process_of_their_own_tell_the_sample_day(settings: Settings) -> None:
    deployment = Deployment(settings)
    deployment.run("stripe")

    told = deployment.recon("explain", "stripe", "TXN_STRIPE_20250930_0026")
    simulated = deployment.recon(
        "simulate", "--rules", str(settings.home / "config" / "matching.yaml"), "--processors", "stripe",
        "--from", "2025-09-30", "--to", "2025-09-30",
    )  # fmt: skip

    assert (told.returncode, simulated.returncode) == (0, 0), told.stderr + simulated.stderr
    assert '"source":{"id":"TXN_STRIPE_20250930_0026"' in told.stdout
    assert "  nothing would change" in simulated.stdout
