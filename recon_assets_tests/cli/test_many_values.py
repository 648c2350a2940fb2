"""Several values after one option."""

import pytest

from recon_assets.cli.many_values import spread


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("", ""),
        ("run", "run"),
        ("run --date 2025-09-30", "run --date 2025-09-30"),
        ("run --processors a", "run --processors a"),
        ("run --processors a b c", "run --processors a --processors b --processors c"),
        ("run --processors a b --date d", "run --processors a --processors b --date d"),
        ("run --date d --processors a b", "run --date d --processors a --processors b"),
        ("run --processors a --processors b c", "run --processors a --processors b --processors c"),
        ("run --processors a --date d b", "run --processors a --date d b"),
        ("run --processors=a b", "run --processors=a b"),
        ("run a --processors b", "run a --processors b"),
        ("show stripe 2025-09-30", "show stripe 2025-09-30"),
    ],
)
def test_an_option_is_repeated_before_each_of_its_values(typed: str, understood: str) -> None:
    assert spread(typed.split()) == understood.split()


@pytest.mark.parametrize(
    "typed",
    ["run --processors", "run --processors --date d", "run --date d --processors", "run --processors --processors a"],
)
def test_an_option_without_a_value_is_kept_to_be_refused_and_not_taken_for_all(typed: str) -> None:
    assert spread(typed.split()) == typed.split()


def test_the_arguments_themselves_stay_as_they_were() -> None:
    typed = ["run", "--processors", "a", "b"]

    spread(typed)

    assert typed == ["run", "--processors", "a", "b"]
