"""Which engine matches is a setting."""

import pytest
from pydantic import ValidationError

from recon_assets.matching.runner import DuckDB, Spark
from recon_assets.resources.storage import Storage
from recon_assets.settings import Settings


def engine_of(**settings: str) -> object:
    return Storage.from_settings(Settings(_env_file=None, **settings)).engine


def test_duckdb_matches_where_nothing_is_said_within_the_memory_that_is() -> None:
    assert engine_of() == DuckDB("1GB")
    assert engine_of(RECON_DUCKDB_MEMORY_LIMIT="3GB") == DuckDB("3GB")


def test_spark_matches_by_one_setting_here_or_at_the_address_given() -> None:
    assert engine_of(RECON_MATCHING_ENGINE="spark") == Spark("local[2]")
    assert engine_of(RECON_MATCHING_ENGINE="spark", RECON_SPARK_REMOTE="sc://spark:15002") == Spark("sc://spark:15002")


def test_an_address_may_hold_a_token_so_settings_do_not_show_it() -> None:
    settings = Settings(_env_file=None, RECON_SPARK_REMOTE="sc://spark/;token=tok-4711")

    assert "tok-4711" not in repr(settings)


@pytest.mark.parametrize(
    "wrong",
    [
        {"RECON_MATCHING_ENGINE": "polars"},
        {"RECON_SPARK_REMOTE": "spark:15002"},
        {"RECON_SPARK_REMOTE": "local[none]"},
        {"RECON_SPARK_REMOTE": "sc://"},
    ],
)
def test_an_engine_that_there_is_not_is_refused(wrong: dict[str, str]) -> None:
    (variable,) = wrong

    with pytest.raises(ValidationError) as refused:
        Settings(_env_file=None, **wrong)

    assert [error["loc"] for error in refused.value.errors()] == [(variable,)]
