"""A template that was compiled once is not compiled again, and never used where it is not the same any more."""

import sys
from pathlib import Path

import jinja2
import pytest

from recon_assets.reports.compiled_templates import CompiledTemplates
from recon_assets.reports.page_templates import compile_all

pytestmark = pytest.mark.usefixtures("bytecode")

TEXT = "<p>{{ amount }}</p>"


@pytest.fixture
def bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python may write bytecode, whatever the environment of the tests says."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


class Compiling(jinja2.Environment):
    """Counts what it compiles."""

    compiled = 0

    def compile(self, *arguments: object, **named: object) -> object:  # type: ignore[override]
        self.compiled += 1
        return super().compile(*arguments, **named)  # type: ignore[call-overload]


def environment(folder: Path, text: str = TEXT, *, options: str = "escaped") -> Compiling:
    return Compiling(
        loader=jinja2.FunctionLoader(lambda name: (text, name, None)),
        autoescape=True,
        bytecode_cache=CompiledTemplates(options, folder=folder),
    )


def rendered(of: Compiling) -> str:
    return of.get_template("page.html").render(amount="<1.00>")


def test_it_is_compiled_by_the_first_process_alone(tmp_path: Path) -> None:
    first, second = environment(tmp_path), environment(tmp_path)
    assert rendered(first) == rendered(second) == "<p>&lt;1.00&gt;</p>"
    assert (first.compiled, second.compiled) == (1, 0)
    assert [path.suffix for path in tmp_path.iterdir()] == [".cache"], "nothing unfinished stays"


def test_another_text_or_other_options_are_compiled_anew(tmp_path: Path) -> None:
    rendered(environment(tmp_path))
    assert rendered(environment(tmp_path, "<b>{{ amount }}</b>")) == "<b>&lt;1.00&gt;</b>"
    other = environment(tmp_path, options="other")
    rendered(other)
    assert other.compiled == 1


def test_a_file_that_is_broken_is_compiled_anew_and_replaced(tmp_path: Path) -> None:
    rendered(environment(tmp_path))
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    for broken in (b"", b"no bytecode", whole[: len(whole) // 2]):
        kept.write_bytes(broken)
        again = environment(tmp_path)
        assert rendered(again) == "<p>&lt;1.00&gt;</p>"
        assert again.compiled == 1
        assert kept.read_bytes() == whole


def test_without_a_folder_it_is_compiled_by_each_process(tmp_path: Path) -> None:
    for _ in range(2):
        alone = environment(tmp_path / "missing")
        assert rendered(alone) == "<p>&lt;1.00&gt;</p>"
        assert alone.compiled == 1


def test_nothing_is_written_where_python_writes_no_bytecode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    rendered(environment(tmp_path))
    assert not list(tmp_path.iterdir())


def test_every_template_of_ours_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # the program's folder is not the tests'
    compile_all()
