"""Daily reconciliation of payment processors with the internal ledger, on Dagster.

The folders are the map: `domain` holds the words and the rules, `feeds` reads what comes in, `matching` compares,
`store` keeps the record, `assets` and `automation` are what Dagster sees, `cli` is what a terminal sees.
"""
