"""Verdicts and classes for people who do not work with them every day: their own words, and what they mean."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.discrepancies import DiscrepancyClass
from recon_assets.domain.verdict import Verdict

CLASS_MEANINGS: Final[Mapping[DiscrepancyClass, str]] = MappingProxyType(
    {
        DiscrepancyClass.MATCHED_IN_TOLERANCE: "Matched; the small difference is allowed by the rules.",
        DiscrepancyClass.MATCHED_PRIOR_DAY: "The counterpart was booked on another day.",
        DiscrepancyClass.MISSING_IN_LEDGER: "The processor has it, our ledger does not.",
        DiscrepancyClass.MISSING_AT_PROCESSOR: "Our ledger has it, the processor does not.",
        DiscrepancyClass.PENDING_IN_LEDGER: "Within the time that booking may take.",
        DiscrepancyClass.PENDING_AT_PROCESSOR: "Within the time that the processor may take.",
        DiscrepancyClass.AMOUNT_MISMATCH: "Both sides have it, with different amounts.",
        DiscrepancyClass.CURRENCY_MISMATCH: "Both sides have it, in different currencies.",
        DiscrepancyClass.STATUS_MISMATCH: "Same money, but not final on both sides.",
        DiscrepancyClass.FEE_MISMATCH: "Same amount, but the fee is not the booked or agreed one.",
        DiscrepancyClass.DUPLICATE_AT_PROCESSOR: "The processor has it more often than our ledger.",
        DiscrepancyClass.DUPLICATE_IN_LEDGER: "Our ledger has it more often than the processor.",
        DiscrepancyClass.AMBIGUOUS: "Several counterparts fit equally well; none was guessed.",
        DiscrepancyClass.RESTATED: "The processor changed it after the day was concluded.",
        DiscrepancyClass.UNCLASSIFIED: "Counted, but no rule knows what kind it is.",
    }
)
"""What happened, in a sentence."""


def words(name: str) -> str:
    """A class, verdict or other name of the domain as words: `missing in ledger` of `missing_in_ledger`."""
    return name.replace("_", " ")


def heading(name: str) -> str:
    """The same as it begins a line: `Missing in ledger`."""
    return words(name).capitalize()


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
    return _listed([proof.money_text(proof.discrepancy_amount_minor) for proof in with_some])


def volume(conclusion: Conclusion) -> str:
    """What went through the processor, per currency."""
    return _listed([proof.money_text(proof.volume_minor) for proof in conclusion.proofs if proof.volume_minor])


def _listed(parts: list[str]) -> str:
    if not parts:
        return "no money"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
