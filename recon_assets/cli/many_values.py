"""`--processors stripe paypal square`: several values after one option, as people type them."""

from typing import Final

MANY_VALUED: Final = ("--processors",)


def spread(arguments: list[str]) -> list[str]:
    """Repeat a many-valued option before each value: `--processors a b` becomes `--processors a --processors b`.

    An option without a value stays where it is, so that it is refused and not taken for "all".
    """
    spread_out: list[str] = []
    option: str | None = None
    for argument in arguments:
        if argument in MANY_VALUED:
            option = argument
            spread_out.append(argument)
        elif argument.startswith("-"):
            option = None
            spread_out.append(argument)
        elif option and spread_out[-1] != option:
            spread_out += [option, argument]
        else:
            spread_out.append(argument)
    return spread_out
