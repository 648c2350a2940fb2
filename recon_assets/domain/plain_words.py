"""What verdicts and classes are called for people who do not work with them every day; one wording for all channels."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.money import decimal_from_minor
from recon_assets.domain.proof import CurrencyProof
from recon_assets.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class ClassWords:
    """`title` names one row of the class, `plural` many of them in a sentence, `meaning` says what happened."""

    title: str
    plural: str
    meaning: str


CLASS_WORDS: Final[Mapping[DiscrepancyClass, ClassWords]] = MappingProxyType(
    {
        DiscrepancyClass.MATCHED_IN_TOLERANCE: ClassWords(
            "Within tolerance", "within tolerance", "Matched; the small difference is allowed by the rules."
        ),
        DiscrepancyClass.MATCHED_PRIOR_DAY: ClassWords(
            "Matched with another day", "matched with another day", "The counterpart was booked on another day."
        ),
        DiscrepancyClass.MISSING_IN_LEDGER: ClassWords(
            "Missing in ledger", "missing in the ledger", "The processor has it, our ledger does not."
        ),
        DiscrepancyClass.MISSING_AT_PROCESSOR: ClassWords(
            "Missing at processor", "missing at the processor", "Our ledger has it, the processor does not."
        ),
        DiscrepancyClass.PENDING_IN_LEDGER: ClassWords(
            "Not yet in ledger", "not yet in the ledger", "Within the time that booking may take."
        ),
        DiscrepancyClass.PENDING_AT_PROCESSOR: ClassWords(
            "Not yet at processor", "not yet at the processor", "Within the time that the processor may take."
        ),
        DiscrepancyClass.AMOUNT_MISMATCH: ClassWords(
            "Amount differs", "amount mismatches", "Both sides have it, with different amounts."
        ),
        DiscrepancyClass.CURRENCY_MISMATCH: ClassWords(
            "Currency differs", "currency mismatches", "Both sides have it, in different currencies."
        ),
        DiscrepancyClass.STATUS_MISMATCH: ClassWords(
            "Status differs", "status mismatches", "Same money, but not final on both sides."
        ),
        DiscrepancyClass.FEE_MISMATCH: ClassWords(
            "Fee differs", "fee mismatches", "Same amount, but the fee is not the booked or agreed one."
        ),
        DiscrepancyClass.DUPLICATE_AT_PROCESSOR: ClassWords(
            "Twice at processor", "duplicates at the processor", "The processor has it more often than our ledger."
        ),
        DiscrepancyClass.DUPLICATE_IN_LEDGER: ClassWords(
            "Twice in ledger", "duplicates in the ledger", "Our ledger has it more often than the processor."
        ),
        DiscrepancyClass.AMBIGUOUS: ClassWords(
            "Ambiguous", "ambiguous records", "Several counterparts fit equally well; none was guessed."
        ),
        DiscrepancyClass.RESTATED: ClassWords(
            "Restated", "restated records", "The processor changed it after the day was concluded."
        ),
        DiscrepancyClass.UNCLASSIFIED: ClassWords(
            "Unknown kind of event", "events of an unknown kind", "Counted, but no rule knows what kind it is."
        ),
    }
)

VERDICT_WORDS: Final[Mapping[Verdict, str]] = MappingProxyType(
    {
        Verdict.INCOMPLETE: "No conclusion",
        Verdict.DISCREPANCIES: "Discrepancies found",
        Verdict.RECONCILED_WITH_WARNINGS: "Reconciled, with warnings",
        Verdict.RECONCILED_WITH_PENDING: "Reconciled, some still on their way",
        Verdict.RECONCILED: "Reconciled",
    }
)


def plain_verdict(conclusion: Conclusion) -> str:
    """The verdict in a sentence or two, with the money at stake in each currency."""
    if conclusion.verdict is Verdict.INCOMPLETE:
        return "The data of this day did not come whole: nothing below is a conclusion, and nobody should rely on it."
    if conclusion.verdict is Verdict.DISCREPANCIES:
        count = conclusion.discrepancy_count
        found = "1 discrepancy needs" if count == 1 else f"{count:,} discrepancies need"
        return f"{found} attention: {at_stake(conclusion)} at stake, of {volume(conclusion)} processed."
    if not conclusion.processor_transactions and not conclusion.ledger_entries:
        return "Nothing happened on this day: both sides said so."
    agree = f"Processor and ledger agree on {volume(conclusion)}, to the last minor unit."
    if conclusion.verdict is Verdict.RECONCILED_WITH_PENDING:
        count = conclusion.pending_count
        return (
            f"{agree} {count:,} {'record is' if count == 1 else 'records are'} still within the time allowed to arrive."
        )
    if conclusion.verdict is Verdict.RECONCILED_WITH_WARNINGS:
        return f"Processor and ledger agree on {volume(conclusion)}, with differences that the rules allow or a note."
    return agree


def at_stake(conclusion: Conclusion) -> str:
    """Gross discrepancy amounts of the currencies that have some, such as `19.95 USD and 700 JPY`."""
    with_some = [proof for proof in conclusion.proofs if proof.discrepancy_amount_minor] or conclusion.proofs[:1]
    return _listed([money(proof.discrepancy_amount_minor, proof) for proof in with_some])


def volume(conclusion: Conclusion) -> str:
    """What went through the processor, per currency."""
    return _listed([money(proof.volume_minor, proof) for proof in conclusion.proofs if proof.volume_minor])


def money(amount_minor: int, proof: CurrencyProof) -> str:
    """Such as `1,234.50 USD`."""
    return f"{decimal_from_minor(amount_minor, exponent=proof.exponent):,} {proof.currency}"


def _listed(parts: list[str]) -> str:
    if not parts:
        return "no money"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
