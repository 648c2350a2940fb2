"""The HTML report: one file for itself, harmless whatever a feed brings, and with what a reader needs first."""

import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from recon_assets.domain.causes import Cause, CauseKind
from recon_assets.domain.trend import AnsweredDay, OpenDiscrepancies
from recon_assets.domain.verdict import Verdict
from recon_assets.reports.html_report import LISTED_ROWS
from recon_assets.reports.surroundings import ReportedCheck, Surroundings
from recon_assets_tests.matching.frames import Record
from recon_assets_tests.reports.days import DATE, NOTHING_AROUND, Day, reconciled, reported, sample_day
from recon_assets_tests.reports.every_class import every_class_day

AROUND = Surroundings(
    title="Stripe",
    checks=(ReportedCheck("transactions", "ids_are_unique", False, True, "No id twice.", {"id occurs again": 2}),),
    trend=(
        AnsweredDay(DATE - timedelta(days=40), Verdict.RECONCILED, 0, {}),
        AnsweredDay(DATE - timedelta(days=2), Verdict.INCOMPLETE, 500, {"USD": 5}),
        AnsweredDay(DATE - timedelta(days=1), Verdict.RECONCILED, 0, {"USD": 0}),
        AnsweredDay(DATE, Verdict.DISCREPANCIES, 5, {"USD": 1_995}),
    )[1:],
    open_discrepancies=(
        OpenDiscrepancies("0-1", "USD", 5, 1_995),
        OpenDiscrepancies("over 30", "USD", 1_200, 123_456_789),
    ),
)


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def page(folder: Path, day: Day, *, surroundings: Surroundings = AROUND) -> str:
    return reported(folder, day, surroundings=surroundings).html.read_text(encoding="utf-8")


def words(html: str) -> str:
    """What a reader sees, in one line."""
    without_style = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", without_style).split())


def elements(html: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = _Elements()
    reader.feed(html)
    return reader.found


def test_the_verdict_the_money_and_the_cause_come_first(tmp_path: Path) -> None:
    day = reconciled(tmp_path, *sample_day())
    cause = Cause(CauseKind.ONE_MERCHANT, "all 5 belong to one merchant, ACME & Sons", 5, 10_000, {"USD": 1_995})

    seen = words(page(tmp_path, replace(day, conclusion=replace(day.conclusion, causes=(cause,)))))

    assert seen[seen.index("Stripe reconciliation") : seen.index("At stake")] == (
        "Stripe reconciliation Tuesday, 30 September 2025 Discrepancies"
        " 5 discrepancies need attention: 19.95 USD at stake, of 6,577.50 USD processed."
        " Likely cause All 5 belong to one merchant, ACME &amp; Sons 100 % of all, 19.95 USD "
    )


def test_an_incomplete_day_says_why_and_that_its_figures_are_provisional(tmp_path: Path) -> None:
    seen = words(page(tmp_path, reconciled(tmp_path, *sample_day(), problem="page 2 did not come")))

    assert "Incomplete The data of this day did not come whole" in seen
    assert "Processor feed: page 2 did not come." in seen
    assert "At stake, provisional" in seen
    assert "Discrepancies by class (provisional)" in seen
    assert "Risk Not known" in seen


def test_a_reconciled_day_has_no_list_and_no_bridge(tmp_path: Path) -> None:
    booked = sample_day()[1]

    html = page(tmp_path, reconciled(tmp_path, booked, booked), surroundings=NOTHING_AROUND)

    assert "Processor and ledger agree on 6,557.55 USD, to the last minor unit." in words(html)
    assert "<svg" not in html
    assert "recon explain" not in html


def test_the_page_needs_nothing_else_and_runs_nothing(tmp_path: Path) -> None:
    html = page(tmp_path, every_class_day(tmp_path))

    found = elements(html)
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in found}
    loaded = [value for _, attributes in found for name, value in attributes.items() if name in {"src", "srcset"}]
    assert loaded == []
    assert not [name for _, attributes in found for name in attributes if name.startswith("on")]
    assert not re.search(r"url\(\s*['\"]?(?!#)|@import", html)
    links = [attributes["href"] or "" for tag, attributes in found if tag == "a"]
    assert all(not re.match(r"[a-z]+:|//", link) for link in links)
    assert "default-src 'none'" in html


def test_text_of_a_feed_is_shown_and_never_taken_for_markup(tmp_path: Path) -> None:
    nasty = "<script>alert(1)</script>\"'&"

    html = page(tmp_path, reconciled(tmp_path, [Record(nasty, merchant_id=nasty, raw_file=f"../{nasty} #1?.json")], []))

    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;" in html
    (link,) = [at["href"] for tag, at in elements(html) if tag == "a" and "raw_processor_feed" in str(at.get("href"))]
    assert link == "../raw_processor_feed/../%3Cscript%3Ealert%281%29%3C/script%3E%22%27%26%20%231%3F.json"


def test_every_discrepancy_leads_to_its_raw_records_and_to_its_explanation(tmp_path: Path) -> None:
    processor = [Record("a", 1000, raw_file="page-00007.json")]
    day = reconciled(tmp_path, processor, [Record("a", 900, raw_file="entries 1.json", status="pending")])

    html = page(tmp_path, day)

    assert '<a href="../raw_processor_feed/page-00007.json">page-00007.json</a> record 1' in html
    assert '<a href="../raw_ledger_feed/entries%201.json">entries 1.json</a> record 1' in html
    assert re.search(r"<code>recon explain stripe [0-9a-f-]{36}</code>", html)


def test_a_masked_file_name_has_no_link(tmp_path: Path) -> None:
    html = page(tmp_path, reconciled(tmp_path, [Record("a", raw_file="4111111111111111.json")], []))

    assert "raw_processor_feed" not in html
    assert "************1111.json record 1" in words(html)


def test_of_many_discrepancies_the_most_urgent_and_largest_are_listed(tmp_path: Path) -> None:
    records = [Record(f"t{n:04}", 100 + n) for n in range(LISTED_ROWS + 1_050)]

    html = page(tmp_path, reconciled(tmp_path, records, [Record("ghost", 1)]))

    seen = words(html)
    assert f"The first {LISTED_ROWS} discrepancies" in seen
    assert "1,051 more are in the CSV file and the Excel file" in seen
    assert html.count("<code>recon explain") == LISTED_ROWS
    assert re.findall(r'class="id">(\w+)<', html)[:3] == ["ghost", "t1249", "t1248"]


def test_charts_are_well_formed_described_and_the_same_every_time(tmp_path: Path) -> None:
    day = every_class_day(tmp_path)

    charts = re.findall(r"<svg.*?</svg>", page(tmp_path, day), flags=re.DOTALL)

    assert len(charts) == 2 * (4 + 1), "a bridge for each currency that moved, and the trend; each for desk and phone"
    assert charts == re.findall(r"<svg.*?</svg>", page(tmp_path / "again", day), flags=re.DOTALL)
    ids = [found for chart in charts for found in re.findall(r' id="([^"]+)"', chart)]
    for chart in charts:
        root = ElementTree.fromstring(chart)
        labels = root.attrib["aria-labelledby"].split()
        assert root.attrib["role"] == "img"
        assert all(root.find(f".//*[@id='{label}']") is not None for label in labels)
        assert re.findall(r"url\(#([^)]+)\)", chart) == [
            name for name in re.findall(r"url\(#([^)]+)\)", chart) if f'id="{name}"' in chart
        ]
    assert len(ids) == len(set(ids))
    titles = [ElementTree.fromstring(chart)[0].text for chart in charts]
    assert titles[0] == "From processor to ledger, EUR"
    assert titles[-1] == "Discrepancies a day"
    assert not any(re.search(r"20\d\d-\d\d-\d\dT", chart) for chart in charts)


def test_a_bridge_says_in_words_what_it_draws(tmp_path: Path) -> None:
    html = page(tmp_path, reconciled(tmp_path, *sample_day()))

    said = "Processor total 6,577.50; Missing in ledger (5) -19.95; Ledger total 6,557.55"
    assert f'<desc id="bridge-USD-wide-text">{said}</desc>' in html
    assert "The bars of the totals are cut: the axis does not start at zero." in html


def test_a_name_of_a_chart_is_never_read_as_a_formula(tmp_path: Path) -> None:
    html = page(tmp_path, reconciled(tmp_path, [Record("a", 1, "USD"), Record("b", 1, "MXN")], []))

    assert "bridge-MXN-wide" in html


def test_the_trend_ages_and_checks_are_told(tmp_path: Path) -> None:
    seen = words(page(tmp_path, reconciled(tmp_path, *sample_day())))

    assert "3 of the last 30 days have an answer: 1 reconciled, 1 with discrepancies, 1 without a conclusion." in seen
    assert "USD 5 19.95 - - 1,200 1,234,567.89" in seen
    assert "warning ids are unique (transactions) No id twice. id occurs again: 2." in seen


def test_amounts_of_different_currencies_are_never_added(tmp_path: Path) -> None:
    seen = words(page(tmp_path, every_class_day(tmp_path)))

    assert "450.00 EUR" in seen
    assert re.search(r"At stake 450\.00 EUR 100 JPY 0\.005 KWD [\d.,]+ USD", seen)
