"""PostgreSQL, the record: connection, embedded server, migrations, runs, discrepancies, checks, health."""
