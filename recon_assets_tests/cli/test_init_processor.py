"""`recon init-processor`: what a sample tells is proposed, what it does not tell keeps the proposal from loading."""

from pathlib import Path

import pytest
import yaml

from recon_assets.configuration import ProcessorConfig
from recon_assets.feeds.files.description import FilesDescription
from recon_assets_tests.cli.commands import Called, recon

SHIPPED = Path(__file__).parents[1] / "feeds" / "files" / "shipped"
CLEAR = """\
Report of;2025-09-30
Transaktionscode;Datum;Uhrzeit;Zeitzone;Typ;Status;Währung;Brutto;Gebühr;Netto
A1;30.09.2025;10:00:00;Europe/Berlin;Zahlung;Abgeschlossen;EUR;4.626,81;-93,20;4.533,61
A2;30.09.2025;11:00:00;Europe/Berlin;Rückzahlung;Ausstehend;EUR;-41,00;0,00;-41,00
"""


@pytest.fixture
def propose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def call(content: bytes | str, *options: str, name: str = "activity_2025-09-30.csv") -> Called:
        sample = tmp_path / name
        sample.write_bytes(content if isinstance(content, bytes) else content.encode())
        arguments = ["init-processor", "paypal_de", "--from", str(sample), *options]
        return recon(*arguments, monkeypatch=monkeypatch, capsys=capsys)

    return call


def undecided(called: Called) -> dict[str, str]:
    listed = yaml.safe_load(called.out)["feed"]["undecided"]
    return dict(item.split(": ", 1) for item in listed)


def test_a_clear_file_is_described_whole_and_only_the_ledger_is_left_to_decide(propose) -> None:
    called = propose(CLEAR)
    document = yaml.safe_load(called.out)
    feed = document["feed"]
    assert called.exit_code == 0
    assert feed["pattern"] == "activity_{date}.csv"
    assert feed["csv"] == {"delimiter": ";", "encoding": "utf-8", "header_within": 2}
    assert feed["amounts"] == {"unit": "major", "decimal_mark": ",", "thousands_mark": "."}
    assert feed["signs"] == {"fee": "negative_is_charged"}
    assert feed["times"] == {"format": "%d.%m.%Y %H:%M:%S"}
    assert feed["statuses"] == {"Abgeschlossen": "completed", "Ausstehend": "pending"}
    assert set(undecided(called)) == {"ledger"}
    with pytest.raises(ValueError, match="decide and take off the list: ledger"):
        ProcessorConfig.model_validate(document)
    del feed["undecided"]
    assert isinstance(ProcessorConfig.model_validate(document).feed, FilesDescription)


@pytest.mark.parametrize(
    ("content", "place", "why"),
    [
        ("id;amount\nx;1.234\n", "amounts.decimal_mark", "a point or a comma"),
        ("id;amount\nx;1234\n", "amounts.unit", "major or minor"),
        ("id;amount\nx;?\n", "amounts.decimal_mark", "fit no known marks"),
        ("id;amount;fee\nx;1.50;0.10\n", "signs.fee", "positive_is_charged or"),
        ("id;amount;fee\nx;1.50;0.00\n", "signs.fee", "every fee is zero"),
        ("id;amount;gross\nx;1.50;1.50\n", "columns.amount", "one of amount, gross"),
        ("id;amount;date\nx;1.50;04/05/2025\n", "times.format", "one of %d/%m/%Y, %m/%d/%Y"),
        ("id;amount;date\nx;1.50;2025-09-30\n", "times.time_zone", "no offset"),
        ("id;amount;date\nx;1.50;soon\n", "times.format", "no known format fits"),
        ("id;amount;date;time;timezone\nx;1.50;30.09.2025;10:00:00;CEST\n", "times.zones", "CEST"),
        ("id;amount;status\nx;1.50;Strange\n", "statuses.Strange", "one of pending"),
        ("id;amount\nx;1.50\n", "columns.currency", "constants.currency"),
        ("id;amount;currency;net currency\nx;1.50;USD;EUR\n", "columns.currency", "currency, or another of"),
        ("id;amount\nx;1.50\n", "columns.occurred_at", "no column of a known name"),
        ("one;two\nx;1.50\n", "columns", "no name of the header is known"),
        ("id;amount;state\nx;1.50;gelöscht\n".encode("cp1252"), "csv.encoding", "not UTF-8"),
        ('{"a":[{"id":"x"}],"b":[{"id":"y"}]}', "document.records", "one of a, b"),
    ],
)  # fmt: skip
def test_what_the_file_does_not_tell_is_said_and_not_guessed(
    propose, content: bytes | str, place: str, why: str
) -> None:
    assert why in undecided(propose(content))[place]


def test_a_name_without_a_date_leaves_the_pattern_to_decide(propose) -> None:
    assert "write {date}" in undecided(propose(CLEAR, name="Download.CSV"))["pattern"]


@pytest.mark.parametrize("sample", sorted(path.name for path in SHIPPED.iterdir() if ".expected." not in path.name))
def test_a_known_report_is_proposed_with_its_amounts_and_loads_only_when_decided(propose, sample: str) -> None:
    called = propose((SHIPPED / sample).read_bytes(), name=sample)
    assert called.exit_code == 0, called.err
    with pytest.raises(ValueError, match="decide and take off the list"):
        ProcessorConfig.model_validate(yaml.safe_load(called.out))


def test_json_lines_and_documents_are_told_apart(propose) -> None:
    lines = yaml.safe_load(propose('{"id":"a","amount":1.5}\n{"id":"b","amount":2.5}\n').out)["feed"]
    document = yaml.safe_load(propose('{"items":[{"id":"a","amount":{"value":"1.50"}}]}').out)["feed"]
    assert (lines["format"], lines["columns"]["amount"]) == ("json_lines", "amount")
    assert (document["document"], document["columns"]["amount"]) == ({"records": "items"}, "amount.value")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"), ("<html>", "HTML or XML"), ("just words\n", "no line has several values"),
        ('{"a": ', "neither JSON lines nor a JSON document"), ("[1]", "no list of records"),
    ],
)  # fmt: skip
def test_a_file_without_records_is_refused(propose, content: str, said: str) -> None:
    called = propose(content)
    assert (called.exit_code, said in called.err) == (1, True)


def test_the_output_is_never_written_over_and_wrong_names_and_files_are_refused(
    propose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "paypal_de.yaml"
    assert propose(CLEAR, "--output", str(output)).exit_code == 0
    written = output.read_text(encoding="utf-8")
    again = propose(CLEAR, "--output", str(output))
    assert (again.exit_code, output.read_text(encoding="utf-8")) == (2, written)
    assert "File exists" in again.err
    for name, sample, code in (("Pay Pal", output, 2), ("paypal", tmp_path / "none", 1)):
        called = recon("init-processor", name, "--from", str(sample), monkeypatch=monkeypatch, capsys=capsys)
        assert called.exit_code == code
