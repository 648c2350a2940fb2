"""The child process of what no comparison can do without: joining the keys, or reading the columns.

python -m recon_assets_tests.scorecard.limits FOLDER keys|columns
"""

import sys

import duckdb

from recon_assets_tests.scorecard.peers.measuring import measured, tell

KEYS = """
SELECT count(*) FROM read_parquet('{folder}/transactions.parquet') AS p
FULL JOIN read_parquet('{folder}/ledger_entries.parquet') AS l ON p.transaction_id = l.transaction_id
"""
COLUMNS = """
SELECT bit_xor(hash(transaction_id)), sum(amount_minor), sum(fee_minor), sum(agreement_code), count(DISTINCT movement)
FROM read_parquet(['{folder}/transactions.parquet', '{folder}/ledger_entries.parquet'])
"""


def main() -> None:
    query = {"keys": KEYS, "columns": COLUMNS}[sys.argv[2]].format(folder=sys.argv[1])
    with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
        _, figures = measured(lambda: connection.execute(query).fetchall())
    tell(figures)


main()
