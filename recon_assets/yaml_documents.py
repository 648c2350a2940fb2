"""YAML files whose mistakes are named by file, line and field.

What belongs here: reading one file and knowing where in it each value stands. Not here: what a file may say; that is
a pydantic model of whoever asks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from recon_assets.domain.errors import ConfigurationError, LimitExceeded

Parsed = TypeVar("Parsed")
Place = tuple[int | str, ...]
"""The way to a value: keys of mappings and numbers of list items, as pydantic's `loc`."""

MAX_FILE_BYTES: Final = 1_000_000
MAX_PROBLEMS: Final = 20
"""As many mistakes one error names; beyond them it counts."""

_MERGE_TAG: Final = "tag:yaml.org,2002:merge"
_AT: Final = "at"
_TOO_SHORT: Final = "too_short"
_LIST_AND_MAPPING: Final = {
    "tuple_type": "Input should be a list",
    "list_type": "Input should be a list",
    "dict_type": "Input should be a mapping of names to values",
    "model_type": "Input should be a mapping of fields to values",
    "model_attributes_type": "Input should be a mapping of fields to values",
    _TOO_SHORT: "needs at least {min_length}, has {actual_length}",
    "too_long": "takes at most {max_length}",
}
"""pydantic's texts for these speak Python."""


def mistake(message: str, *, at: Place) -> PydanticCustomError:
    """What a validator raises when the mistake stands deeper than the field it validates: `at` leads on from there."""
    return PydanticCustomError("mistake", "{message}", {"message": message, _AT: at})


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One file: what it says, and the nodes that know the lines. `value` is None for a file of comments only."""

    path: Path
    value: Any
    root: yaml.Node | None

    def parse(self, model: type[Parsed], *, guide: str) -> Parsed:
        """The document as `model`. Raises `ConfigurationError` that names every wrong field with its line.

        `guide` is the page that says what the fields may hold.
        """
        try:
            return TypeAdapter(model).validate_python(self.value)
        except ValidationError as error:
            raise self.refused(_problems(error), guide=guide) from error

    def refused(self, problems: Iterable[tuple[Place, str]], *, guide: str) -> ConfigurationError:
        """The error for `problems`, each a place in the document and what is wrong there."""
        named = [f"{_field(place)}: {message} (line {self.line_of(place)})" for place, message in problems]
        more = [f"and {len(named) - MAX_PROBLEMS} more"] if len(named) > MAX_PROBLEMS else []
        return ConfigurationError(
            f"the configuration is wrong: {'; '.join([*named[:MAX_PROBLEMS], *more])}",
            where=str(self.path),
            remedy=f"Correct the fields named; {guide} lists what each may hold.",
        )

    def line_of(self, place: Place) -> int:
        """The line, from 1, of the value at `place`, or of what encloses it where the file does not have it.

        Parts that are in no file, such as the tags that pydantic puts in for unions, are passed over.
        """
        node, line = self.root, _line(self.root)
        for part in place:
            if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = _line(node)
            elif isinstance(node, yaml.MappingNode):
                for key, value in _entries(node):
                    if isinstance(key, yaml.ScalarNode) and key.value == str(part):
                        node, line = value, _line(key)
                        break
        return line


def read_yaml(path: Path) -> YamlDocument:
    """Read one file in UTF-8.

    Raises `ConfigurationError` for a file that is no YAML or can't be read, and for a key that stands twice in one
    mapping, of which YAML readers silently take the last; `LimitExceeded` for more than `MAX_FILE_BYTES`.
    """
    loader = _Loader(_text(path))
    try:
        root = loader.get_single_node()
        _refuse_doubtful_nodes(root, enclosing=set(), seen=set())
        return YamlDocument(path, None if root is None else loader.construct_document(root), root)
    except _WrongValue as error:
        raise ConfigurationError(
            f"the file can't be read: {error.problem}", where=_place_of(path, error), remedy="Correct that line."
        ) from error
    except yaml.YAMLError as error:
        raise ConfigurationError(
            "the file is no valid YAML",
            where=_place_of(path, error),
            remedy="Mend the indentation or the quotes there.",
        ) from error
    except RecursionError as error:
        raise ConfigurationError(
            "the file can't be read: it is nested too deeply", where=str(path), remedy="Write it flatter."
        ) from error
    finally:
        loader.dispose()


class _WrongValue(yaml.MarkedYAMLError):
    """Well-formed YAML that means nothing, or two things."""


class _Loader(yaml.SafeLoader):
    """PyYAML's own, except that a value which can't be made, such as the date 2025-13-45, knows its line."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyYAML's signature
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, LookupError, AttributeError) as error:  # the last two: `!!bool maybe`, `!!timestamp soon`
            raise _WrongValue(problem=str(error), problem_mark=node.start_mark) from error


def _refuse_doubtful_nodes(node: yaml.Node | None, *, enclosing: set[int], seen: set[int]) -> None:
    """Raise `_WrongValue` for a key that stands twice, and for a value that contains itself (an alias can say that).

    `seen` keeps a value that many aliases repeat from being walked as often.
    """
    if not isinstance(node, yaml.CollectionNode):
        return
    if id(node) in enclosing:
        raise _WrongValue(problem="a value contains itself", problem_mark=node.start_mark)
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        _refuse_repeated_keys(node)
    for child in node.value:
        for part in child if isinstance(child, tuple) else (child,):
            _refuse_doubtful_nodes(part, enclosing=enclosing | {id(node)}, seen=seen)


def _refuse_repeated_keys(node: yaml.MappingNode) -> None:
    first_lines: dict[tuple[str, str], int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        name = (key.tag, key.value)
        if name in first_lines:
            raise _WrongValue(
                problem=f"the key {key.value} stands twice, first in line {first_lines[name]}",
                problem_mark=key.start_mark,
            )
        first_lines[name] = _line(key)


def _entries(node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """Keys and values; those that `<<` brings in come last, because the mapping's own win."""
    merged: list[yaml.Node] = []
    for key, value in node.value:
        if key.tag == _MERGE_TAG:
            merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
        else:
            yield key, value
    for one in merged:
        if isinstance(one, yaml.MappingNode):
            yield from _entries(one)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise LimitExceeded(
                f"the file is larger than {MAX_FILE_BYTES:,} bytes",
                where=str(path),
                remedy="This is no configuration: look at what was written there.",
            )
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"the file can't be read: {error}", where=str(path), remedy="Save it as UTF-8."
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"the file can't be read: {error.strerror}", where=str(path), remedy="Let this program read it."
        ) from error


def _problems(error: ValidationError) -> list[tuple[Place, str]]:
    """Places and texts. A list that counts as too short only because its items are wrong is no problem of its own."""
    every = [(_place(item), item) for item in error.errors(include_url=False)]
    return [
        (place, _text_of(item))
        for place, item in every
        if item["type"] != _TOO_SHORT or not any(other[: len(place)] == place != other for other, _ in every)
    ]


def _text_of(problem: ErrorDetails) -> str:
    ours = _LIST_AND_MAPPING.get(problem["type"])
    return str(problem["msg"]) if ours is None else ours.format(**problem.get("ctx", {}))


def _place(problem: ErrorDetails) -> Place:
    """Where a problem stands: pydantic's place, and the rest of the way that `mistake` gave."""
    place: Place = (*problem["loc"], *problem.get("ctx", {}).get(_AT, ()))
    return place[:-1] if place[-1:] == ("[key]",) else place


def _field(place: Place) -> str:
    return ".".join(str(part) for part in place) or "the document"


def _line(node: yaml.Node | None) -> int:
    return 1 if node is None else node.start_mark.line + 1


def _place_of(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{path}, line {mark.line + 1}" if mark else str(path)
