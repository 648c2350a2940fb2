"""Each description in `config/examples` reads a file of the processor's documented shape, to the cent.

`shipped/<example>.csv` or `.json` was written after the processor's documents; `<example>.expected.json` by hand.
The samples of other people are read where the folder `shared/cases` lies beside this repository.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from recon_assets.feeds.files.description import FilesDescription
from recon_assets_tests.feeds.files.building import DAY, Read, adapter_in, read

EXAMPLES = Path(__file__).parents[3] / "config" / "examples"
SHIPPED = Path(__file__).parent / "shipped"
CASES = Path(__file__).parents[4] / "shared" / "cases"
NAMES = sorted(path.name.removesuffix(".expected.json") for path in SHIPPED.glob("*.expected.json"))


def description_of(name: str) -> FilesDescription:
    document = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))
    return FilesDescription.model_validate(document["feed"])


def read_by(name: str, content: bytes, folder: Path) -> Read:
    description = description_of(name)
    file = description.pattern_of(DAY.business_date).replace("*", "x")
    return read(folder, adapter_in(folder, description, {file: content}))


def plain(got: Read) -> dict[str, Any]:
    rows = [
        {
            name: value.isoformat() if name == "occurred_at" else value
            for name, value in row.items()
            if value is not None
        }
        for row in got.rows.drop_columns("raw_file").to_pylist()
    ]
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["currency"]] = totals.get(row["currency"], 0) + row["amount_minor"]
    return {
        "rows": rows,
        "totals": totals,
        "rejected": [list(reason) for reason in got.reasons],
        "problems": list(got.raw.problems),
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_description_reads_its_report(name: str, tmp_path: Path) -> None:
    [content] = [path for path in SHIPPED.glob(f"{name}.*") if path.suffix != ".json" or ".expected" not in path.name]
    expected = json.loads((SHIPPED / f"{name}.expected.json").read_text(encoding="utf-8"))
    assert plain(read_by(name, content.read_bytes(), tmp_path)) == expected


def test_every_shipped_description_of_a_processor_has_its_file() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} - {"json_lines", "products_api"} == set(NAMES)


@pytest.mark.parametrize("name", ["adyen", "checkout", "stripe_balance_change", "stripe_payout_reconciliation"])
def test_every_row_of_a_report_with_fees_is_known_by_an_id_of_its_own(name: str) -> None:
    rows = json.loads((SHIPPED / f"{name}.expected.json").read_text(encoding="utf-8"))["rows"]
    ids = [row["record_id"] for row in rows]
    assert len(set(ids)) == len(ids)


def case(path: str) -> bytes:
    if not (CASES / path).exists():
        pytest.skip("the samples of other people do not lie beside this repository")
    return (CASES / path).read_bytes()


def test_the_sample_of_razorpay_adds_up(tmp_path: Path) -> None:
    got = plain(read_by("razorpay", case("razorpay/settlement_recon_sample.json"), tmp_path))
    assert got["totals"] == {"INR": 100000 - 242500 - 100000 + 1012}
    assert [row["fee_minor"] for row in got["rows"]] == [2900, 0, 296, 0]
    assert (got["rejected"], got["problems"]) == ([], [])


def test_the_samples_of_mollie_add_up(tmp_path: Path) -> None:
    got = plain(read_by("mollie", case("mollie/balance_transactions_list.json"), tmp_path / "a"))
    assert (got["totals"], got["rejected"], got["problems"]) == ({"EUR": -1000}, [], [])
    assert got["rows"][0]["transaction_id"] == "re_4qqhO89gsT"
    settled = plain(read_by("mollie_settlements", case("mollie/settlements_list.json"), tmp_path / "b"))
    assert (settled["totals"], settled["rejected"], settled["problems"]) == ({"EUR": -3975}, [], [])


def test_the_sample_of_paypal_is_read_by_paths(tmp_path: Path) -> None:
    info = "transaction_info."
    description = FilesDescription.model_validate({
        "kind": "files", "folder": "paypal", "pattern": "{date}.json", "format": "json",
        "document": {"records": "transaction_details", "totals": {"count": "total_items"}},
        "columns": {
            "transaction_id": f"{info}transaction_id", "amount": f"{info}transaction_amount.value",
            "currency": f"{info}transaction_amount.currency_code", "fee": f"{info}fee_amount.value",
            "occurred_at": f"{info}transaction_initiation_date", "status": f"{info}transaction_status",
        },
        "signs": {"fee": "negative_is_charged"}, "statuses": {"S": "completed"},
    })  # fmt: skip
    content = case("paypal/api_transactions_sample.json")
    got = plain(read(tmp_path, adapter_in(tmp_path, description, {f"{DAY.text}.json": content})))
    assert (got["totals"], got["rejected"], got["problems"]) == ({"USD": 46500}, [], [])
    assert got["rows"][0]["fee_minor"] == 1379
