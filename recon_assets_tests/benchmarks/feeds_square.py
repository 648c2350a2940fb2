"""Square's side of the benchmark of JSON feeds (`feeds`): pages of payments and refunds, and both ways to read them.

A payment has every field of the example in Square's specification, the card's and the application's too.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from recon_assets.domain.business_day import business_day
from recon_assets.domain.money import MAX_MINOR
from recon_assets.feeds.adapter import ParsedChunk
from recon_assets.processors.square.records import Rules, chunks_of
from recon_assets.processors.square.sales import SALES
from recon_assets.schemas.currencies import exponents
from recon_assets_tests.benchmarks.standard_library import PAGE_ROWS, PagesByTime

DAY: Final = business_day("square", date(2025, 9, 30))
REFUND_EVERY: Final = 20

_MONEY: Final = '{"amount":%d,"currency":"%s"}'
_PAYMENT: Final = (
    '{"id":"pay%024d","created_at":"%s","updated_at":"%s","amount_money":%s,"approved_money":%s,"total_money":%s,'
    '"application_details":{"application_id":"sq0ids-Pw67AZAlLVB7hsRmwlJPuA","square_product":"VIRTUAL_TERMINAL"},'
    '"card_details":{"auth_result_code":"2Nkw7q","avs_status":"AVS_ACCEPTED","card":{"bin":"411111",'
    '"card_brand":"VISA","card_type":"DEBIT","exp_month":11,"exp_year":2027,"fingerprint":"sq-1-Hxim77tbdcbGejOejnoAk'
    'lBVJed2YFLTmirfl8Q5XZzObTc8qY_U8RkwzoNL8dCEcQ","last_4":"1111","prepaid_type":"NOT_PREPAID"},'
    '"card_payment_timeline":{"authorized_at":"%s","captured_at":"%s"},"cvv_status":"CVV_ACCEPTED",'
    '"entry_method":"KEYED","statement_description":"SQ *EXAMPLE TEST GOSQ.C","status":"CAPTURED"},'
    '"delay_action":"CANCEL","delay_duration":"PT168H","location_id":"L%d","note":"Order %d","order_id":"ord%020d",'
    '"processing_fee":[{"amount_money":%s,"effective_at":"%s","type":"INITIAL"}],"receipt_number":"bP9m",'
    '"receipt_url":"https://squareup.com/receipt/preview/pay%024d","source_type":"%s","status":"%s",'
    '"team_member_id":"TMoK_ogh6rH1o4dV","version_token":"vguW2km0KpVCdAXZcNTZ438qg5LlVPTP4HO5OpiHNfa6o"}'
)
_REFUND: Final = (
    '{"id":"pay%024d_ref","created_at":"%s","updated_at":"%s","amount_money":%s,"location_id":"L%d",'
    '"order_id":"ord%020d","payment_id":"pay%024d","destination_type":"CARD","processing_fee":[{"amount_money":%s,'
    '"effective_at":"%s","type":"INITIAL"}],"reason":"Returned goods","status":"COMPLETED"}'
)


def ours(files: Sequence[Path]) -> Iterator[ParsedChunk]:
    return chunks_of(files, rules=Rules(DAY, keep_outside_square=False))


def by_standard_library(files: Sequence[Path]) -> Iterator[ParsedChunk]:
    pages = PagesByTime(
        list_of=lambda name: name.partition("-")[0],
        time_of=lambda record: datetime.fromisoformat(record["created_at"]).timestamp(),
        row_of=_row,
    )
    return pages.chunks(files)


def _row(record: dict[str, Any], file: str, number: int) -> dict[str, Any]:
    sales = SALES[file.partition("-")[0]]
    money, fees = record[sales.money], [fee["amount_money"] for fee in record["processing_fee"]]
    for name in ("id", "created_at", "status"):
        if type(record[name]) is not str:
            raise TypeError(name)
    for one in (money, *fees):
        if type(one["amount"]) is not int or abs(one["amount"]) > MAX_MINOR:
            raise TypeError("amount")
        if one["currency"] not in exponents() or one["currency"] != money["currency"]:
            raise ValueError("currency")
    occurred_at = datetime.fromisoformat(record["created_at"])
    if occurred_at.tzinfo is None or occurred_at == DAY.ends_at or record[sales.tender] in {"CASH", "EXTERNAL"}:
        raise ValueError("no row of the benchmark is left out")
    amount, fee = sales.sign * money["amount"], sum(one["amount"] for one in fees)
    if abs(amount - fee) > MAX_MINOR:
        raise ValueError("net")
    return {
        "raw_file": file,
        "record_number": number,
        "transaction_id": record["id"],
        "record_id": record["id"],
        "reference_number": record.get(sales.reference),
        "order_id": record["order_id"],
        "merchant_id": record["location_id"],
        "transaction_type": f"{sales.movement.value}_{record[sales.tender].lower()}",
        "movement": sales.movement.value,
        "amount_minor": amount,
        "currency": money["currency"],
        "fee_minor": fee,
        "net_minor": amount - fee,
        "status": sales.statuses[record["status"]].value,
        "occurred_at": occurred_at.astimezone(UTC),
    }


def write_pages(folder: Path, rows: int) -> None:
    """Oldest first, as they are asked for; one record in twenty is a refund."""
    folder.mkdir()
    numbers = {
        "payments": [number for number in range(rows) if number % REFUND_EVERY],
        "refunds": [number for number in range(rows) if not number % REFUND_EVERY],
    }
    for name, all_numbers in numbers.items():
        for start in range(0, len(all_numbers), PAGE_ROWS):
            page = ",".join(_record(name, number, rows) for number in all_numbers[start : start + PAGE_ROWS])
            file = folder / f"{name}-001-{start // PAGE_ROWS + 1:05}.json"
            file.write_text(
                f'{{"{name}":[{page}],"cursor":"EMPCyStibo64hS8wLayZPp3oedR3AeEUNd3z7u6zphi72LQZFIEMbkKV"}}'
            )


def _record(name: str, number: int, rows: int) -> str:
    instant = DAY.starts_at + timedelta(milliseconds=number * 86_000_000 // rows)
    at = f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03}Z"
    currency = ("USD", "EUR", "GBP", "JPY")[number % 4]
    amount = number * 7919 % 500_000 + 50
    fee = amount * 29 // 1000 + 30
    money, location = _MONEY % (amount, currency), number % 7
    if name == "refunds":
        charged = _MONEY % (-fee, currency)
        return _REFUND % (number, at, at, money, location, number, number, charged, at)
    charged, tender = _MONEY % (fee, currency), ("CARD", "WALLET")[number % 2]
    status = "APPROVED" if number % 10 == 3 else "COMPLETED"
    return _PAYMENT % (
        number, at, at, money, money, money, at, at, location, number, number, charged, at, number, tender, status,
    )  # fmt: skip
