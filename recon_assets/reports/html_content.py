"""What stands in the HTML report: figures as text, rows, and the charts' data. Not here: how it looks (`templates`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.discrepancies import DiscrepancyClass, Outcome
from recon_assets.domain.money import amount_text, decimal_from_minor
from recon_assets.domain.plain_words import CLASS_MEANINGS, heading, words
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.trend import AGEING_BUCKETS, AnsweredDay
from recon_assets.domain.verdict import Verdict
from recon_assets.reports.charts import (
    NARROW,
    WIDE,
    BridgeStep,
    ChartText,
    TrendBar,
    bridge,
    bridge_limits,
    trend,
)
from recon_assets.reports.class_totals import ClassTotal
from recon_assets.reports.surroundings import TREND_DAYS, Surroundings
from recon_assets.schemas.currencies import exponents

COLOUR_OF_VERDICT: Final = {
    Verdict.INCOMPLETE: "unknown",
    Verdict.DISCREPANCIES: "bad",
    Verdict.RECONCILED_WITH_WARNINGS: "noted",
    Verdict.RECONCILED_WITH_PENDING: "noted",
    Verdict.RECONCILED: "good",
}
_LABELLED_EVERY: Final = 7


@dataclass(frozen=True, slots=True)
class Chart:
    """The same chart for a desk and for a phone, and what is said below it."""

    wide: str
    narrow: str
    note: str


@dataclass(frozen=True, slots=True)
class ProofContent:
    """One currency: its totals as text, and the bridge where the two sides differ."""

    currency: str
    figures: tuple[tuple[str, str, str], ...]
    """Name of the figure, what it is called, its text."""
    bridge: Chart | None


def proofs_of(conclusion: Conclusion, totals: Sequence[ClassTotal]) -> tuple[ProofContent, ...]:
    """The proof of each currency."""
    by_currency: dict[str, list[ClassTotal]] = {}
    for total in totals:
        by_currency.setdefault(total.currency, []).append(total)
    return tuple(_proof(proof, by_currency.get(proof.currency, [])) for proof in conclusion.proofs)


def _proof(proof: CurrencyProof, totals: Sequence[ClassTotal]) -> ProofContent:
    text = proof.amount_text
    figures = (
        ("processor_total", "Processor total", text(proof.processor_total_minor)),
        ("ledger_total", "Ledger total", text(proof.ledger_total_minor)),
        ("difference", "Difference", text(proof.processor_total_minor - proof.ledger_total_minor)),
        ("explained_by_discrepancies", "Explained by named rows", text(proof.signed_discrepancies_minor)),
        ("residual", "Unexplained", text(proof.residual_minor)),
    )
    moving = [total for total in totals if total.signed_minor]
    return ProofContent(proof.currency, figures, _bridge(proof, moving) if moving else None)


def _bridge(proof: CurrencyProof, totals: Sequence[ClassTotal]) -> Chart:
    def major(minor: int) -> Decimal:
        return decimal_from_minor(minor, exponent=proof.exponent)

    at = proof.processor_total_minor
    steps = [BridgeStep("Processor total", f"{major(at):,}", None, major(at))]
    for total in totals:
        rows = f" ({total.count:,})" if total.count else ""
        label = f"{heading(total.kind)}{rows}"
        steps.append(BridgeStep(label, f"{major(-total.signed_minor):+,}", major(at), major(at - total.signed_minor)))
        at -= total.signed_minor
    ledger = proof.ledger_total_minor
    steps.append(BridgeStep("Ledger total", f"{major(ledger):,}", None, major(ledger)))
    said = "; ".join(f"{step.label} {step.amount_text}" for step in steps)
    left, right = bridge_limits(steps)
    note = "" if left <= 0 <= right else "The bars of the totals are cut: the axis does not start at zero."
    wide, narrow = (
        bridge(
            steps,
            ChartText(f"bridge-{proof.currency}-{size}", f"From processor to ledger, {proof.currency}", said),
            width=width,
        )
        for size, width in (("wide", WIDE), ("narrow", NARROW))
    )
    return Chart(wide, narrow, note)


def classes_of(totals: Sequence[ClassTotal], outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """The classes of some outcomes: what each is, and its rows and money by currency."""
    by_class: dict[DiscrepancyClass, list[ClassTotal]] = {}
    for total in totals:
        if total.kind.outcome in outcomes:
            by_class.setdefault(total.kind, []).append(total)
    return [
        {
            "kind": kind.value,
            "title": heading(kind),
            "meaning": CLASS_MEANINGS[kind],
            "outcome": kind.outcome.value,
            "priority": kind.priority.value,
            "count": sum(total.count for total in found),
            "count_text": f"{sum(total.count for total in found):,}",
            "money": [
                {
                    "currency": total.currency,
                    "gross": _text(total.gross_minor, total.currency),
                    "signed": _text(total.signed_minor, total.currency),
                }
                for total in found
            ],
        }
        for kind, found in by_class.items()
    ]


def row_content(row: Mapping[str, Any]) -> dict[str, Any]:
    """One row of the answer, as it is listed."""
    return {
        **row,
        "title": heading(row["class"]),
        "amount_text": f"{Decimal(row['amount']):+,}" if Decimal(row["amount"]) else row["amount"],
        "sides": [
            {
                "name": name,
                "amount": f"{Decimal(row[f'{side}_amount']):,} {row[f'{side}_currency']}",
                "status": row[f"{side}_status"],
                "file": row[f"{side}_raw_file"],
                "number": row[f"{side}_record_number"],
                "link": _link(side, row[f"{side}_raw_file"]),
            }
            for side, name in (("processor", "Processor"), ("ledger", "Ledger"))
            if row[f"{side}_amount"] is not None
        ],
    }


def _link(side: str, raw_file: str | None) -> str | None:
    """From the report in the archive to the raw file beside it; none where the name is masked."""
    return f"../raw_{side}_feed/{quote(raw_file)}" if raw_file and "*" not in raw_file else None


def trend_of(conclusion: Conclusion, surroundings: Surroundings) -> Chart | None:
    """Discrepancies of the last days up to this one; None when only this day has an answer."""
    if len(surroundings.trend) < 2:
        return None
    by_date = {day.business_date: day for day in surroundings.trend}
    dates = [conclusion.business_date - timedelta(days=back) for back in range(TREND_DAYS - 1, -1, -1)]
    bars = [
        TrendBar(
            height=_height(by_date.get(day)),
            colour=COLOUR_OF_VERDICT[by_date[day].verdict] if day in by_date else "",
            label=f"{day.day} {day:%b}" if back % _LABELLED_EVERY == 0 else "",
        )
        for back, day in zip(range(TREND_DAYS - 1, -1, -1), dates, strict=True)
    ]
    said = "; ".join(
        f"{day.business_date}: {words(day.verdict)}, {day.discrepancy_count} discrepancies"
        for day in surroundings.trend
    )
    wide, narrow = (
        trend(bars, ChartText(f"trend-{size}", "Discrepancies a day", said), width=width)
        for size, width in (("wide", WIDE), ("narrow", NARROW))
    )
    return Chart(wide, narrow, f"Discrepancies a day. {_trend_note(surroundings)}")


def _height(day: AnsweredDay | None) -> int:
    """Without a conclusion what differs is provisional, and would stand taller than all that is known."""
    return 0 if day is None or day.verdict is Verdict.INCOMPLETE else day.discrepancy_count


def _trend_note(surroundings: Surroundings) -> str:
    verdicts = [day.verdict for day in surroundings.trend]
    unknown, bad = verdicts.count(Verdict.INCOMPLETE), verdicts.count(Verdict.DISCREPANCIES)
    return (
        f"{len(verdicts)} of the last {TREND_DAYS} days have an answer: {len(verdicts) - unknown - bad} reconciled,"
        f" {bad} with discrepancies, {unknown} without a conclusion."
    )


def ageing_of(surroundings: Surroundings) -> list[dict[str, Any]]:
    """Open discrepancies by currency, a column for each bucket."""
    found = {(item.currency, item.bucket): item for item in surroundings.open_discrepancies}
    return [
        {
            "currency": currency,
            "buckets": [
                {
                    "name": bucket,
                    "count": f"{item.count:,}" if (item := found.get((currency, bucket))) else "-",
                    "amount": _text(item.amount_minor, currency) if item else "",
                }
                for bucket in AGEING_BUCKETS
            ],
        }
        for currency in sorted({currency for currency, _ in found})
    ]


def tiles_of(conclusion: Conclusion) -> list[dict[str, Any]]:
    """The figures that are seen first."""
    risk = conclusion.risk
    rate, at_risk = _percent(risk.discrepancy_rate, "records"), _percent(risk.value_at_risk_rate, "money")
    provisional = ", provisional" if conclusion.verdict is Verdict.INCOMPLETE else ""
    at_stake = [proof.money_text(proof.discrepancy_amount_minor) for proof in conclusion.proofs]
    return [
        {"name": f"At stake{provisional}", "lines": at_stake or ["none"], "small": at_risk},
        {"name": f"Discrepancies{provisional}", "lines": [f"{conclusion.discrepancy_count:,}"], "small": rate},
        {
            "name": "Matched",
            "lines": [f"{conclusion.matched:,}"],
            "small": f"{conclusion.processor_transactions:,} at the processor,"
            f" {conclusion.ledger_entries:,} in the ledger",
        },
        {
            "name": "Risk",
            "lines": [risk.level.name.capitalize() if conclusion.verdict is not Verdict.INCOMPLETE else "Not known"],
            "small": risk.compliance.value.replace("_", " ").capitalize(),
        },
    ]


def _text(minor: int, currency: str) -> str:
    return amount_text(minor, exponent=exponents()[currency])


def _percent(rate: Decimal | None, of: str) -> str:
    return "" if rate is None else f"{rate * 100:.2f} % of the {of}"
