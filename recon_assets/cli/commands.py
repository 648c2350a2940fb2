"""Which module has which command of `recon`. A call imports the module of its own command and no other's.

A module or folder per group of commands, each with `register(app)`; heavy imports wait for their use.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Final

import typer

MODULES: Final[dict[str, tuple[str, ...]]] = {
    "run": ("run",),
    "backfilling.command": ("backfill",),
    "show": ("status", "show"),
    "explain": ("explain",),
    "simulate": ("simulate",),
    "notify": ("notify",),
    "doctor": ("doctor",),
    "metrics": ("metrics",),
    "database": ("sql", "dsn", "db"),
    "dagster_sync": ("dagster-sync",),
    "audit": ("audit",),
    "retention": ("retention",),
    "demo": ("demo",),
    "ui": ("ui",),
    "init_processor": ("init-processor",),
    "check_feed": ("check-feed",),
    "verifying.command": ("verify",),
    "archive": ("archive",),
}
"""In the order of `recon --help`: a module of this package and the names of its commands, or of its group."""


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """The program with the command that `arguments` begin with; with every command where they begin with none.

    So help and refusals of what is misspelt know them all.
    """
    app = typer.Typer(
        name="recon",
        help="Reconcile payment processors with the internal ledger: exact, proven, and never falsely green.",
        callback=_a_command_is_named,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        add_completion=False,
    )
    asked = arguments[0] if arguments else ""
    alone = [module for module, names in MODULES.items() if asked in names]
    for module in alone or MODULES:
        import_module(f"{__package__}.{module}").register(app)
    return app


def _a_command_is_named() -> None:
    """So that Typer asks for the name of the command also where it knows only one."""
