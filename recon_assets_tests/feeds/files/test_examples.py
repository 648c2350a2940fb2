"""The commented examples are configurations that work, and every word of a description is shown in one of them."""

from pathlib import Path

import pytest
import yaml

from recon_assets.configuration import SANDBOX_URL, Configuration, ProcessorConfig
from recon_assets.feeds.files.description import CsvOptions, FilesDescription, JsonOptions
from recon_assets.feeds.files.description_columns import Columns, Footer, Key, Trailer
from recon_assets.feeds.files.description_values import Amounts, Signs, Times
from recon_assets.processors.products_api import ProductsApiFeed
from recon_assets.settings import Settings

FOLDER = Path(__file__).parents[3] / "config" / "examples"
STAND_IN = FOLDER / "products_api.yaml"
EXAMPLES = sorted(set(FOLDER.glob("*.yaml")) - {STAND_IN})
MODELS = (FilesDescription, CsvOptions, JsonOptions, Columns, Key, Footer, Trailer, Amounts, Signs, Times)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_valid_configuration(path: Path) -> None:
    config = ProcessorConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert isinstance(config.feed, FilesDescription)


def test_the_example_of_the_stand_in_is_one_on_the_sandbox(tmp_path: Path) -> None:
    (tmp_path / "processors").mkdir()
    (tmp_path / "processors" / STAND_IN.name).write_bytes(STAND_IN.read_bytes())
    config = Configuration.load(Settings(_env_file=None, RECON_CONFIG_DIR=tmp_path)).processor("products_api")
    assert isinstance(config.feed, ProductsApiFeed) and config.feed.base_url == SANDBOX_URL


def test_no_two_examples_have_one_name() -> None:
    names = [yaml.safe_load(path.read_text(encoding="utf-8"))["name"] for path in [*EXAMPLES, STAND_IN]]
    assert len(set(names)) == len(names)


def test_the_examples_show_every_word_there_is() -> None:
    shown = "\n".join(path.read_text(encoding="utf-8") for path in EXAMPLES)
    words = {word for model in MODELS for word in model.model_fields} - {"undecided"}  # of proposals only
    assert not {word for word in words if f"{word}:" not in shown}
