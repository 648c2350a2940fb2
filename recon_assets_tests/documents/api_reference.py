"""The reference in docs/api.md, from the docstrings of `recon_assets.api`. A test compares the two; to write it anew:

python -m recon_assets_tests.documents.api_reference
"""

from pathlib import Path
from typing import Final

import griffe
from griffe2md import ConfigDict, render_object_docs

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "api.md"
BEGIN: Final = "<!-- from the docstrings: python -m recon_assets_tests.documents.api_reference -->\n"
MODULE: Final = "recon_assets.api"


def reference() -> str:
    """A chapter for each class in `__all__`, with its methods in the order of the source."""
    module = griffe.load(MODULE)
    options = ConfigDict(
        heading_level=3,
        show_root_full_path=False,
        show_object_full_path=False,
        show_root_members_full_path=False,
        show_if_no_docstring=False,
        show_signature_annotations=True,
        members_order="source",
        summary=False,
        line_length=100,
    )
    classes = [module.members[str(name)] for name in module.exports or ()]
    return "\n".join(render_object_docs(member, options).strip() + "\n" for member in classes)


def with_reference(text: str) -> str:
    """The document with what follows its marker replaced."""
    before, found, _ = text.partition(BEGIN)
    assert found, f"docs/api.md lacks the line {BEGIN!r}"
    return f"{before}{BEGIN}\n{reference()}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_reference(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
