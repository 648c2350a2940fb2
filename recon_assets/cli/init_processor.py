"""`recon init-processor`: a configuration proposed from a sample file."""

from pathlib import Path
from typing import Annotated

import typer

from recon_assets.cli.options import WRONG_USAGE


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init-processor")(init_processor)


def init_processor(
    name: Annotated[str, typer.Argument(help="The processor's name: lower case, such as adyen.")],
    sample: Annotated[Path, typer.Option("--from", help="A CSV or JSON file of the processor.")],
    output: Annotated[Path | None, typer.Option(help="Write to this file, which must not exist yet.")] = None,
) -> None:
    """Propose the YAML of a processor from a sample file, to standard output or a file. Nothing is guessed.

    What the file does not tell is in a list `undecided`: with it the configuration does not load.
    """
    import re

    from recon_assets.feeds.files.propose import propose

    if not re.fullmatch("[a-z][a-z0-9_]{0,49}", name):
        raise typer.BadParameter(f"{name!r} is no name: lower case letters, digits and _, such as adyen")
    text = propose(name, sample)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        typer.secho(f"recon: {output} can't be written: {error.strerror}. Name another file.", fg="red", err=True)
        raise typer.Exit(WRONG_USAGE) from error
    typer.echo(f"{output} written: decide what is in its list `undecided`, then try recon check-feed {name} {sample}")
