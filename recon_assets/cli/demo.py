"""`recon demo`: the whole line at once, on days that show what there is to see."""

from datetime import date

import typer

from recon_assets.cli.options import load_settings

SAMPLE_DAY = date(2025, 9, 30)
EVERY_CLASS_DAY = date(2025, 9, 29)
INCOMPLETE_DAY = date(2025, 9, 28)

NEXT_STEPS = """
The answer is in the database, in local_reports/ and in the Dagster UI. With the environment active \
(`. .venv/bin/activate`):

  recon show stripe 2025-09-29      every class of discrepancy, the proof, the checks
  recon show stripe 2025-09-28      a day without a conclusion, and why
  recon sql "SELECT * FROM v_recent_reconciliations LIMIT 10;"
  recon ui                          the Dagster UI on http://127.0.0.1:3000
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo() -> None:
    """Reconcile the sample day of every processor, a day with every class of discrepancy, and an incomplete one."""
    from recon_assets.cli.run import run_days
    from recon_assets.configuration import Configuration

    settings = load_settings()
    names = sorted(Configuration.load(settings).processors)
    days = [(name, SAMPLE_DAY) for name in names]
    outcomes = run_days(settings, [*days, ("stripe", EVERY_CLASS_DAY), ("stripe", INCOMPLETE_DAY)])
    typer.echo(NEXT_STEPS)
    raise typer.Exit(0 if all(outcome.run is not None and outcome.run.verdict for outcome in outcomes) else 1)
