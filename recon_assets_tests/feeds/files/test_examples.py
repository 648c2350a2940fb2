"""The commented examples are configurations that work, and every word of a description is shown in one of them."""

from pathlib import Path

import pytest
import yaml

from recon_assets.configuration import ProcessorConfig
from recon_assets.feeds.files.description import CsvOptions, FilesDescription, JsonOptions
from recon_assets.feeds.files.description_columns import Columns, Footer, Key, Trailer
from recon_assets.feeds.files.description_values import Amounts, Signs, Times

EXAMPLES = sorted((Path(__file__).parents[3] / "config" / "examples").glob("*.yaml"))
MODELS = (FilesDescription, CsvOptions, JsonOptions, Columns, Key, Footer, Trailer, Amounts, Signs, Times)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_valid_configuration(path: Path) -> None:
    config = ProcessorConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert isinstance(config.feed, FilesDescription)


def test_no_two_examples_have_one_name() -> None:
    names = [yaml.safe_load(path.read_text(encoding="utf-8"))["name"] for path in EXAMPLES]
    assert len(set(names)) == len(names)


def test_the_examples_show_every_word_there_is() -> None:
    shown = "\n".join(path.read_text(encoding="utf-8") for path in EXAMPLES)
    words = {word for model in MODELS for word in model.model_fields} - {"undecided"}  # of proposals only
    assert not {word for word in words if f"{word}:" not in shown}
