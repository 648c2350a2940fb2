"""`--processors stripe paypal square`: several values after one option, as people type them."""

from typing import Final

import click
from typer.core import TyperCommand

MANY_VALUED: Final = ("--processors",)


def spread(arguments: list[str]) -> list[str]:
    """Repeat a many-valued option before each value: `--processors a b` becomes `--processors a --processors b`."""
    spread_out: list[str] = []
    option: str | None = None
    for argument in arguments:
        if argument in MANY_VALUED:
            option = argument
        elif argument.startswith("-"):
            option = None
            spread_out.append(argument)
        elif option:
            spread_out += [option, argument]
        else:
            spread_out.append(argument)
    if arguments and arguments[-1] in MANY_VALUED:
        spread_out.append(arguments[-1])
    return spread_out


class ManyValuesCommand(TyperCommand):
    """A command whose many-valued options take all values up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spread the values, then parse as usual."""
        return super().parse_args(ctx, spread(args))
