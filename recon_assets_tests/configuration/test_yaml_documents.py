"""YAML files: every mistake is named by file, line and field."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from recon_assets.domain.errors import ConfigurationError, LimitExceeded
from recon_assets.yaml_documents import MAX_FILE_BYTES, MAX_PROBLEMS, YamlDocument, mistake, read_yaml


class Folder(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["folder"]
    path: str


class Address(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["address"]
    url: str


class Shelf(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    weights: list[int] = []
    place: Annotated[Folder | Address, Field(discriminator="kind")] | None = None

    @field_validator("weights")
    @classmethod
    def _rise(cls, value: list[int]) -> list[int]:
        for number, (one, other) in enumerate(pairwise(value), start=1):
            if other < one:
                raise mistake("is less than the one before", at=(number,))
        return value


def written(folder: Path, text: str) -> YamlDocument:
    path = folder / "shelf.yaml"
    path.write_text(text, encoding="utf-8")
    return read_yaml(path)


def refusal(folder: Path, text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as refused:
        written(folder, text).parse(Shelf, guide="docs/shelves.md")
    assert refused.value.where.startswith(str(folder / "shelf.yaml"))
    return refused.value


def test_a_document_is_read_as_its_model(tmp_path: Path) -> None:
    text = "# books\ntitle: Books\nweights: [1, 2]\nplace: {kind: folder, path: /books}\n"

    shelf = written(tmp_path, text).parse(Shelf, guide="docs/shelves.md")

    assert shelf == Shelf(title="Books", weights=[1, 2], place=Folder(kind="folder", path="/books"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: Books\nweights:\n  - 1\n  - heavy\n", "weights.1: Input should be a valid integer"),
        ("title: Books\n\n# colours\n\ncolour: red\n", "colour: Extra inputs are not permitted (line 5)"),
        ("weights:\n- 1\n", "title: Field required (line 1)"),
        ("title: Books\nplace:\n  kind: folder\n", "place.folder.path: Field required (line 2)"),
        ("title: Books\nplace:\n  kind: address\n  url: 5\n", "address.url: Input should be a valid string (line 4)"),
        ("title: Books\nplace:\n  kind: moon\n", "(line 2)"),
        ("title: Books\nweights:\n  - 1\n  - 3\n  - 2\n", "weights.2: is less than the one before (line 5)"),
        ("title: Books\nweights: [1, x]\n", "weights.1: Input should be a valid integer"),
        ("title:\n  - long\n", "title: Input should be a valid string (line 1)"),
        ("# nothing\n", "the document: "),
        ("title: &x Books\nplace:\n  <<: &y {kind: folder}\n  path: [1]\n", "place.folder.path: Input should be"),
        ("a: &x\n  path: 7\nplace:\n  <<: *x\n  kind: folder\n", "path: Input should be a valid string (line 2)"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    error = refusal(tmp_path, text)

    assert said in error.what
    assert error.where == str(tmp_path / "shelf.yaml")
    assert "docs/shelves.md" in error.remedy


def test_the_line_of_an_item_is_its_own(tmp_path: Path) -> None:
    assert "(line 4)" in refusal(tmp_path, "title: Books\nweights:\n  - 1\n  - heavy\n").what


def test_every_wrong_field_has_its_own_line_in_one_error(tmp_path: Path) -> None:
    what = refusal(tmp_path, "titel: Books\nweights:\n  - a\n").what

    assert [line in what for line in ("title: Field required (line 1)", "titel: Extra", "weights.0: ")] == [True] * 3
    assert "(line 3)" in what


def test_a_file_with_more_mistakes_than_can_be_read_is_told_by_their_number(tmp_path: Path) -> None:
    text = "title: Books\nweights:\n" + "  - heavy\n" * (MAX_PROBLEMS + 5)

    what = refusal(tmp_path, text).what

    assert what.endswith("; and 5 more")
    assert what.count("weights.") == MAX_PROBLEMS


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("title: Books\nweights: []\ntitle: Films\n", "the key title stands twice, first in line 1", 3),
        ("title: B\nplace:\n  kind: folder\n  path: a\n  path: b\n", "the key path stands twice, first in line 4", 5),
        ("title: B\nweights:\n  - {a: 1, a: 2}\n", "the key a stands twice, first in line 3", 3),
        ("title: B\nweights: &w\n  - *w\n", "a value contains itself", 2),
        ("title: B\nweights:\n  - 2025-13-45\n", "month must be in 1..12", 3),
        ("title: B\nweights: !!bool maybe\n", "maybe", 2),
        ("title: B\nweights: !!timestamp soon\n", "", 2),
        ("title: B\nweights: !!int many\n", "", 2),
    ],
)
def test_a_value_that_means_nothing_or_two_things_is_refused_with_its_line(
    tmp_path: Path, text: str, said: str, line: int
) -> None:
    error = refusal(tmp_path, text)

    assert error.what.startswith("the file can't be read: ")
    assert said in error.what
    assert error.where == f"{tmp_path / 'shelf.yaml'}, line {line}"


@pytest.mark.parametrize(
    ("text", "line"),
    [("title: B\n\tweights: []\n", 2), ("title: B\n---\ntitle: C\n", 2), ("title: !python/name:os\n", 1)],
)
def test_what_is_no_plain_yaml_is_refused_with_its_line(tmp_path: Path, text: str, line: int) -> None:
    error = refusal(tmp_path, text)

    assert (error.what, error.where) == ("the file is no valid YAML", f"{tmp_path / 'shelf.yaml'}, line {line}")


def test_a_value_that_aliases_repeat_without_end_is_read_in_no_time_and_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [1]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]

    assert "a0: Extra inputs are not permitted (line 1)" in refusal(tmp_path, "\n".join(lines)).what


def test_a_file_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    assert "nested too deeply" in refusal(tmp_path, "title: " + "[" * 20_000 + "]" * 20_000).what


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LimitExceeded, match="larger than 1,000,000 bytes"):
        written(tmp_path, "#" * (MAX_FILE_BYTES + 1))


def test_a_file_that_is_no_utf_8_and_one_that_is_a_folder_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("title: Bücher".encode("latin-1"))

    with pytest.raises(ConfigurationError, match=r"utf-8.*latin\.yaml.*Save it as UTF-8"):
        read_yaml(path)
    with pytest.raises(ConfigurationError, match="the file can't be read: Is a directory"):
        read_yaml(tmp_path)
