"""Evidence of real days of the sandbox, proven from its folder alone; one byte of it changed, and it is found."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from recon_assets.archive.files import Finding
from recon_assets.archive.manifest import MANIFEST, MANIFEST_HASH, write_manifest
from recon_assets.cli.verifying import archived_feeds
from recon_assets.cli.verifying.command import Verified, verified_folder
from recon_assets.domain.errors import ArchiveUnreadable
from recon_assets.settings import Settings
from recon_assets_tests.conftest import settings_on
from recon_assets_tests.integration.deployments import HEADER, ROW, SAMPLE_DAY, Deployment, with_configuration
from recon_assets_tests.integration.test_sql_ledger import ENTRIES
from recon_assets_tests.integration.test_sql_ledger import deployment_of as with_sql_ledger
from recon_assets_tests.ledger.sql.building import URL_ENV, sqlite_file

pytestmark = pytest.mark.xdist_group("evidence")  # four days are run once

DAY_BEFORE = date(2025, 9, 29)
FILES = (
    "across_days.parquet",
    "candidates.parquet",
    "checks.json",
    "configuration/ledger.json",
    "configuration/processor.json",
    "configuration/risk.json",
    "days_around/open_records_2025-09-29.parquet",
    "discrepancies.parquet",
    "ledger_entries.parquet",
    MANIFEST,
    MANIFEST_HASH,
    "matches.parquet",
    "open_records.parquet",
    "raw_ledger_feed/page-00001.json",
    "raw_processor_feed/page-00001.json",
    "rejected_ledger.parquet",
    "rejected_processor.parquet",
    "report/reconciliation_report_stripe_2025-09-30.csv",
    "report/reconciliation_report_stripe_2025-09-30.html",
    "report/reconciliation_report_stripe_2025-09-30.json",
    "report/reconciliation_report_stripe_2025-09-30.xlsx",
    "rules.json",
    "transactions.parquet",
)


@dataclass(frozen=True)
class Days:
    """An archive with the sample day of every processor, and for Stripe the day before it."""

    archive: Path

    def folder(self, processor: str = "stripe", day: date = SAMPLE_DAY) -> Path:
        (found,) = (self.archive / "reports" / day.isoformat() / processor).iterdir()
        return found


@pytest.fixture(scope="module")
def made(server, new_database, tmp_path_factory: pytest.TempPathFactory) -> Days:
    deployment = Deployment(settings_on(server, tmp_path_factory.mktemp("evidence"), name=new_database()))
    for processor, day in (("stripe", DAY_BEFORE), *((name, SAMPLE_DAY) for name in ("stripe", "square", "paypal"))):
        deployment.run(processor, day)
    return Days(deployment.settings.archive_dir)


@pytest.fixture
def days(made: Days, tmp_path: Path) -> Days:
    """A copy, to be changed."""
    return Days(Path(shutil.copytree(made.archive, tmp_path / "archive")))


def change_one_byte(path: Path, at: int | None = None) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if at is None else at] ^= 1
    path.write_bytes(content)


def sealed_again(folder: Path) -> Path:
    """As a forger does who knows the format: the manifest and its hash fit the files as they are now."""
    statement = json.loads((folder / MANIFEST).read_bytes())["statement"]
    (folder / MANIFEST).unlink()
    (folder / MANIFEST_HASH).unlink()
    write_manifest(folder, statement)
    return folder


def found_in(folder: Path) -> set[str]:
    """The files that something is wrong with."""
    try:
        return {finding.file for finding in verified_folder(folder).findings}
    except ArchiveUnreadable as error:
        return {Path(error.where).name}


def whats(verified: Verified) -> str:
    return "\n".join(f"{finding.file} {finding.what}" for finding in verified.findings)


@pytest.mark.parametrize("processor", ["stripe", "square", "paypal"])
def test_the_evidence_of_every_processor_is_proven(made: Days, processor: str) -> None:
    verified = verified_folder(made.folder(processor))

    assert whats(verified) == ""
    assert verified.is_proven
    assert not [note for note in verified.notes if "bytes are not" in note], "made again it is the same to the byte"
    assert any(line.startswith("performed again from the raw bytes: 30 transactions") for line in verified.proven)
    assert any(line.endswith("residual 0.00") for line in verified.proven)


@pytest.mark.parametrize("broken", [False, True])
def test_large_sides_are_read_in_two_processes_with_the_same_end(
    days: Days, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    monkeypatch.setattr(archived_feeds, "TWO_PROCESSES_FROM_BYTES", 0)
    folder = days.folder()
    if broken:
        (folder / "raw_ledger_feed/page-00001.json").write_text("<html>")
    said = whats(verified_folder(folder))
    assert ("the day can't be performed again" in said) is broken
    assert bool(said) is broken


def test_the_files_of_a_day_are_those_that_are_tried_here(made: Days) -> None:
    folder = made.folder()
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == sorted(FILES)


@pytest.mark.parametrize("file", FILES)
def test_one_changed_byte_is_found_in_each_file(days: Days, file: str) -> None:
    folder = days.folder()
    change_one_byte(folder / file)

    assert found_in(folder) & ({MANIFEST, MANIFEST_HASH} if file in {MANIFEST, MANIFEST_HASH} else {file})


@pytest.mark.parametrize("at", [0, 1, -1, -2])
@pytest.mark.parametrize("file", ["transactions.parquet", MANIFEST, MANIFEST_HASH, "checks.json"])
def test_also_at_its_ends(days: Days, file: str, at: int) -> None:
    folder = days.folder()
    change_one_byte(folder / file, at)
    assert found_in(folder) & ({MANIFEST, MANIFEST_HASH} if file in {MANIFEST, MANIFEST_HASH} else {file})


def test_a_changed_file_that_is_made_again_as_the_manifest_says_is_the_only_one_that_changed(days: Days) -> None:
    folder = days.folder()
    change_one_byte(folder / "discrepancies.parquet")

    verified = verified_folder(folder)

    assert [finding.file for finding in verified.findings] == ["discrepancies.parquet"]
    (note,) = verified.notes
    assert note.startswith("discrepancies.parquet: made again from the raw bytes it has the hash of the manifest, so")


def test_a_forged_amount_is_named_with_its_row_although_every_hash_fits(days: Days) -> None:
    folder = days.folder()
    table = pq.read_table(folder / "discrepancies.parquet")
    place = table.schema.get_field_index("amount_minor")
    forged = pc.add(table.column("amount_minor"), pa.scalar(1, pa.int64()))
    pq.write_table(table.set_column(place, "amount_minor", forged), folder / "discrepancies.parquet")

    verified = verified_folder(sealed_again(folder))

    (finding,) = verified.findings
    assert finding == Finding(
        "discrepancies.parquet",
        "row 1 (TXN_STRIPE_20250930_0026), column amount_minor: 100 archived, 99 when made again from the raw bytes",
    )


def test_a_record_that_was_left_out_is_found_although_every_hash_fits(days: Days) -> None:
    folder = days.folder()
    table = pq.read_table(folder / "discrepancies.parquet")
    pq.write_table(table.slice(1), folder / "discrepancies.parquet")

    (finding,) = verified_folder(sealed_again(folder)).findings

    assert finding.file == "discrepancies.parquet"
    assert finding.what == ("has 4 rows, made again there are 5; they part at row 1 (TXN_STRIPE_20250930_0026)")


def test_forged_raw_bytes_are_found_by_what_was_made_of_them(days: Days) -> None:
    folder = days.folder()
    page = folder / "raw_processor_feed/page-00001.json"
    text = page.read_text()
    assert '"amount":99,' in text.replace(" ", "")
    page.write_text(text.replace('"amount": 99,', '"amount": 98,').replace('"amount":99,', '"amount":98,'))

    said = whats(verified_folder(sealed_again(folder)))

    assert "transactions.parquet" in said
    assert "discrepancies.parquet" in said


def test_a_forged_verdict_is_found_by_concluding_again(days: Days) -> None:
    folder = days.folder()
    document = json.loads((folder / MANIFEST).read_bytes())
    document["statement"]["conclusion"]["verdict"] = "reconciled"
    (folder / MANIFEST).write_text(json.dumps(document))

    said = whats(verified_folder(sealed_again(folder)))

    assert "says verdict reconciled; performed again it is discrepancies" in said


def test_other_rules_are_found(days: Days) -> None:
    folder = days.folder()
    rules = json.loads((folder / "rules.json").read_bytes())
    rules["grace"]["ledger"]["days"] += 1
    (folder / "rules.json").write_text(json.dumps(rules))

    assert "rules.json are not the rules of the conclusion" in whats(verified_folder(sealed_again(folder)))


def test_a_file_that_is_gone_and_one_that_was_added(days: Days) -> None:
    folder = days.folder()
    (folder / "checks.json").unlink()
    (folder / "note.txt").write_text("added")

    assert set(verified_folder(folder).findings) == {
        Finding("checks.json", "is missing"),
        Finding("note.txt", "is not in the manifest: it was added"),
    }


@pytest.mark.parametrize("file", ["raw_ledger_feed/page-00001.json", "rules.json", "configuration/ledger.json"])
def test_without_what_decided_about_it_a_day_can_t_be_performed_again(days: Days, file: str) -> None:
    folder = days.folder()
    (folder / file).unlink()
    said = whats(verified_folder(folder))
    assert f"{file} is missing" in said
    assert "the day can't be performed again" in said


def test_a_path_that_leads_out_of_the_folder_is_not_followed(days: Days) -> None:
    folder = days.folder()
    document = json.loads((folder / MANIFEST).read_bytes())
    document["files"][0]["path"] = "../../../../secret"
    (folder / MANIFEST).write_text(json.dumps(document))
    assert "names '../../../../secret', which is no path inside of the folder" in whats(verified_folder(folder))


def test_the_day_before_is_the_one_that_was_archived(days: Days) -> None:
    before = days.folder(day=DAY_BEFORE)
    assert any(
        line == f"the archived day before, 2025-09-29 run {before.name}, has the manifest that this one names"
        for line in verified_folder(days.folder()).proven
    )
    assert any(
        line == f"the next archived day, 2025-09-30 run {days.folder().name}, names this manifest"
        for line in verified_folder(before).proven
    )


def test_a_day_before_that_was_forged_whole_is_found_from_both_sides(days: Days) -> None:
    before = days.folder(day=DAY_BEFORE)
    (before / "checks.json").write_text("[]\n")
    sealed_again(before)

    (finding,) = verified_folder(days.folder()).findings
    said = f"names the archived day before, 2025-09-29 run {before.name}, with another manifest"
    assert finding.what.startswith(said)
    (finding,) = verified_folder(before).findings
    assert finding.what.startswith("is not the one that the next archived day, 2025-09-30")


def test_a_day_before_that_is_not_there_is_said(days: Days, tmp_path: Path) -> None:
    alone = Path(shutil.copytree(days.folder(), tmp_path / "download"))

    verified = verified_folder(alone)

    assert verified.is_proven
    assert any("is not beside this folder: its link can't be checked" in note for note in verified.notes)


def test_evidence_of_before_there_was_a_configuration_is_not_said_to_be_proven(days: Days) -> None:
    folder = days.folder()
    statement = json.loads((folder / MANIFEST).read_bytes())["statement"]
    for name in ("format", "days_around", "previous_day", "previous_version"):
        del statement[name]
    shutil.rmtree(folder / "configuration")
    (folder / MANIFEST).unlink()
    (folder / MANIFEST_HASH).unlink()
    write_manifest(folder, statement)

    assert whats(verified_folder(folder)) == (
        "manifest.json the manifest does not say what decided about the day: the day can't be performed again"
    )


def command(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """In an environment that says nothing of any deployment; a database and a network would not be found."""
    return subprocess.run(
        [sys.executable, "-m", "recon_assets.cli", "verify", *arguments],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(cwd)}
        | {"DB_HOST": "nowhere.invalid", "HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
        | variables,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_command_needs_the_folder_alone(days: Days, tmp_path: Path) -> None:
    done = command("--folder", str(days.folder()), cwd=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert "proven: the evidence is what was archived, and leads to the same answer" in done.stdout
    assert "proof in USD: 6,577.50 at the processor less 6,557.55 in the ledger is 19.95 of named rows" in done.stdout


def test_the_command_finds_the_newest_version_of_a_day(days: Days, tmp_path: Path) -> None:
    data = {"RECON_DATA_DIR": str(days.archive.parent)}
    newest = json.loads(command("stripe", "2025-09-30", "--json", cwd=tmp_path, **data).stdout)
    assert [one["run_id"] for one in newest] == [days.folder().name]
    change_one_byte(days.folder() / "rules.json")
    done = command("stripe", "2025-09-30", cwd=tmp_path, **data)
    assert done.returncode == 1
    assert "WRONG rules.json hashes to" in done.stdout
    assert "not proven" in done.stdout


def test_what_is_not_archived_and_what_is_not_named(tmp_path: Path) -> None:
    gone = command("stripe", "2025-09-30", cwd=tmp_path, RECON_DATA_DIR=str(tmp_path))
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "there is no evidence of stripe 2025-09-30 in the archive" in gone.stderr
    unnamed = command(cwd=tmp_path)
    assert unnamed.returncode == 2
    assert "name a processor and a business date, or an evidence folder with --folder" in unnamed.stderr
    empty = command("--folder", str(tmp_path), cwd=tmp_path)
    assert empty.returncode == 1
    assert "the folder has no manifest" in empty.stderr


def test_days_by_files_and_by_sql_are_performed_again_too(settings: Settings, tmp_path: Path) -> None:
    """Without the file of the database, whose rows were kept, and without the places that files came from."""
    deployment = with_sql_ledger(settings, tmp_path)
    url = sqlite_file(tmp_path / "ledger.sqlite", ENTRIES)
    done = deployment.recon("run", "--processors", "shop", "--date", SAMPLE_DAY.isoformat(), **{URL_ENV: url})
    assert done.returncode == 0, done.stderr
    (tmp_path / "ledger.sqlite").unlink()
    shutil.rmtree(deployment.settings.feeds_dir)
    shutil.rmtree(deployment.settings.config_dir)

    verified = verified_folder(Days(deployment.settings.archive_dir).folder("shop"))

    assert whats(verified) == ""
    assert any("3 transactions and 2 ledger entries" in line for line in verified.proven)


def test_a_day_without_a_conclusion_is_proven_to_have_none(settings: Settings, tmp_path: Path) -> None:
    deployment = with_configuration(settings, tmp_path).files_processor(
        "shop", processor=f"{HEADER}\n{ROW}\n", ledger=None
    )
    deployment.run("shop")

    verified = verified_folder(Days(deployment.settings.archive_dir).folder("shop"))

    assert whats(verified) == ""
    assert any(line.endswith("the verdict incomplete") for line in verified.proven)


def test_rejected_rows_are_made_again_as_they_were(settings: Settings, tmp_path: Path) -> None:
    rows = f"{HEADER}\n{ROW}\n{ROW.replace('12.34', 'much').replace('a,', 'b,', 1)}\n"
    deployment = with_configuration(settings, tmp_path).files_processor("shop", processor=rows, ledger=rows)
    deployment.run("shop")
    folder = Days(deployment.settings.archive_dir).folder("shop")
    assert verified_folder(folder).is_proven
    table = pq.read_table(folder / "rejected_processor.parquet")
    pq.write_table(table.slice(1), folder / "rejected_processor.parquet")

    (finding,) = verified_folder(sealed_again(folder)).findings

    assert (finding.file, finding.what) == (
        "rejected_processor.parquet",
        "has 0 rows, made again there are 1; they part at row 1",
    )
