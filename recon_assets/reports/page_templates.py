"""The templates of our HTML pages, each compiled once (`compiled_templates`).

    python -m recon_assets.reports.page_templates

compiles them all, for an installation that nobody may write to later.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import jinja2

_FOLDER: Final = Path(__file__).with_name("templates")
_OPTIONS: Final = "escaped, blocks trimmed and stripped"
"""Those of `_environment` that tell what a template compiles to."""


@cache
def page_template(name: str) -> "jinja2.Template":
    """One file of `templates/`. What it says is escaped, and a name that it is not given is an error."""
    return _environment().get_template(name)


def compile_all() -> None:
    """Keep every template compiled, also those that others include."""
    for template in sorted(_FOLDER.iterdir()):
        page_template(template.name)


@cache
def _environment() -> "jinja2.Environment":
    import jinja2

    from recon_assets.reports.compiled_templates import CompiledTemplates

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        bytecode_cache=CompiledTemplates(_OPTIONS),
    )


if __name__ == "__main__":
    compile_all()
