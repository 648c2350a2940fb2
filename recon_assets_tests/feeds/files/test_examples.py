"""The commented examples are descriptions that work, and every word of a description is shown in one of them."""

from pathlib import Path

import pytest
import yaml

from recon_assets.feeds.files.description import Columns, FilesDescription

EXAMPLES = sorted((Path(__file__).parents[3] / "config" / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("side", ["feed", "ledger"])
def test_an_example_is_a_valid_description(path: Path, side: str) -> None:
    FilesDescription.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))[side])


def test_the_examples_show_every_word_there_is() -> None:
    shown = "\n".join(path.read_text(encoding="utf-8") for path in EXAMPLES)
    words = {*FilesDescription.model_fields, *Columns.model_fields}
    for field in ("csv", "amounts", "signs", "times"):
        nested = FilesDescription.model_fields[field].annotation
        assert nested is not None
        words |= set(nested.model_fields)
    assert not {word for word in words if f"{word}:" not in shown}
