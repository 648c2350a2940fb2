"""A conclusion as metadata: in words for people, and as whole numbers that the UI plots over the days."""

from recon_assets.domain.conclusion import Conclusion
from recon_assets.domain.money import decimal_from_minor


def money_at_stake(conclusion: Conclusion) -> str:
    """Gross discrepancy amounts per currency, as people write them."""
    return ", ".join(
        f"{decimal_from_minor(proof.discrepancy_amount_minor, exponent=proof.exponent)} {proof.currency}"
        for proof in conclusion.proofs
    )


def figures_to_plot(conclusion: Conclusion) -> dict[str, int]:
    """Rates in basis points, exact since rates have four places, and gross discrepancies per currency in minor units.

    A rate that has nothing to divide by is left out: absent is not zero.
    """
    rates = {
        "discrepancy_rate_bp": conclusion.risk.discrepancy_rate,
        "value_at_risk_rate_bp": conclusion.risk.value_at_risk_rate,
    }
    return {name: int(rate * 10_000) for name, rate in rates.items() if rate is not None} | {
        f"value_at_risk_minor_{proof.currency}": proof.discrepancy_amount_minor for proof in conclusion.proofs
    }
