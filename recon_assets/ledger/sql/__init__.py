"""Our ledger by SQL (`kind: ledger_sql`): a SELECT of the deployment on any database that SQLAlchemy reaches.

`description` is what the YAML may say, `query` the rules of the statement, `session` a read-only connection and its
errors, `rows` the exact text of what comes, `adapter` joins them. Not here: the meaning of the values, which is the
same as for files (`recon_assets.feeds.files`), and our own database of record (`recon_assets.store`).
"""
