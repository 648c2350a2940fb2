"""The templates of our HTML pages, each compiled once."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import jinja2

_FOLDER: Final = Path(__file__).with_name("templates")


@cache
def page_template(name: str) -> "jinja2.Template":
    """One file of `templates/`. What it says is escaped, and a name that it is not given is an error."""
    return _environment().get_template(name)


@cache
def _environment() -> "jinja2.Environment":
    import jinja2

    loader = jinja2.FileSystemLoader(_FOLDER)
    return jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
