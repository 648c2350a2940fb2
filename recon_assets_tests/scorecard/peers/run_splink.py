"""splink without ids: equal currency and amount are candidates; merchant and time are weighed by what it learns itself.

What it is told is how many of the candidates are a pair at most, as it can only estimate that across all records.
Confirmed: two records that are each other's best from 0.9 on. Suggested: every other pair from 0.5 on.
"""

import logging
import sys
from pathlib import Path

import duckdb
import splink.comparison_level_library as levels
import splink.comparison_library as comparisons
from measuring import measured, tell
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

folder, into = Path(sys.argv[1]), Path(sys.argv[2])
logging.disable(logging.WARNING)
CONFIRM_FROM, SUGGEST_FROM = 0.9, 0.5
SECONDS_APART = "abs(second_l - second_r) <= {}"


def settings(*, prior: float) -> SettingsCreator:
    return SettingsCreator(
        link_type="link_only",
        unique_id_column_name="seq",
        probability_two_random_records_match=prior,
        blocking_rules_to_generate_predictions=[block_on("currency", "amount_minor")],
        comparisons=[
            comparisons.ExactMatch("merchant_id"),
            comparisons.CustomComparison(
                output_column_name="second",
                comparison_levels=[
                    levels.NullLevel("second"),
                    *(levels.CustomLevel(SECONDS_APART.format(seconds), f"{seconds} s") for seconds in (2, 10, 3600)),
                    levels.ElseLevel(),
                ],
            ),
        ],
    )


def compare() -> None:
    engine = DuckDBAPI(connection)
    sides = []
    for side, name in (("a_processor", "transactions.parquet"), ("b_ledger", "ledger_entries.parquet")):
        connection.execute(
            f"CREATE TABLE {side} AS SELECT seq, currency, amount_minor, merchant_id, epoch(occurred_at) AS second"
            f" FROM read_parquet('{folder / name}')"
        )
        sides.append(engine.register(side, dataset_display_name=side))
    ((prior,),) = connection.execute(
        "SELECT (SELECT count(*) FROM a_processor) / count(*)"
        " FROM a_processor INNER JOIN b_ledger USING (currency, amount_minor)"
    ).fetchall()
    linker = Linker(sides, settings(prior=prior))
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("currency", "amount_minor"))
    predicted = linker.inference.predict(threshold_match_probability=SUGGEST_FROM)
    connection.execute(
        "CREATE TABLE judged AS SELECT seq_l AS processor_seq, seq_r AS ledger_seq,"
        f" match_probability >= {CONFIRM_FROM}"
        " AND row_number() OVER (PARTITION BY seq_l ORDER BY match_weight DESC, seq_r) = 1"
        " AND row_number() OVER (PARTITION BY seq_r ORDER BY match_weight DESC, seq_l) = 1 AS is_confirmed"
        f" FROM {predicted.physical_name}"
    )


with duckdb.connect() as connection:
    _, figures = measured(compare)
    connection.execute(f"COPY judged TO '{into / 'pairs.parquet'}' (FORMAT parquet)")
tell(figures)
