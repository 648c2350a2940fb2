"""The mail about a day says what the record says, to the minor unit, for every class of the demo."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.resources.record import Record
from recon_assets.store.database import open_database
from recon_assets_tests.conftest import settings_on
from recon_assets_tests.integration.deployments import SAMPLE_DAY, Deployment
from recon_assets_tests.notifications.mail_server import PASSWORD, MailServer, Received, running_mail_server
from recon_assets_tests.notifications.told import OPERATIONS, Teller, mail_settings
from recon_assets_tests.store.tls_server import Authority

EVERY_CLASS_DAY = date(2025, 9, 29)
INCOMPLETE_DAY = date(2025, 9, 28)
pytestmark = pytest.mark.xdist_group("mail figures")  # run once

DAYS = (EVERY_CLASS_DAY, SAMPLE_DAY, INCOMPLETE_DAY)


class Cells(HTMLParser):
    """Rows of all tables that have no further table inside, by their first cell."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._cell: list[str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th"} and self._cell is not None:
            self.rows[-1].append("".join(self._cell).replace("\xa0", " ").strip())
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def by_title(self) -> Mapping[str, list[str]]:
        return {row[0]: row[1:] for row in self.rows if row}


@pytest.fixture(scope="module")
def told(
    server, new_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Deployment, Mapping[date, Received]]]:
    """The demo's days, run in its order of dates, and the mail about each. Nothing changes them."""
    folder = tmp_path_factory.mktemp("told")
    authority = Authority.make(folder / "authority")
    with pytest.MonkeyPatch.context() as environment, running_mail_server(authority.sign("localhost")) as mail_server:
        environment.setenv("EMAIL_PASSWORD", PASSWORD)
        environment.setenv("OPERATIONS_EMAIL", OPERATIONS)
        own = mail_settings(settings_on(server, folder, name=new_database()), mail_server, authority.certificate)
        deployment = Deployment(own)
        for day in DAYS:
            deployment.run("stripe", day)
        with open_database(own) as database, database.connect() as connection, closing(Record(own)) as record:
            Teller(own, record, connection).round()
        yield deployment, answers_by_day(mail_server)


def answers_by_day(server: MailServer) -> Mapping[date, Received]:
    mails = [mail for mail in server.received if mail.message["X-Recon-Event"] == "run_published"]
    found = {day: mail for mail in mails for day in DAYS if str(day) in str(mail.message["Subject"])}
    assert len(mails) == len(found) == len(DAYS), "one mail a day"
    return found


def money(rows: Sequence[tuple[str, Decimal]]) -> str:
    return " + ".join(f"{amount:,} {currency}" for currency, amount in rows if amount)


def test_every_figure_of_every_class_is_that_of_the_record(told) -> None:
    deployment, mails = told
    seen: set[str] = set()
    for day in DAYS:
        cells = Cells(mails[day].part("html")).by_title()
        of_run = (
            f"SELECT id FROM reconciliation_runs WHERE is_current AND processor_name = 'stripe' AND run_date = '{day}'"
        )
        assert deployment.query(
            f"SELECT passed FROM data_quality_checks WHERE check_name = 'report_totals_agree' AND run_id = ({of_run})"
        ) == [(True,)], "JSON, CSV, XLSX and HTML of this very run say the same as the record"
        for kind, count in deployment.query(
            f"SELECT class, count(*) FROM discrepancies WHERE run_id = ({of_run}) GROUP BY class"
        ):
            amounts = deployment.query(
                f"""
                SELECT currency, sum(minor) / 100.00 FROM (
                    SELECT currency, abs(amount_minor) AS minor FROM discrepancies
                    WHERE run_id = ({of_run}) AND class = '{kind}'
                    UNION ALL
                    SELECT ledger_currency, abs(ledger_amount_minor) FROM discrepancies
                    WHERE run_id = ({of_run}) AND class = '{kind}' AND class = 'currency_mismatch'
                ) AS legs GROUP BY currency ORDER BY currency
                """
            )
            expected = money([(currency, amount.quantize(Decimal("0.01"))) for currency, amount in amounts])
            assert cells[kind.replace("_", " ")] == [str(count), expected or "-"]
            seen.add(kind)
        ((transactions, entries, matched, differ, pending, risk),) = deployment.query(
            "SELECT processor_transactions, internal_transactions, matched_count, discrepancy_count, pending_count,"
            f" risk_level FROM reconciliation_runs WHERE id = ({of_run})"
        )
        figures = ("Processor transactions", "Ledger entries", "Matched", "Discrepancies", "Pending")
        assert [cells[title] for title in figures] == [
            [str(n)] for n in (transactions, entries, matched, differ, pending)
        ]
        assert cells["Risk"] == [risk if day != INCOMPLETE_DAY else "-"]
        proofs = deployment.query(
            f"""
            SELECT processor_total_minor, ledger_total_minor, signed_discrepancies_minor, residual_minor,
                discrepancy_amount_minor, volume_minor
            FROM reconciliation_proofs WHERE run_id = ({of_run}) ORDER BY currency
            """
        )
        titles = (
            "Processor total",
            "Ledger total",
            "Explained by named rows",
            "Residual",
            "At stake (gross)",
            "Volume",
        )
        for number, title in enumerate(titles):
            assert cells[title] == [f"{Decimal(proof[number]) / 100:,.2f}" for proof in proofs]
    assert seen >= {
        DiscrepancyClass.AMOUNT_MISMATCH,
        DiscrepancyClass.CURRENCY_MISMATCH,
        DiscrepancyClass.STATUS_MISMATCH,
        DiscrepancyClass.DUPLICATE_AT_PROCESSOR,
        DiscrepancyClass.DUPLICATE_IN_LEDGER,
        DiscrepancyClass.MISSING_AT_PROCESSOR,
        DiscrepancyClass.MISSING_IN_LEDGER,
    }


def test_the_sample_day_in_its_first_lines_and_with_its_report(told) -> None:
    _, mails = told
    sample, incomplete = mails[SAMPLE_DAY], mails[INCOMPLETE_DAY]
    text = " ".join(sample.part("plain").split())
    assert text.startswith("Stripe 2025-09-30: 5 discrepancies, 19.95 USD at stake.")
    assert "Since 2025-09-29: 5 (19.95 USD) new, 7 (19.99 EUR + 69.47 USD) still open." in text
    stem = "reconciliation_report_stripe_2025-09-30"
    assert sample.attached == [f"{stem}.html", f"{stem}.xlsx", f"{stem}.csv"]
    unread = " ".join(incomplete.part("plain").split())
    assert unread.startswith("Stripe 2025-09-28: incomplete, no conclusion, provisionally 6,577.50 USD at stake.")
    assert "Likely cause: the ledger feed" in unread
    assert "the ledger feed is empty, the other is not." in unread
